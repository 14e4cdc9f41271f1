// Aliases over each engine, with the network between them and it breaking in the middle of a flip. Virtual time says how long
// the repair took: it passes only while nothing that was asked since the network is back is still unanswered, so that a slow
// machine cannot make a good repair look late.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { createNonce } from '../../src/base/identity.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { startAlias } from '../../src/check/alias.ts';
import { createChecks } from '../../src/check/check.ts';
import type { Alias, Checks } from '../../src/check/contract.ts';
import { createCheckProbe } from '../../src/probe/check.ts';
import type { HealthStatus } from '../../src/probe/contract.ts';
import type { Store } from '../../src/store/contract.ts';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { openEngine } from '../support/engine-worlds.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';

const STEP_MS = 250;
/** What takes longer than this in real time rides on a connection that the network has swallowed. */
const SWALLOWED_MS = 1000;
const NEVER_MS = 24 * 3_600_000;

/** A store whose calls are known while they are under way. */
function trackStore(store: Store) {
  const underWay = new Set<Promise<unknown>>();
  const track = <T>(call: Promise<T>): Promise<T> => {
    underWay.add(call);
    void call.then(
      () => underWay.delete(call),
      () => underWay.delete(call),
    );
    return call;
  };
  const tracked: Store = {
    ...store,
    get: (key, options) => track(store.get(key, options)),
    compareAndSet: (key, expect, value, options) => track(store.compareAndSet(key, expect, value, options)),
  };
  return { tracked, underWay };
}

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    let proxy: FaultProxy;
    let clock: ManualClock;
    let store: Store;
    let direct: Store;
    let checks: Checks;
    let name: string;
    let alias: Alias;
    let transitions: HealthStatus[];
    let underWay: Set<Promise<unknown>>;
    /** Swallowed by the network: nobody waits for these. */
    let lost: ReadonlySet<Promise<unknown>>;

    beforeAll(async () => {
      server = await engine.start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      name = createNonce();
      lost = new Set();
      proxy = await startFaultProxy(server.port);
      clock = createManualClock();
      // The store's own poll repairs nothing here.
      store = await openEngine(server.url(proxy.port), { clock, pollMs: NEVER_MS });
      direct = await openEngine(server.url());
      checks = createChecks({
        ...{ store: direct, namespace: 'test', clock: systemClock, writer: 'test', logger: nullLogger },
      });
    });
    afterEach(async () => {
      proxy.set({ kind: 'pass' });
      proxy.cutAll();
      const stopping = alias.stop();
      await clock.advance(60_000);
      await stopping;
      await Promise.all([store.close(), direct.close()]);
      await proxy.close();
    });

    const begin = async (reconcileMs: number) => {
      await checks.set(`${name}-db`, { status: 'passing' });
      const following = trackStore(store);
      underWay = following.underWay;
      const world = {
        ...{ store: following.tracked, namespace: 'test', clock, writer: 'alias', logger: nullLogger },
      };
      const upstreams = [createCheckProbe({ ...world, id: 'check:db', name: `${name}-db` })];
      transitions = [];
      const onTransition = ({ to }: { to: HealthStatus }) => transitions.push(to);
      alias = startAlias({ name, upstreams, reconcileMs }, { ...world, onTransition });
      await passUntil('passing');
    };
    const isShown = async (status: HealthStatus) => (await checks.get(name)).status === status;
    /** Everything that was asked and not swallowed has its answer, and what followed from that was asked. */
    const settleCalls = async () => {
      for (let quiet = 0; quiet < 3; quiet += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        const open = [...underWay].filter((call) => !lost.has(call));
        if (open.length === 0) continue;
        quiet = 0;
        const answered = Promise.allSettled(open);
        const isSwallowed = await new Promise<boolean>((resolve) => {
          const timer = systemClock.startTimer(SWALLOWED_MS, () => resolve(true));
          void answered.then(() => resolve(false)).finally(() => timer.cancel());
        });
        if (isSwallowed) lost = new Set([...lost, ...open]);
      }
    };
    /** Lets virtual time pass until the alias shows the status; how much it was. */
    const passUntil = async (status: HealthStatus, limitMs = 600_000) => {
      for (let passedMs = 0; passedMs <= limitMs; passedMs += STEP_MS) {
        await settleCalls();
        if (await isShown(status)) return passedMs;
        await clock.advance(STEP_MS);
      }
      return Number.POSITIVE_INFINITY;
    };
    /** In real time, none of the virtual one: only a notification can have done it. */
    const untilTold = async (status: HealthStatus) => {
      while (!(await isShown(status))) {
        // The smallest gap between two readings, which is no interval of anything.
        await clock.advance(5);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const passSilence = async (silentMs: number) => {
      for (let passedMs = 0; passedMs < silentMs; passedMs += STEP_MS) {
        lost = new Set(underWay);
        await new Promise((resolve) => setImmediate(resolve));
        lost = new Set(underWay);
        await clock.advance(Math.min(STEP_MS, silentMs - passedMs));
      }
      lost = new Set(underWay);
    };

    // When the network comes back, with respect to the reading at the end of the interval that it swallowed.
    test.each([
      { reconcileMs: 60_000, silentMs: 1000, what: 'before the next reading' },
      { reconcileMs: 60_000, silentMs: 60_500, what: 'with a reading lost in it' },
      { reconcileMs: 60_000, silentMs: 64_500, what: 'with a confirmation due' },
      { reconcileMs: 60_000, silentMs: 400_000, what: 'after minutes, with the questions far apart' },
      { reconcileMs: 8000, silentMs: 8500, what: 'where an interval is hardly longer than a question' },
    ])('a flip in a blackhole is made good within one interval of $reconcileMs ms, $what', async (given) => {
      await begin(given.reconcileMs);
      proxy.set({ kind: 'blackhole' });
      await checks.set(`${name}-db`, { status: 'warning' });
      await passSilence(given.silentMs);
      expect(await isShown('passing')).toBe(true);
      proxy.set({ kind: 'pass' });
      expect(await passUntil('warning')).toBeLessThanOrEqual(given.reconcileMs);
      // That the store had been away is nothing that the upstream ever was.
      expect(transitions).toEqual(['passing', 'warning']);
    });

    test.each(['cut-on-reply', 'cut-after-request', 'reset'] as const)(
      'connections that break (%s) in the middle of a flip: it is made good within one interval, and the next is told',
      async (kind) => {
        await begin(60_000);
        proxy.set({ kind });
        const broken = proxy.nextRequest();
        // What is told over the open connection breaks it, and so does each attempt after it.
        await checks.set(`${name}-db`, { status: 'warning' });
        await clock.advance(60_000);
        await broken;
        await clock.advance(2000);
        proxy.set({ kind: 'pass' });
        proxy.cutAll();
        expect(await passUntil('warning')).toBeLessThanOrEqual(60_000);
        await checks.set(`${name}-db`, { status: 'critical' });
        await untilTold('critical');
      },
    );

    test('open connections that a firewall forgot: the interval makes it good', async () => {
      await begin(60_000);
      proxy.strandAll();
      lost = new Set(underWay);
      await checks.set(`${name}-db`, { status: 'warning' });
      await passSilence(60_500);
      expect(await passUntil('warning')).toBeLessThanOrEqual(60_000);
    });
  });
}
