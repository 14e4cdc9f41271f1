// Aliases as real processes over the file store: killed and restarted while the upstream flips, stopped by SIGSTOP in the middle
// of their work and resumed after a successor took over.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { createChecks } from '../../src/check/check.ts';
import type { Checks } from '../../src/check/contract.ts';
import { type CheckRecord, checkKey, decodeCheckRecord } from '../../src/probe/check-record.ts';
import type { Store } from '../../src/store/contract.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const STATUSES = ['passing', 'warning', 'critical'] as const;
let path: string;
let store: Store;
let checks: Checks;
let children: ChildProcess[];

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'lockstep-alias-'));
  children = [];
  store = await openFileStore({ path, clock: systemClock });
  checks = createChecks({ store, namespace: 'test', clock: systemClock, writer: 'test', logger: nullLogger });
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await store.close();
  await rm(path, { recursive: true, force: true });
});

interface AliasProcess {
  readonly child: ChildProcess;
  /** Resolves with the next line it says; null at its end. */
  said(): Promise<string | null>;
}

function startProcess(writer: string): AliasProcess {
  const entry = join(root, '__tests__/check/alias-entry.ts');
  const args = ['--import', './scripts/register-ts.js', entry, path, 'alias', 'db', writer];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async said() {
      const line = await lines.next();
      return line.done ? null : String(line.value);
    },
  };
}

async function waitForAlias(fits: (record: CheckRecord) => boolean): Promise<CheckRecord> {
  const controller = new AbortController();
  const key = checkKey('test', 'alias');
  try {
    // The first edge comes with the subscription itself.
    for await (const _ of store.watch(key, { signal: controller.signal })) {
      const entry = await store.get(key);
      const record = entry && decodeCheckRecord(entry.value, 'alias');
      if (record && fits(record)) return record;
    }
    throw new Error('the watch ended');
  } finally {
    controller.abort();
  }
}

describe('alias processes over one store', () => {
  test('killed and restarted while the upstream flips, the alias is right in the end', async () => {
    for (const [round, status] of [...STATUSES, ...STATUSES].slice(0, 4).entries()) {
      const alias = startProcess(`round ${round}`);
      // Sometimes it is killed before it ever wrote, sometimes right after.
      if (round % 2 === 0) await alias.said();
      await checks.set('db', { status });
      alias.child.kill('SIGKILL');
      await once(alias.child, 'exit');
    }
    const last = startProcess('last');
    await checks.set('db', { status: 'warning' });
    expect(
      await waitForAlias(({ writer, status }) => writer === 'last' && status === 'warning'),
    ).toMatchObject({
      upstreams: ['check:db'],
    });
    expect(await last.said()).toBe('started');
    last.child.kill('SIGTERM');
    expect(await last.said()).toBe('stopped');
    // It ends by itself: nothing of it is left that would keep a process.
    expect(await last.said()).toBeNull();
  });

  test('one stopped by SIGSTOP and resumed after a successor took over never writes again', async () => {
    await checks.set('db', { status: 'passing' });
    let old = startProcess('writer 0');
    await old.said();
    for (let round = 1; round <= 3; round += 1) {
      // Stopped as near as possible to a write of its own.
      await checks.set('db', { status: 'critical', output: `round ${round}` });
      old.child.kill('SIGSTOP');
      const successor = startProcess(`writer ${round}`);
      expect(await successor.said()).toBe('started');
      await checks.set('db', { status: 'passing', output: `round ${round}` });
      const own = (record: CheckRecord) => record.writer === `writer ${round}` && record.status === 'passing';
      const { generation } = await waitForAlias(own);
      old.child.kill('SIGCONT');
      expect(await old.said()).toBe('replaced');
      const record = await waitForAlias(() => true);
      expect(record).toMatchObject({ writer: `writer ${round}`, status: 'passing', generation });
      old = successor;
    }
    old.child.kill('SIGTERM');
    expect(await old.said()).toBe('stopped');
  });
});
