// The discrete-event model of a fleet of clients on one account: virtual time, a server with a bucket of tokens, and a store
// with latency. Each client has a clock of its own, with an offset nobody else knows and a drift, so that a design which
// compares clocks is found out. `prd` is rate_throttle_client's ProportionalRemainingDecrease, as its source reads.
import { setMaxListeners } from 'node:events';
import { type Clock, sleep } from '../../src/base/clock.ts';
import type { RateSignal, Throttle } from '../../src/throttle/contract.ts';
import { createSharedThrottle } from '../../src/throttle/shared-throttle.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { createFaultyNetwork, type FaultDecider } from '../support/faulty-store.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';

export const LIMIT = 4500;
export const REFILL_MS = 800;

export interface FleetOptions {
  strategy: 'prd' | 'local' | 'shared';
  clients: number;
  durationMs: number;
  /** In the bucket at the start; 0 unless given. */
  tokens?: number;
  /** Each way, per client and request; 10 to 40 ms. */
  storeMs?: number;
  seed?: number;
  /** Calls of each client at once; 1 unless given. */
  workers?: number;
  /** When a client leaves, and whether it gives its slots back; null stays. */
  leaveAtMs?: (client: number) => number | null;
  isLeavingTidily?: boolean;
  /** Somebody outside the group takes a token every so often. */
  outsiderEveryMs?: number;
  decide?: FaultDecider;
  /** The share by which clocks run fast or slow at most; 50 millionths unless given. */
  drift?: number;
  reserve?: number;
  /** The provider has no free count to ask for. */
  isUncounted?: boolean;
}

export interface FleetResult {
  readonly accepted: number;
  readonly refused: number;
  /** Tokens that could have been spent. */
  readonly possible: number;
  readonly refusedShare: number;
  readonly usedShare: number;
  readonly deviation: number;
  readonly longestWaitMs: number;
  readonly storeCalls: number;
  /** When each client's calls were accepted, on the server's clock. */
  readonly acceptedAtMs: readonly (readonly number[])[];
  readonly tokensLeft: number;
}

/** A clock that started elsewhere and runs at its own speed. */
function createOwnClock(base: ManualClock, { offsetMs, speed }: { offsetMs: number; speed: number }): Clock {
  return {
    monotonicMs: () => base.monotonicMs() * speed + offsetMs,
    wallMs: () => base.wallMs() - 2 * offsetMs,
    machineTime: () => null,
    random: () => base.random(),
    startTimer: (delayMs, callback) => base.startTimer(delayMs / speed, callback),
  };
}

export function createTokenServer(clock: Clock, tokens: number) {
  let left = tokens;
  let atMs = clock.monotonicMs();
  const refill = () => {
    left = Math.min(LIMIT, left + (clock.monotonicMs() - atMs) / REFILL_MS);
    atMs = clock.monotonicMs();
    return left;
  };
  return {
    remaining: () => Math.floor(refill() + 1e-9),
    left: () => refill(),
    take(): boolean {
      if (refill() < 1 - 1e-9) return false;
      left -= 1;
      return true;
    },
  };
}

