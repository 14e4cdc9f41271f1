/**
 * Room for those who create: create; only when the provider says that the account is full, sweep or wait for who sweeps, take
 * one of the places that came free, and create again. Many who wait list once between them and never fight over one place.
 *
 *   create ─▶ refused for the limit? ─▶ announced ─▶ a place is free: take it ─▶ create ─▶ created
 *                                         │  ▲           │ none                     └─▶ refused again: count anew
 *                                         │  └── sweep under the lease, or wait for who does
 *                                         └──▶ nothing stale, nothing due in time: RoomFullError, who holds the places
 *
 * NOT guaranteed: the place against somebody outside; the provider's refusal is the last word. Invariants: without a refusal
 * nothing is listed and the store is not touched; no sleep while holding the lease; what was created is never lost to a
 * store that fails afterwards; whoever gives up leaves no claim.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { createDeadline, type Deadline } from '../base/deadline.ts';
import { formatDuration } from '../base/duration.ts';
import { hasCode, toError } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import { nullLogger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import { createAlarm } from '../lease/alarm.ts';
import type { Provider } from '../provider/contract.ts';
import {
  announce,
  type CreationEnd,
  decideRoom,
  endClaim,
  hasPlace,
  RoomFullError,
  takePlace,
} from '../reaper/room.ts';
import type { RoomCensus, RoomClaim } from '../reaper/room-record.ts';
import { createKey } from '../store/key.ts';
import { type LimitRefusal, ROOM_DEFAULTS, type RoomOptions, type RoomPlace } from './room-contract.ts';
import { settleIn } from './room-place.ts';
import { classifyRefusal } from './room-refusal.ts';
import { createRoomRegister, type RoomRegister, type RoomView } from './room-register.ts';
import { countRoom } from './room-sweep.ts';

/** For what is written after the work is done or given up. */
const LEAVE_TIMEOUT_MS = 5000;

/**
 * Creates, and makes room first where the provider says that the account is full. Rejects with RoomFullError (code `limit`, with
 * the census) when there will be no room in time, with whatever else `create` rejects with, or with the signal's reason.
 *
 * @example
 * const place = await withRoom(provider, ({ signal }) => createApp({ signal }), { store, manager, settings, pace, holder });
 * try { await test(place.value); } finally { await destroyApp(place.value); await place.giveBack(); }
 */
export async function withRoom<T>(
  provider: Provider,
  create: (options: { signal: AbortSignal }) => Promise<T>,
  options: RoomOptions,
): Promise<RoomPlace<T>> {
  const { clock = systemClock, namespace = ROOM_DEFAULTS.namespace, signal, logger = nullLogger } = options;
  const { timeoutMs = ROOM_DEFAULTS.timeoutMs } = options;
  const deadline = createDeadline({
    clock,
    timeoutMs,
    waitingFor: 'room for another app',
    ...(signal ? { parent: signal } : {}),
  });
  const key = createKey(namespace, 'room', `${provider.name}-${provider.accountId}`);
  const nonce = createNonce();
  const register = createRoomRegister({ store: options.store, key, clock, nonce, logger });
  const classify = options.classify ?? ((outcome: unknown) => classifyRefusal(outcome, provider));
  const attempt = async (): Promise<Attempt<T>> => {
    let value: T;
    try {
      value = await create({ signal: deadline.signal });
    } catch (cause) {
      const refusal = await classify(cause);
      if (!refusal) throw cause;
      return { refusal, cause };
    }
    const refusal = await classify(value);
    return refusal ? { refusal, cause: value } : { value };
  };
  try {
    // Most accounts are not full: then this is all there is to it.
    const first = await attempt();
    const value =
      'value' in first
        ? first.value
        : await createWithClaim(attempt, { provider, options, clock, deadline, register, nonce, first });
    return await settleIn(value, { provider, options, clock, register, namespace });
  } finally {
    deadline.dispose();
  }
}

/** What became of one creation, where it was no failure of its own. */
type Attempt<T> = { readonly value: T } | Refused;

interface Refused {
  readonly refusal: LimitRefusal;
  /** What the caller's function threw or gave. */
  readonly cause: unknown;
}

interface Waiting {
  readonly provider: Provider;
  readonly options: RoomOptions;
  readonly clock: Clock;
  readonly deadline: Deadline;
  readonly register: RoomRegister;
  readonly nonce: string;
  readonly first: Refused;
}

