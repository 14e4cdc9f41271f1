/**
 * Layer 2 of the throttle: the processes of one account take blocks of slots from one virtual clock in a store, each block with
 * one compare-and-set, and spend them locally.
 *
 *   take ─▶ block has a slot? ─▶ due? ─▶ granted ─▶ request ─▶ observe ─▶ ceiling (less than expected), floor (more)
 *             │ no                                                            │ carried into the next reservation
 *             └─▶ reserve: decide on what was seen ─▶ compareAndSet ◀─────────┘      store slow or down ─▶ layer 1, said once
 *
 * While the provider says that plenty remains there is nothing to share: calls go by layer 1, without the store.
 * NOT guaranteed: that nothing is refused; others may spend the same budget. Invariants: one reservation at a time; a slot is
 * granted once, first come, first served; an unspent slot is given back or lost, at most one block a process; a timer is
 * pending only while somebody waits.
 */
import { type Clock, sleep, systemClock, type Timer } from '../base/clock.ts';
import { createDeadline } from '../base/deadline.ts';
import { hasCode, toError } from '../base/errors.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import type { Store } from '../store/contract.ts';
import type { RateSignal, Throttle, ThrottleSettings } from './contract.ts';
import { createFallback } from './fallback.ts';
import { blockSize } from './findings.ts';
import { BLOCK_LIFE_MS, isPlenty } from './reservation.ts';
import { type BlockAnswer, createSharedAccount } from './shared-account.ts';
import { createThrottle } from './throttle.ts';
import { createWaitQueue, type Waiter } from './wait-queue.ts';

/** A store that takes longer for one answer is no help; then everybody paces alone for a while. */
const CALL_TIMEOUT_MS = 5000;
const GIVE_BACK_TIMEOUT_MS = 2000;
/** How much the latest reservation counts in the average of their durations. */
const LATENCY_WEIGHT = 0.3;
/** A call of the store that failed is tried again so often before everybody paces alone. */
const RETRIES = 2;
/** For so long what the provider said remains is good enough to tell plenty from little. */
const FRESH_COUNT_MS = 5000;
/** With a reserve to leave, the record is looked at again at least this often. */
const LOOK_AGAIN_MS = 15_000;

export interface SharedThrottleOptions {
  settings: ThrottleSettings;
  /** Not closed by the throttle. */
  store: Store;
  /** One per account; all who share the account use the same store and key. */
  key: string;
  /** The machine's own unless given. */
  clock?: Clock;
  logger?: Logger;
  /** Asks the provider how many calls are left, free of charge; null where it does not say. Called once, before the first block. */
  countRemaining?: ((options: { signal: AbortSignal }) => Promise<number | null>) | undefined;
  /** 5 s unless given: a store that does not answer within it is out of reach. */
  callTimeoutMs?: number;
}

export interface SharedThrottle extends Throttle {
  /** False while the store is out of reach and this process paces alone. */
  readonly isShared: boolean;
  /** Compare-and-sets and reads of the store so far. */
  readonly storeCalls: number;
  /** Gives unspent slots back, best effort and bounded; later calls are paced alone. Idempotent. */
  close(): Promise<void>;
}

