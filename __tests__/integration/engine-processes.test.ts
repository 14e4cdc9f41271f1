// Real processes over each engine: racing on one key through a network that breaks, while some are killed, what they saw must
// be explainable by one register; and over the lease manager one holder at a time with rising tokens, also after a kill.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { ContenderOrder } from '../support/engine-contender.ts';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { openEngine } from '../support/engine-worlds.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { checkLinearizable, type RegisterCall } from '../support/store-linearizability.ts';

const project = resolve(import.meta.dirname, '..', '..');
const loader = join(project, 'scripts', 'register-ts.js');
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

interface LoggedCall extends Omit<RegisterCall, 'outcome'> {
  outcome: RegisterCall['outcome'] | 'none';
}

/** The calls of all racers; those that were certainly not applied are left out, so that their values must never appear. */
async function readHistory(folder: string): Promise<RegisterCall[]> {
  const calls = new Map<string, LoggedCall>();
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.log'))) {
    for (const line of (await readFile(join(folder, file), 'utf8')).split('\n')) {
      if (!line.endsWith('}')) continue;
      const { call, startNs, endNs, ...fields } = JSON.parse(line) as Record<string, string>;
      const id = `${fields['process']} ${call}`;
      const known = calls.get(id) ?? { outcome: 'unknown' as const, endNs: 0n };
      const times = {
        ...(startNs ? { startNs: BigInt(startNs) } : {}),
        ...(endNs ? { endNs: BigInt(endNs) } : {}),
      };
      calls.set(id, { ...known, ...fields, ...times } as LoggedCall);
    }
  }
  return [...calls.values()].filter((call) => call.outcome !== 'none') as RegisterCall[];
}

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    let proxy: FaultProxy;
    let folder: string;
    let children: ChildProcess[];

    beforeAll(async () => {
      server = await engine.start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'lockstep-engine-'));
      proxy = await startFaultProxy(server.port);
      children = [];
    });
    afterEach(async () => {
      for (const child of children) child.kill('SIGKILL');
      await proxy.close();
      await rm(folder, { recursive: true, force: true });
    });

    /** Starts a child; `began` resolves with the first line it prints. */
    const start = (script: string, args: readonly string[]) => {
      const path = join(project, '__tests__', 'support', script);
      const child = spawn(process.execPath, ['--import', loader, path, ...args], {
        cwd: project,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      children.push(child);
      const ended = new Promise<number | null>((done) => child.once('exit', done));
      const began = new Promise<string>((done, fail) => {
        child.stdout?.once('data', (chunk: Buffer) => done(chunk.toString().trim()));
        void ended.then((code) => fail(new Error(`${script} ended at its start with ${code}`)));
      });
      began.catch(() => undefined);
      return { child, began, ended };
    };
    /** The history begins with a key that is not there, and a script that Redis knows: what is cut is then a write's answer. */
    const clear = async () => {
      const direct = await openEngine(server.url());
      await direct.compareAndSet(`race/warm/${folder.length}`, null, 'x');
      const left = await direct.get('race/on/one');
      if (left) await direct.delete('race/on/one', left.revision);
      await direct.close();
    };
    const race = () => {
      const name = `r${children.length}`;
      return start('engine-racer.ts', [server.url(proxy.port), join(folder, `${name}.log`), name]);
    };
    const finish = async (racers: readonly ReturnType<typeof race>[]) => {
      for (const { child } of racers) child.stdin?.end();
      await Promise.all(racers.map(({ ended }) => ended));
      return readHistory(folder);
    };

    /** One bad moment of the network after another. */
    const disturb = async (kinds: readonly ('cut-on-reply' | 'cut-after-request')[]) => {
      for (const kind of kinds) {
        await pause(40);
        proxy.set({ kind });
        await pause(8);
        proxy.set({ kind: 'pass' });
      }
    };
    /** What was logged so far, with the racers stopped meanwhile: otherwise one log could tell of what another hides yet. */
    const look = async (racers: readonly ReturnType<typeof race>[]) => {
      for (const { child } of racers) child.kill('SIGSTOP');
      const history = await readHistory(folder);
      for (const { child } of racers) child.kill('SIGCONT');
      return history;
    };
    const countOf = (history: readonly RegisterCall[], outcome: string) =>
      history.filter((call) => call.kind === 'cas' && call.outcome === outcome && call.endNs > 0n).length;

    test('racers see one register while replies are lost, connections break and some are killed', async () => {
      await clear();
      const racers = [race(), race(), race()];
      await Promise.all(racers.map(({ began }) => began));
      let history: RegisterCall[];
      do {
        await disturb(['cut-on-reply', 'cut-after-request']);
        proxy.cutAll();
        history = await look(racers);
      } while (
        countOf(history, 'ok') < 20 ||
        countOf(history, 'lost') < 1 ||
        countOf(history, 'unknown') < 3
      );
      racers[0]?.child.kill('SIGKILL');
      await pause(100);
      expect(checkLinearizable(await finish(racers))).toMatchObject({ isLinearizable: true });
    });

    // One lost reply, at the one place where it matters: racing for it took a client minutes of luck on a fast engine.
    test.each(['honest', 'resending'] as const)(
      'the history of an %s client after a lost reply',
      async (manner) => {
        await clear();
        const store = await openEngine(server.url(proxy.port));
        const history: RegisterCall[] = [];
        const call = async <T>(
          fields: Omit<RegisterCall, 'outcome' | 'startNs' | 'endNs' | 'process'>,
          run: () => Promise<T>,
        ) => {
          const startNs = process.hrtime.bigint();
          const answer = await run();
          return {
            answer,
            log: (more: Partial<RegisterCall> & Pick<RegisterCall, 'outcome'>) =>
              history.push({ process: 'one', ...fields, startNs, endNs: process.hrtime.bigint(), ...more }),
          };
        };
        const key = 'race/on/one';
        const first = await call({ kind: 'cas', expect: null, value: 'a' }, () =>
          store.compareAndSet(key, null, 'a'),
        );
        first.log({ outcome: 'ok' });
        const revision = first.answer.ok ? first.answer.revision : '';
        proxy.set({ kind: 'cut-on-reply' });
        const second = await call({ kind: 'cas', expect: 'a', value: 'b' }, async () => {
          const lost = await store.compareAndSet(key, revision, 'b').catch((error: unknown) => error);
          expect(lost).toMatchObject({ code: 'indeterminate' });
          proxy.set({ kind: 'pass' });
          return manner === 'resending' ? store.compareAndSet(key, revision, 'b') : null;
        });
        if (second.answer) expect(second.answer.ok).toBe(false);
        second.log({ outcome: second.answer ? 'lost' : 'unknown' });
        const read = await call({ kind: 'get' }, () => store.get(key));
        read.log({ outcome: 'ok', found: read.answer?.value ?? null });
        expect(read.answer?.value).toBe('b');
        await store.close();
        expect(checkLinearizable(history).isLinearizable).toBe(manner === 'honest');
      },
    );

    const contend = (order: Partial<ContenderOrder>) => {
      const whole: ContenderOrder = {
        url: server.url(proxy.port),
        folder,
        rounds: 5,
        leaseMs: 3000,
        ...order,
      };
      return start('engine-contender.ts', [JSON.stringify(whole)]);
    };
    const readTokens = async () =>
      (await readFile(join(folder, 'tokens'), 'utf8')).trim().split('\n').map(Number);

    test('one process holds the lock at a time, with rising tokens, also while connections break', async () => {
      const contenders = [contend({}), contend({}), contend({}), contend({})];
      await Promise.all(contenders.map(({ began }) => began));
      let isOver = false;
      const disturb = async () => {
        while (!isOver) {
          await pause(80);
          proxy.cutAll();
        }
      };
      const disturbing = disturb();
      expect(await Promise.all(contenders.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
      isOver = true;
      await disturbing;
      const tokens = await readTokens();
      expect(tokens).toHaveLength(20);
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    });

    test('a killed holder is succeeded when its lease has run out, with a higher token', async () => {
      const first = contend({ keep: true, leaseMs: 2000 });
      await first.began;
      first.child.kill('SIGKILL');
      await first.ended;
      const second = contend({ rounds: 1, leaseMs: 2000 });
      expect(await second.ended).toBe(0);
      const [before = 0, after = 0] = await readTokens();
      expect(after).toBeGreaterThan(before);
    });
  });
}
