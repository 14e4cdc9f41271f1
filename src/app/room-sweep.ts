/**
 * Counting the places of a full account, and making some: one of those who wait sweeps under the account's lease and leaves
 * the figures in the room's record before it gives the lease back; the others wait for that, not for a fixed time.
 * Invariants: the lease is given back whatever happens; nothing sleeps under it save to pace calls; whoever gets it looks
 * first whether somebody has counted meanwhile.
 */
import type { Clock } from '../base/clock.ts';
import { createDeadline, type Deadline } from '../base/deadline.ts';
import { AuthError, hasCode, toError, UnavailableError } from '../base/errors.ts';
import { nullLogger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import { createAlarm } from '../lease/alarm.ts';
import type { Lease, TryAcquireResult } from '../lease/contract.ts';
import type { Provider } from '../provider/contract.ts';
import type { PassResult } from '../reaper/contract.ts';
import { readBeats, writeBeats } from '../reaper/held.ts';
import { createHolds } from '../reaper/holds.ts';
import { recordCensus } from '../reaper/room.ts';
import { sweep } from '../reaper/sweep.ts';
import { createKey } from '../store/key.ts';
import { createHoldsSource } from './app-lease.ts';
import { type LimitRefusal, ROOM_DEFAULTS, type RoomOptions } from './room-contract.ts';
import type { RoomRegister, RoomView } from './room-register.ts';
import { insist, type Patience } from './store-patience.ts';

const RELEASE_TIMEOUT_MS = 15_000;

export interface CountRequest {
  readonly provider: Provider;
  readonly options: RoomOptions;
  readonly clock: Clock;
  readonly deadline: Deadline;
  readonly register: RoomRegister;
  readonly refusal: LimitRefusal;
  /** The census that is no longer good enough. */
  readonly seenCensus: number;
}

/** Resolves with a newer census, or as soon as a place is free. */
export async function countRoom(request: CountRequest): Promise<RoomView> {
  const { provider, options, clock, deadline, register } = request;
  const { manager, store, holder, namespace = ROOM_DEFAULTS.namespace, logger = nullLogger } = options;
  const { leaseMs = ROOM_DEFAULTS.leaseMs, pollMs = ROOM_DEFAULTS.pollMs } = options;
  const { signal } = deadline;
  const key = createKey(namespace, 'reap', `${provider.name}-${provider.accountId}`);
  const isEnough = ({ record }: RoomView) =>
    record.free > 0 || (record.census?.number ?? 0) > request.seenCensus;
  const alarms = [key, register.key].map((each) => createAlarm({ store, key: each, clock, logger }));
  try {
    await Promise.race([
      Promise.all(alarms.map((alarm) => alarm.ready)),
      (alarms[0] as (typeof alarms)[0]).wait(pollMs, signal),
    ]);
    let named = '';
    for (;;) {
      for (const alarm of alarms) alarm.clear();
      const view = await register.read(signal);
      if (isEnough(view)) return view;
      const tried = await tryForTurn(() => manager.tryAcquire(key, { leaseMs, holder, signal }), {
        clock,
        logger,
        signal,
      });
      if (tried === null) {
        await firstOf(alarms, pollMs, signal);
        continue;
      }
      if (tried.acquired) {
        const counted = await countUnder(tried.lease, { request, isEnough });
        if (counted) return counted;
        continue;
      }
      if (tried.holder.text !== named) {
        named = tried.holder.text;
        logger.info(`waiting for ${plain(named)}, which is sweeping`);
      }
      const delayMs = Math.max(1, Math.min(pollMs, tried.retryAfterMs + 1));
      await firstOf(alarms, delayMs, signal);
    }
  } finally {
    for (const alarm of alarms) alarm.dispose();
  }
}

/** One try, repeated while the store is out of reach; null where it stayed unknown whether it succeeded: it is taken back. */
async function tryForTurn(
  attempt: () => Promise<TryAcquireResult>,
  patience: Patience,
): Promise<TryAcquireResult | null> {
  try {
    return await insist(patience, attempt);
  } catch (thrown) {
    if (patience.signal.aborted || !hasCode(thrown, 'indeterminate')) throw thrown;
    patience.logger.info(`waiting for the store: ${plain(toError(thrown).message)}`);
    return null;
  }
}

/** Whichever alarm rings first, or the delay; the other waits end with it. */
async function firstOf(
  alarms: readonly ReturnType<typeof createAlarm>[],
  delayMs: number,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const joint = AbortSignal.any([signal, over.signal]);
  const waits = alarms.map((alarm) => alarm.wait(delayMs, joint));
  try {
    await Promise.race(waits);
  } finally {
    over.abort();
    await Promise.allSettled(waits);
  }
}

/** One sweep under the lease; null where it was lost meanwhile, so that it is tried again. */
async function countUnder(
  lease: Lease,
  { request, isEnough }: { request: CountRequest; isEnough: (view: RoomView) => boolean },
): Promise<RoomView | null> {
  const { provider, options, clock, deadline, register, refusal } = request;
  const { manager, namespace = ROOM_DEFAULTS.namespace, logger = nullLogger, settings } = options;
  const onUnread = (error: Error) =>
    logger.warn(`whether an app is in use could not be read, so it stays: ${plain(error.message)}`);
  const source = createHoldsSource(manager, { namespace, account: provider, clock });
  const holds = createHolds({ source, known: readBeats(lease.view.record?.note ?? {}), onUnread });
  // A store that comes back after the lease has run out is told nothing: somebody else counts by then.
  const held = AbortSignal.any([deadline.signal, lease.signal]);
  try {
    // Somebody may have counted between our look and our turn.
    const before = await register.read(held);
    if (isEnough(before)) return before;
    const limits = [settings.limit, refusal.limit].filter((each) => each !== null);
    const limit = limits.length > 0 ? Math.min(...limits) : null;
    // Room for everybody who waits, not only for ourselves: otherwise each of them would sweep in turn.
    const wanted = Math.max(settings.headroom, before.record.claims.length);
    const pass = await sweep({
      settings: {
        ...settings,
        apply: true,
        limit,
        headroom: limit === null ? 0 : Math.min(wanted, limit - 1),
      },
      provider,
      pace: options.pace,
      permit: lease,
      clock,
      deadline,
      holds: (apps, question) => holds.ask(apps, question),
      onEvent: (event) => {
        if (event.kind === 'note') logger[event.level](event.message);
      },
    });
    deadline.throwIfPassed();
    const { room: figures } = pass;
    if (!figures) return failCount(pass);
    const number = (before.record.census?.number ?? 0) + 1;
    return await register.update((room) => recordCensus(room, { figures, limit, number }), held);
  } catch (thrown) {
    if (hasCode(thrown, 'lease-lost')) return null;
    throw thrown;
  } finally {
    await release(lease, { request, beats: holds.seen });
  }
}

function failCount(pass: PassResult): null {
  if (pass.reason === 'lease-lost') return null;
  const message = `the account is full, and it could not be counted: ${pass.reason ?? pass.outcome}`;
  if (pass.exitCode === 5) throw new AuthError(message);
  throw new UnavailableError(message);
}

async function release(
  lease: Lease,
  { request, beats }: { request: CountRequest; beats: Parameters<typeof writeBeats>[1] },
): Promise<void> {
  const { clock, options } = request;
  const waitingFor = 'the release of the lease';
  const budget = createDeadline({ clock, timeoutMs: RELEASE_TIMEOUT_MS, waitingFor });
  try {
    await lease.release({ signal: budget.signal, updateNote: (note) => writeBeats(note, beats) });
  } catch (thrown) {
    // The count is what matters: the lease runs out by itself.
    options.logger?.warn(`the lease was not given back: ${plain(toError(thrown).message)}`);
  } finally {
    budget.dispose();
  }
}