/** A throttle that all processes with the same store and key share. The caller closes it before the store. */
export function createSharedThrottle(options: SharedThrottleOptions): SharedThrottle {
  const { settings, store, clock = systemClock, logger = nullLogger } = options;
  const { callTimeoutMs = CALL_TIMEOUT_MS } = options;
  const local = createThrottle({ settings, clock });
  const account = createSharedAccount({
    ...options,
    clock,
    logger,
    callTimeoutMs,
    countRemaining: options.countRemaining,
    onCounted(remaining) {
      local.observe({ throttled: false, remaining });
      lastCount = { remaining, atMs: clock.monotonicMs() };
    },
  });
  const fallback = createFallback({ clock, logger, url: store.url });
  const closing = new AbortController();
  const queue = createWaitQueue(() => pump());
  /** Due times on the axis. */
  let block: readonly number[] = [];
  let lastCount: { remaining: number; atMs: number } | null = null;
  let reserving: Promise<void> | null = null;
  let latencyMs = 0;
  let laterUntilMs = Number.NEGATIVE_INFINITY;
  let timer: Timer | null = null;

  /** Slots that nobody wanted in time must not be spent when others may count on them again. */
  const dropExpired = () => {
    const last = block.at(-1);
    if (last === undefined || account.axisMs() <= last + BLOCK_LIFE_MS / 2) return;
    account.findings.abandoned(block.length);
    block = [];
  };

  const hasPlenty = (): boolean => {
    if (!lastCount || block.length > 0) return false;
    const isFresh = clock.monotonicMs() - lastCount.atMs <= FRESH_COUNT_MS;
    const left = lastCount.remaining - local.unanswered.length;
    return isFresh && isPlenty(left - settings.reserve, account.rate.burst);
  };

  const pump = () => {
    timer?.cancel();
    timer = null;
    if (fallback.isAlone || hasPlenty()) {
      for (let waiter = queue.next(); waiter; waiter = queue.next()) handOver(waiter);
      if (fallback.isRetryDue()) reserve();
      return;
    }
    dropExpired();
    while (queue.length > 0) {
      const nowMs = clock.monotonicMs();
      const slotMs = block[0];
      if (slotMs === undefined && laterUntilMs <= nowMs) return reserve();
      const atMs =
        slotMs === undefined ? laterUntilMs : Math.max(slotMs - account.anchorMs, local.heldUntilMs());
      // What is due within a microsecond is due; a timer for it would only spin.
      if (atMs > nowMs + 1e-3) {
        timer = clock.startTimer(atMs - nowMs, pump);
        return;
      }
      block = block.slice(1);
      local.charge();
      account.findings.granted(account.record);
      queue.next()?.grant();
    }
  };

  const handOver = ({ signal, grant, refuse }: Waiter) => {
    local.take({ signal }).then(() => {
      account.findings.granted(null);
      grant();
    }, refuse);
  };

  const reserve = () => {
    if (reserving || closing.signal.aborted) return;
    reserving = reserveBlock().finally(() => {
      reserving = null;
      pump();
    });
  };

  const reserveBlock = async () => {
    try {
      const answer = await reserveOrRetry();
      if (answer.kind === 'block') {
        block = [...block, ...answer.dueMs];
        latencyMs += (answer.tookMs - latencyMs) * (latencyMs === 0 ? 1 : LATENCY_WEIGHT);
      } else {
        // Those who leave a reserve do not queue; without chance the same one would always be the first.
        const waitMs = answer.waitMs + account.rate.emissionIntervalMs * clock.random();
        laterUntilMs = clock.monotonicMs() + Math.min(LOOK_AGAIN_MS, Math.max(1, waitMs));
      }
      fallback.end();
    } catch (thrown) {
      if (!closing.signal.aborted) fallback.begin(toError(thrown));
    }
  };

  const reserveOrRetry = async (): Promise<BlockAnswer> => {
    const { signal } = closing;
    const untilMs = clock.monotonicMs() + callTimeoutMs;
    for (let failures = 0; ; failures += 1) {
      try {
        const slots = blockSize(latencyMs, account.rate.emissionIntervalMs);
        const [waiting, inFlight] = [queue.length, local.unanswered.length];
        return await account.reserve({ slots, waiting, inFlight, signal });
      } catch (thrown) {
        // Whatever the doubt, the next attempt begins with a read.
        account.distrust();
        const isTransient = hasCode(thrown, 'unavailable') || hasCode(thrown, 'indeterminate');
        if (!isTransient || fallback.isAlone || failures >= RETRIES || clock.monotonicMs() >= untilMs)
          throw thrown;
        await sleep(clock, Math.max(10, latencyMs) * (failures + clock.random()), signal);
      }
    }
  };

  return {
    take: ({ signal }) => queue.wait(signal),
    observe(signal: RateSignal) {
      const nowMs = clock.monotonicMs();
      if (signal.limit !== undefined && signal.limit > 0)
        account.rate = { ...account.rate, burst: signal.limit };
      const { rate } = account;
      const tripMs = nowMs - (local.unanswered[0] ?? nowMs);
      local.observe(signal);
      const [unsent, unanswered] = [block.length, local.unanswered.length];
      account.findings.answered({ signal, nowMs, tripMs, rate, unsent, unanswered });
      const left = signal.throttled ? 0 : signal.remaining;
      if (left !== undefined) {
        lastCount = { remaining: left, atMs: nowMs };
        // Our own next slots are no better than what the answer just showed.
        const fromMs = account.axisMs();
        block = block.map((slotMs, at) => Math.max(slotMs, fromMs + (at - left) * rate.emissionIntervalMs));
      }
      pump();
    },
    delayMs() {
      const { record } = account;
      if (fallback.isAlone || !record) return local.delayMs();
      const nowMs = clock.monotonicMs();
      const { emissionIntervalMs, burst } = record;
      const beyond = queue.length + 1 - block.length;
      const emptyMs = (burst - Math.min(settings.reserve, burst - 1)) * emissionIntervalMs;
      const dueMs =
        block[queue.length] ??
        Math.max(record.tatMs, account.axisMs()) + beyond * emissionIntervalMs - emptyMs;
      const atMs = Math.max(dueMs, record.notBeforeMs) - account.anchorMs;
      return Math.max(0, atMs - nowMs, local.heldUntilMs() - nowMs);
    },
    get throttledCount() {
      return local.throttledCount;
    },
    get isShared() {
      return !fallback.isAlone;
    },
    get storeCalls() {
      return account.storeCalls;
    },
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      fallback.stay();
      pump();
      await reserving;
      const waitingFor = 'unspent calls to be given back';
      const deadline = createDeadline({ clock, timeoutMs: GIVE_BACK_TIMEOUT_MS, waitingFor });
      try {
        await account.giveBack(block.length, deadline.signal);
      } catch (thrown) {
        // Not given back is lost: a block at most, found again by whoever sees that more remains than expected.
        logger.debug(`unspent calls were not given back: ${plain(toError(thrown).message)}`);
      } finally {
        block = [];
        deadline.dispose();
      }
    },
  };
}