/** From the first refusal to the app, or to the error that says why not. */
async function createWithClaim<T>(attempt: () => Promise<Attempt<T>>, waiting: Waiting): Promise<T> {
  const { options, deadline, register, nonce, first } = waiting;
  const { logger = nullLogger, leaseMs = ROOM_DEFAULTS.leaseMs } = options;
  const claim: RoomClaim = { nonce, seq: 0, leaseMs, state: 'waiting', holder: plain(options.holder.text) };
  let refusal = first.refusal;
  let end: CreationEnd = 'left';
  let census: RoomCensus | null = null;
  try {
    let view = await register.update((room) => announce(room, claim), deadline.signal);
    // A count made before the provider refused says nothing about now; a place that somebody left may still be there.
    let staleCensus = view.record.census?.number ?? 0;
    logger.info('the account is full; making room');
    for (;;) {
      deadline.throwIfPassed();
      census = (view.record.census?.number ?? 0) > staleCensus ? view.record.census : census;
      const step = decideRoom(view.record, {
        staleCensus,
        censusSeenForMs: view.censusSeenForMs,
        nonce,
        remainingMs: deadline.remainingMs(),
        isReleaseExpected: options.isReleaseExpected ?? false,
      });
      if (step.step === 'full') throw new RoomFullError(step.census, { cause: first.cause });
      if (step.step === 'sweep') {
        view = await countRoom({
          ...waiting,
          refusal,
          seenCensus: view.record.census?.number ?? 0,
        });
      } else if (step.step === 'wait') {
        logger.info(
          `waiting for ${step.why === 'expiry' ? `the next app to fall due, in ${formatDuration(step.forMs)}` : 'a place to be given back'}`,
        );
        view = await waitForChange(view, { waiting, forMs: step.forMs, claim });
      } else {
        view = await register.update((room) => takePlace(room, claim), deadline.signal);
        if (!hasPlace(view.record, nonce)) continue;
        // From here on the place is ours to give back.
        end = 'failed';
        const tried = await attempt();
        if ('value' in tried) {
          end = 'created';
          return tried.value;
        }
        refusal = tried.refusal;
        end = 'left';
        staleCensus = view.record.census?.number ?? 0;
        await register.update((room) => endClaim(room, nonce, 'refused'), deadline.signal);
        view = await register.update((room) => announce(room, claim), deadline.signal);
      }
    }
  } catch (thrown) {
    // The wait ends with who holds the places, not with the bare fact that time is over.
    if (hasCode(thrown, 'deadline') && deadline.signal.aborted)
      throw new RoomFullError(census, { cause: thrown });
    throw thrown;
  } finally {
    await leave(waiting, end);
  }
}

/** Until the record changes or the time has come; looks now and then, and stays announced. */
async function waitForChange(
  seen: RoomView,
  { waiting, forMs, claim }: { waiting: Waiting; forMs: number; claim: RoomClaim },
): Promise<RoomView> {
  const { options, clock, deadline, register } = waiting;
  const {
    store,
    logger = nullLogger,
    pollMs = ROOM_DEFAULTS.pollMs,
    leaseMs = ROOM_DEFAULTS.leaseMs,
  } = options;
  const { signal } = deadline;
  const untilMs = clock.monotonicMs() + forMs;
  let renewAtMs = clock.monotonicMs() + leaseMs / 3;
  const standing = standingOf(seen);
  // Subscribe first, then read: what changed in between would not be told.
  const alarm = createAlarm({ store, key: register.key, clock, logger });
  try {
    await Promise.race([alarm.ready, alarm.wait(pollMs, signal)]);
    for (;;) {
      alarm.clear();
      const isRenewalDue = clock.monotonicMs() >= renewAtMs;
      if (isRenewalDue) renewAtMs = clock.monotonicMs() + leaseMs / 3;
      const view = isRenewalDue
        ? await register.update((room) => announce(room, claim), signal)
        : await register.read(signal);
      const isNew = view.record.free > 0 || standingOf(view) !== standing;
      const leftMs = untilMs - clock.monotonicMs();
      if (isNew || leftMs <= 0) return view;
      await alarm.wait(Math.max(1, Math.min(pollMs, leftMs)), signal);
    }
  } finally {
    alarm.dispose();
  }
}

/** What a decision to wait stood on: the census, and who was creating. */
function standingOf({ record }: RoomView): string {
  const creating = record.claims.filter((claim) => claim.state === 'creating').map((claim) => claim.nonce);
  return [record.census?.number ?? 0, ...creating.sort()].join(' ');
}

/** Takes the claim out, whatever happened; a store that fails here must not cost what was created. */
async function leave({ options, clock, register, nonce }: Waiting, end: CreationEnd): Promise<void> {
  const budget = createDeadline({
    clock,
    timeoutMs: LEAVE_TIMEOUT_MS,
    waitingFor: 'the claim to be taken out',
  });
  try {
    await register.update((room) => endClaim(room, nonce, end), budget.signal);
  } catch (thrown) {
    // The others see it dead after its lease, and the next census counts anew.
    options.logger?.warn(`a claim on a place was not taken out: ${plain(toError(thrown).message)}`);
  } finally {
    budget.dispose();
  }
}
