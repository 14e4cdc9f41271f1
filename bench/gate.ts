// What a gate costs on the file store: from the last member ready to all open, wake-ups by timer, and writes, as the number of
// members grows. All members live in this process, each with a store handle of its own; on a runner each has a machine.
// Run: node --import ./scripts/register-ts.js bench/gate.ts [rounds] [largest] [smallest]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { nullLogger } from '../src/base/logger.ts';
import { gateKeySegments, parseGateConfig } from '../src/gate/config.ts';
import { passGate } from '../src/gate/gate.ts';
import type { GateOptions, GatePassage } from '../src/gate/ports.ts';
import { createResult } from '../src/probe/result.ts';
import { openFileStore } from '../src/store/drivers/file.ts';
import { createKey } from '../src/store/key.ts';
import { median, printTable, round } from './pairs.ts';

const [rounds = 15, largest = 256, smallest = 1] = process.argv.slice(2).map(Number);

interface Sample {
  readonly openedMs: number;
  readonly totalMs: number;
  readonly wakeups: number;
  readonly writes: number;
  readonly conflicts: number;
}

/** One gate of `count` members. All but the last are ready from the start; time runs from the last one's readiness. */
async function measure(folder: string, count: number, number: number): Promise<Sample> {
  const names = Array.from({ length: count }, (_, index) => `member-${index}`);
  const config = parseGateConfig({
    gate: 'bench',
    members: names,
    requireApi: null,
    versionScheme: 'integer',
  });
  if (!config.ok) throw new Error(config.problem);
  const key = createKey(
    'default',
    ...gateKeySegments({ scope: 'run', repository: 'o/r', run: `${number}` }, 'bench'),
  );
  let apiReached = 0;
  let lastReadyMs = 0;
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const openedAtMs: number[] = [];
  const startMs = systemClock.monotonicMs();
  const passages = await Promise.all(
    names.map(async (name, index): Promise<GatePassage> => {
      const store = await openFileStore({ path: folder, clock: systemClock, pollMs: 30_000 });
      const isLast = index === count - 1;
      const options: GateOptions = {
        store,
        key,
        clock: systemClock,
        logger: nullLogger,
        config: config.value,
        scope: 'run',
        self: {
          name,
          incarnation: { run: `${number}`, attempt: 1, id: name },
          versions: { schema: '42', api: ['billing', 'search'] },
          mode: 'wait',
          canMigrate: true,
          canProbeSchema: false,
          canProbeApi: true,
          allowDowngrade: false,
          onLeave: 'fail',
          timeoutMs: 600_000,
          leaseMs: 60_000,
        },
        pollMs: 30_000,
        hasBeats: true,
        migrate: async () => ({ ok: true }),
        schemaProbe: null,
        ready: [
          {
            id: 'app',
            watch: null,
            async probe() {
              if (isLast) {
                await released;
                lastReadyMs = systemClock.monotonicMs();
              }
              return createResult({ status: 'passing', detail: 'ok' });
            },
            close: async () => undefined,
          },
        ],
        openMemberProbe: async () => null,
        paths: { schemaPath: ['schema'], apiPath: ['api'] },
        successes: 1,
        jobs: null,
        signal: new AbortController().signal,
        onProgress(progress) {
          if (progress.kind !== 'board' || !isLast) return;
          const states = Object.values(progress.doc?.members ?? {});
          apiReached = states.filter(({ state }) => state === 'api-ready').length;
          if (apiReached === count - 1) release();
        },
      };
      const passage = await passGate(options);
      openedAtMs.push(systemClock.monotonicMs());
      await store.close();
      return passage;
    }),
  );
  if (passages.some(({ run }) => run.outcome !== 'open')) throw new Error('a gate did not open');
  const sum = (pick: (passage: GatePassage) => number) => passages.reduce((all, each) => all + pick(each), 0);
  return {
    openedMs: Math.max(...openedAtMs) - lastReadyMs,
    totalMs: systemClock.monotonicMs() - startMs,
    wakeups: sum(({ run }) => run.wakeupsByTimer),
    writes: sum(({ writes, conflicts }) => writes - conflicts),
    conflicts: sum(({ conflicts }) => conflicts),
  };
}

const folder = await mkdtemp(join(tmpdir(), 'lockstep-gate-bench-'));
try {
  const rows = [];
  let number = 0;
  for (const count of [1, 3, 10, 40, 100, 256].filter((each) => each <= largest && each >= smallest)) {
    const samples: Sample[] = [];
    const times = count <= 10 ? rounds : count <= 40 ? Math.ceil(rounds / 4) : 1;
    for (let each = 0; each < times; each += 1) {
      number += 1;
      samples.push(await measure(folder, count, number));
    }
    const opened = samples.map(({ openedMs }) => openedMs).sort((a, b) => a - b);
    const last = samples.at(-1);
    rows.push({
      members: count,
      rounds: times,
      'last ready → all open, median ms': round(median(opened), 1),
      'max ms': round(opened.at(-1) ?? 0, 1),
      'whole gate ms': round(median(samples.map(({ totalMs }) => totalMs)), 0),
      'wake-ups by timer': Math.max(...samples.map(({ wakeups }) => wakeups)),
      'writes, 2N+1': `${last?.writes}, ${2 * count + 1}`,
      conflicts: round(median(samples.map(({ conflicts }) => conflicts)), 0),
    });
  }
  printTable('A gate on the file store', rows);
} finally {
  await rm(folder, { recursive: true, force: true });
}