export async function runFleet(options: FleetOptions): Promise<FleetResult> {
  const { strategy, clients, durationMs, tokens = 0, storeMs = 0.3, workers = 1 } = options;
  const base = createManualClock({ seed: options.seed ?? 1 });
  const server = createTokenServer(base, tokens);
  const jittered = (ms: number) => ms * (0.7 + 0.6 * base.random());
  const decide: FaultDecider =
    options.decide ?? (() => ({ requestMs: jittered(storeMs), replyMs: jittered(storeMs) }));
  const network = createFaultyNetwork({ clock: base, decide });
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const acceptedAtMs: number[][] = Array.from({ length: clients }, () => []);
  let [accepted, refused, longestWaitMs] = [0, 0, 0];
  const throttles: (Throttle & { storeCalls?: number; close?(): Promise<void> })[] = [];

  const open = (client: number): Throttle & { close?(): Promise<void> } => {
    const drift = options.drift ?? 5e-5;
    const clock = createOwnClock(base, {
      offsetMs: Math.floor(base.random() * 1e9),
      speed: 1 + drift * (2 * base.random() - 1),
    });
    const settings = { emissionIntervalMs: REFILL_MS, burst: LIMIT, reserve: options.reserve ?? 0 };
    if (strategy !== 'shared') return createThrottle({ settings, clock });
    const countRemaining = async () => {
      await sleep(base, jittered(25));
      const remaining = server.remaining();
      await sleep(base, jittered(25));
      return remaining;
    };
    return createSharedThrottle({
      settings,
      clock,
      store: network.open(`client-${client}`),
      key: 'test/throttle/account',
      ...(options.isUncounted ? {} : { countRemaining }),
    });
  };

  const request = async (client: number): Promise<RateSignal> => {
    await sleep(base, jittered(25));
    const isAccepted = server.take();
    if (isAccepted) {
      accepted += 1;
      acceptedAtMs[client]?.push(base.monotonicMs());
    } else refused += 1;
    const remaining = server.remaining();
    await sleep(base, jittered(25));
    return { throttled: !isAccepted, remaining };
  };

  /** rate_throttle_client: sleeps before each call, and again after a refusal; one value shared by a process's threads. */
  const runPrd = async (client: number, signal: AbortSignal) => {
    let sleepMs = 0;
    const rest = (ms: number) => {
      longestWaitMs = Math.max(longestWaitMs, ms);
      return sleep(base, ms * (1 + 0.1 * base.random()), signal);
    };
    for (;;) {
      await rest(sleepMs);
      for (;;) {
        const answer = await request(client);
        if (!answer.throttled) {
          sleepMs -= (sleepMs * (answer.remaining ?? 0)) / LIMIT;
          break;
        }
        sleepMs += REFILL_MS;
        await rest(sleepMs);
        sleepMs *= 1.2;
      }
    }
  };

  const runThrottled = async (
    client: number,
    { throttle, signal }: { throttle: Throttle; signal: AbortSignal },
  ) => {
    for (;;) {
      const askedMs = base.monotonicMs();
      await throttle.take({ signal });
      longestWaitMs = Math.max(longestWaitMs, base.monotonicMs() - askedMs);
      throttle.observe(await request(client));
      if (signal.aborted) return;
    }
  };

  const runClient = async (client: number) => {
    const leaveAtMs = options.leaveAtMs?.(client) ?? null;
    const leaving = new AbortController();
    if (leaveAtMs !== null) base.startTimer(leaveAtMs, () => leaving.abort());
    const signal = AbortSignal.any([ending.signal, leaving.signal]);
    setMaxListeners(0, signal);
    if (strategy === 'prd') return await runPrd(client, signal).catch(() => undefined);
    const throttle = open(client);
    throttles.push(throttle);
    await sleep(base, 300 * base.random());
    const ends = Array.from({ length: workers }, () =>
      runThrottled(client, { throttle, signal }).catch(() => undefined),
    );
    await Promise.all(ends);
    if (leaving.signal.aborted && options.isLeavingTidily) await throttle.close?.();
  };

  const all = Array.from({ length: clients }, (_, client) => runClient(client));
  if (options.outsiderEveryMs !== undefined) {
    const every = options.outsiderEveryMs;
    const takeOne = () => {
      server.take();
      if (!ending.signal.aborted) base.startTimer(every, takeOne);
    };
    base.startTimer(every, takeOne);
  }
  await base.advance(durationMs);
  const counts = acceptedAtMs.map((times) => times.length);
  const [acceptedAtEnd, refusedAtEnd, waitAtEnd] = [accepted, refused, longestWaitMs];
  const tokensLeft = server.left();
  ending.abort();
  await base.advance(120_000);
  await Promise.all(all);
  const mean = counts.reduce((a, b) => a + b, 0) / clients;
  const possible = Math.floor(tokens + durationMs / REFILL_MS + 1e-9);
  return {
    accepted: acceptedAtEnd,
    refused: refusedAtEnd,
    possible,
    refusedShare: refusedAtEnd / Math.max(1, refusedAtEnd + acceptedAtEnd),
    usedShare: acceptedAtEnd / possible,
    deviation: Math.sqrt(counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / clients),
    longestWaitMs: waitAtEnd,
    storeCalls: throttles.reduce((sum, throttle) => sum + (throttle.storeCalls ?? 0), 0),
    acceptedAtMs,
    tokensLeft,
  };
}
