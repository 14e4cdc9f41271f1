// One client process of a fleet that shares an account: calls the sandbox as fast as its throttle lets it, until its time is
// over, and prints what it saw. Started by throttle-fleet.ts; the settings come as the one argument, the start by a line on stdin.
import { sleep, systemClock } from '../../src/base/clock.ts';
import { openStore, parseStoreUrl } from '../../src/store/open.ts';
import type { Throttle } from '../../src/throttle/contract.ts';
import { createSharedThrottle } from '../../src/throttle/shared-throttle.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { throttledFetch } from '../../src/throttle/throttled-fetch.ts';

export interface ClientSettings {
  url: string;
  store: string;
  key: string;
  strategy: 'alone' | 'shared';
  emissionIntervalMs: number;
  durationMs: number;
  /** How long one call of the store may take; the throttle's own unless given. */
  callTimeoutMs?: number;
}

export interface ClientResult {
  accepted: number;
  refused: number;
  longestWaitMs: number;
  storeCalls: number;
  /** How often it said that it paces alone, and whether it shared in the end. */
  warnings: number;
  isShared: boolean;
}

const RETURN_WITHIN_MS = 40_000;

const settings = JSON.parse(process.argv[2] ?? '{}') as ClientSettings;
const clock = systemClock;
const headers = { authorization: 'Bearer bench' };
const address = parseStoreUrl(settings.store, { cwd: process.cwd(), env: {} });
if (!address.ok) throw new Error(address.problem);
const store = await openStore(address.value, { clock });
let warnings = 0;
const own = { emissionIntervalMs: settings.emissionIntervalMs, burst: 4500, reserve: 0 };
const shared =
  settings.strategy === 'shared'
    ? createSharedThrottle({
        settings: own,
        store,
        key: settings.key,
        ...(settings.callTimeoutMs === undefined ? {} : { callTimeoutMs: settings.callTimeoutMs }),
        logger: { error: say, warn, info: say, debug: () => undefined },
        countRemaining: async ({ signal }) => {
          const response = await fetch(`${settings.url}/account/rate-limits`, { headers, signal });
          return ((await response.json()) as { remaining: number }).remaining;
        },
      })
    : null;
const throttle: Throttle = shared ?? createThrottle({ settings: own });

// Everything that is slow the first time happens before the start.
await fetch(`${settings.url}/_sandbox/apps`).then((response) => response.text());
await store.get('bench/warm-up');
process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));

const result = { accepted: 0, refused: 0, longestWaitMs: 0 };
const ending = new AbortController();
clock.startTimer(settings.durationMs, () => ending.abort());
let askedMs = clock.monotonicMs();
const timed: Throttle = {
  async take(options) {
    askedMs = clock.monotonicMs();
    await throttle.take(options);
    result.longestWaitMs = Math.max(result.longestWaitMs, clock.monotonicMs() - askedMs);
  },
  observe(signal) {
    result[signal.throttled ? 'refused' : 'accepted'] += 1;
    throttle.observe(signal);
  },
  delayMs: () => throttle.delayMs(),
  get throttledCount() {
    return throttle.throttledCount;
  },
};
const paced = throttledFetch(timed, { attempts: 1000 });
// A crowd does not start in the same millisecond.
await sleep(clock, settings.emissionIntervalMs * clock.random());
while (!ending.signal.aborted) {
  try {
    const response = await paced(`${settings.url}/account`, { headers, signal: ending.signal });
    await response.arrayBuffer();
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  }
}
// Whoever paces alone comes back by itself, as long as it is asked for slots.
const returning = new AbortController();
const patience = clock.startTimer(RETURN_WITHIN_MS, () => returning.abort());
while (shared && !shared.isShared && !returning.signal.aborted) {
  await shared.take({ signal: returning.signal }).catch(() => undefined);
}
patience.cancel();
const isShared = shared?.isShared ?? false;
await shared?.close();
await store.close();
process.stdin.destroy();
const told: ClientResult = { ...result, storeCalls: shared?.storeCalls ?? 0, warnings, isShared };
process.stdout.write(`${JSON.stringify(told)}\n`);

function warn(): void {
  warnings += 1;
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}
