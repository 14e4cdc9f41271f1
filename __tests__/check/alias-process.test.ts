// Aliases as real processes over the file store and over each engine: killed and started anew at random while upstreams flip
// and the store itself goes down and comes back, stopped by SIGSTOP between a decision and its write and resumed after a
// successor took over. No timer may help where the store pushes: every interval is an hour.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { hasCode } from '../../src/base/errors.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { createChecks } from '../../src/check/check.ts';
import { reduceChecks } from '../../src/check/rollup.ts';
import { type CheckRecord, checkKey, decodeCheckRecord } from '../../src/probe/check-record.ts';
import type { Store } from '../../src/store/contract.ts';
import { ENGINES, type ListedEngine } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { openEngine } from '../support/engine-worlds.ts';
import { createManualClock } from '../support/manual-clock.ts';
import type { AliasOrder } from './alias-entry.ts';

type Server = Pick<EngineProcess, 'url' | 'kill' | 'restart' | 'stop'>;

const root = fileURLToPath(new URL('../../', import.meta.url));
const entry = join(root, '__tests__/check/alias-entry.ts');
const STATUSES = ['passing', 'warning', 'critical'] as const;
const UPSTREAMS = ['db', 'api'] as const;
const HOUR_MS = 3_600_000;

/** A store without a server is restarted by opening it anew. */
const filePlace: Omit<ListedEngine, 'start'> & { start(): Promise<Server> } = {
  name: 'a file store',
  isInstalled: true,
  howToGet: '',
  async start() {
    const folder = await mkdtemp(join(tmpdir(), 'lockstep-alias-'));
    return {
      url: () => `file:${join(folder, 'store')}`,
      kill: async () => undefined,
      restart: async () => undefined,
      stop: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
    };
  },
};

interface AliasProcess {
  readonly child: ChildProcess;
  readonly writer: string;
  /** Resolves with the first line it says. */
  readonly began: Promise<string | null>;
  /** Resolves with the next line it says; null at its end. */
  said(): Promise<string | null>;
}

