/**
 * Follows one upstream for an alias: subscribe, await ready, read, then loop { edge | timer | abort } and read again, each time in
 * full. Tells its owner of each reading that differs from the one before. Writes nothing.
 * NOT guaranteed: one reading per change; several changes at once are one reading of the last.
 */
import { type Clock, sleep, throwIfAborted } from '../base/clock.ts';
import { withTimeout } from '../base/deadline.ts';
import { hasCode, toError, UnavailableError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import type { Probe, ProbeResult } from '../probe/contract.ts';
import { type HealthReading, isSameReading, type ObserveHealth, unasked } from '../probe/health.ts';
import { unreachable } from '../probe/result.ts';
import { type Edge, subscribe } from './edge.ts';
import { selectDelay } from './interval.ts';

export interface FollowOptions {
  readonly probe: Probe;
  /** Fired by the upstream's own watch, and by whoever wants it asked now. */
  readonly edge: Edge;
  readonly reconcileMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** How long the store may take to subscribe, and to answer about an upstream that is in it. */
  readonly storeTimeoutMs: number;
  readonly observe: ObserveHealth;
  /** Called with the first reading and with each one that differs. */
  readonly onReading: (reading: HealthReading) => void;
  /** Called after each question that was answered, whatever the answer. */
  readonly onAnswer: () => void;
}

/** Two readings start at least this far apart, whatever the edges do: no busy loop. */
export const MIN_GAP_MS = 5;
/** For a remote probe that ignores its own limits. */
const PROBE_TIMEOUT_MS = 60_000;

/** Runs until the signal aborts, then rejects with its reason. */
export async function followUpstream(options: FollowOptions): Promise<never> {
  const { probe, edge, reconcileMs, clock, logger, signal, observe } = options;
  // 1. Subscribe before reading: a change in between then leaves an edge pending.
  if (probe.watch) {
    const what = `upstream ${probe.id}`;
    await subscribe({ ...options, watch: probe.watch, readyTimeoutMs: options.storeTimeoutMs, what });
  }
  let state = unasked;
  for (;;) {
    // 2. Read the whole state.
    const startedAtMs = clock.monotonicMs();
    const result = await ask(options);
    const before = state.reading;
    state = observe(state, result);
    if (result.unreachable) logger.debug(`${plain(probe.id)} could not be asked: ${result.detail}`);
    if (state.reading !== null && !isSameReading(before, state.reading)) options.onReading(state.reading);
    if (!result.unreachable) options.onAnswer();
    // 3. Wait for an edge, or for the timer that makes a lost edge harmless (consul #5876 had none).
    const delayMs = selectDelay({
      reconcileMs,
      hasEdges: probe.watch !== null,
      failures: state.failures,
      retryAfterMs: result.retryAfterMs,
      recheckAfterMs: result.recheckAfterMs,
      random: clock.random(),
    });
    await edge.wait({ clock, delayMs, signal });
    const gapMs = startedAtMs + MIN_GAP_MS - clock.monotonicMs();
    if (gapMs > 0) await sleep(clock, gapMs, signal);
  }
}

async function ask({ probe, clock, signal, storeTimeoutMs }: FollowOptions): Promise<ProbeResult> {
  throwIfAborted(signal);
  const onTimeout = () => new UnavailableError('no answer at all');
  // A reading that the network swallowed must not outlast the interval that would repair it.
  const timeoutMs = probe.watch ? storeTimeoutMs : PROBE_TIMEOUT_MS;
  const limits = { clock, timeoutMs, waitingFor: probe.id, parent: signal, onTimeout };
  try {
    return await withTimeout(limits, (own) => probe.probe({ signal: own }));
  } catch (error) {
    throwIfAborted(signal);
    if (hasCode(error, 'invariant')) throw error;
    return unreachable(toError(error).message);
  }
}