for (const place of [filePlace, ...ENGINES]) {
  describeEngine(place, () => {
    let server: Server;
    let store: Store;
    let children: ChildProcess[];
    let name: string;
    let made = 0;

    beforeAll(async () => {
      server = await place.start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      children = [];
      name = `alias-${made++}`;
      store = await openEngine(server.url());
    });
    afterEach(async () => {
      for (const child of children) child.kill('SIGKILL');
      await store.close();
    });

    const start = (order: Partial<AliasOrder> = {}): AliasProcess => {
      const writer = `writer ${children.length}`;
      const upstreams = UPSTREAMS.map((upstream) => `${name}-${upstream}`);
      const whole: AliasOrder = {
        ...{ url: server.url(), name, upstreams, writer, reconcileMs: HOUR_MS },
        ...order,
      };
      const args = ['--import', './scripts/register-ts.js', entry, JSON.stringify(whole)];
      const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const said = async () => {
        const line = await lines.next();
        return line.done ? null : String(line.value);
      };
      return { child, writer, began: said(), said };
    };
    const end = async ({ child }: AliasProcess) => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    };
    /** Publishes until it is sure: a server that has just come back may not answer yet. */
    const set = async (upstream: (typeof UPSTREAMS)[number], status: (typeof STATUSES)[number]) => {
      const world = { store, namespace: 'test', clock: systemClock, writer: 'test', logger: nullLogger };
      for (;;) {
        try {
          return await createChecks(world).set(`${name}-${upstream}`, { status });
        } catch (error) {
          if (!hasCode(error, 'unavailable') && !hasCode(error, 'indeterminate')) throw error;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const waitForAlias = async (fits: (record: CheckRecord) => boolean): Promise<CheckRecord> => {
      const controller = new AbortController();
      const key = checkKey('test', name);
      try {
        // The first edge comes with the subscription itself.
        for await (const _ of store.watch(key, { signal: controller.signal })) {
          const found = await store.get(key);
          const record = found && decodeCheckRecord(found.value, name);
          if (record && fits(record)) return record;
        }
        throw new Error('the watch ended');
      } finally {
        controller.abort();
      }
    };

    test('killed and started anew at random while upstreams flip and the store restarts, it is right in the end', async () => {
      const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 2 ** 31);
      const { random } = createManualClock({ seed });
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
      const statuses = { db: pick(STATUSES), api: pick(STATUSES) };
      const story: string[] = [`seed ${seed}`];
      const flip = async () => {
        const upstream = pick(UPSTREAMS);
        statuses[upstream] = pick(STATUSES.filter((status) => status !== statuses[upstream]));
        story.push(`${upstream} ${statuses[upstream]}`);
        await set(upstream, statuses[upstream]);
      };
      for (const upstream of UPSTREAMS) await set(upstream, statuses[upstream]);
      let alias = start();
      const act = {
        flip,
        async 'kill the alias'() {
          // Sometimes it had written, sometimes it had hardly begun.
          if (random() < 0.5) await alias.began;
          await end(alias);
          await flip();
          alias = start();
        },
        // The old one is told nothing: it finds out. The last one to claim wins, so the old one must have done it.
        async 'start a second alias'() {
          await alias.began;
          alias = start();
          await flip();
        },
        async 'restart the store'() {
          await server.kill();
          await server.restart();
          await flip();
        },
        async 'restart everything at once'() {
          await Promise.all([server.kill(), end(alias)]);
          alias = start();
          await store.close();
          await server.restart();
          store = await openEngine(server.url());
          await flip();
        },
      };
      const acts = Object.keys(act) as (keyof typeof act)[];
      const order = acts.map((each) => ({ each, rank: random() }));
      for (const { each } of order.sort((a, b) => a.rank - b.rank)) {
        story.push(each);
        await act[each]();
      }
      const expected = reduceChecks(
        UPSTREAMS.map((upstream) => ({ id: upstream, status: statuses[upstream], output: '' })),
        true,
      ).status;
      const shown = waitForAlias((record) => record.writer === alias.writer && record.status === expected);
      const late = systemClock.startTimer(20_000, () => {
        process.stderr.write(`still not ${expected} by ${alias.writer}: ${story.join(', ')}\n`);
      });
      const { upstreams } = await shown.finally(() => late.cancel());
      expect(upstreams).toEqual(UPSTREAMS.map((upstream) => `check:${name}-${upstream}`));
      for (const status of STATUSES) {
        await Promise.all([set('db', status), set('api', status)]);
        await waitForAlias((record) => record.status === status && record.writer === alias.writer);
      }
    }, 60_000);

    test('one that hears of no change at all is right after its reconcile interval, also after a restart of the store', async () => {
      await set('db', 'passing');
      await set('api', 'passing');
      const alias = start({ isDeaf: true, reconcileMs: 300 });
      await waitForAlias(({ status }) => status === 'passing');
      await set('api', 'warning');
      await waitForAlias(({ status }) => status === 'warning');
      await server.kill();
      await server.restart();
      await set('db', 'critical');
      await waitForAlias(({ status, output }) => status === 'critical' && output.includes('-db is critical'));
      await set('db', 'passing');
      await waitForAlias(({ status }) => status === 'warning');
      alias.child.kill('SIGTERM');
      expect(await alias.said()).toBe('stopped');
      // It ends by itself: nothing of it is left that would keep a process.
      expect(await alias.said()).toBeNull();
    });

    test('one stopped between its decision and its write, and resumed after a successor took over, writes nothing', async () => {
      await set('db', 'passing');
      await set('api', 'passing');
      const old = start({ stopsBefore: 'critical' });
      expect(await old.began).toBe('started');
      await set('db', 'critical');
      expect(await old.said()).toBe('stopping');
      const successor = start();
      expect(await successor.began).toBe('started');
      await set('db', 'passing');
      const { generation, nonce } = await waitForAlias(
        ({ writer, status }) => writer === successor.writer && status === 'passing',
      );
      old.child.kill('SIGCONT');
      expect(await old.said()).toBe('replaced');
      expect(await old.said()).toBeNull();
      expect(await waitForAlias(() => true)).toMatchObject({ status: 'passing', generation, nonce });
      successor.child.kill('SIGTERM');
      expect(await successor.said()).toBe('stopped');
    });
  });
}
