/**
 * One process's dealings with the shared record: it anchors the axis, reserves blocks and gives them back. No queue, no timers
 * but the short pauses between lost races.
 * No process compares its clock with another's: each anchors the axis to its own monotonic clock by what it read, so it is never
 * ahead of the axis, and behind by at most the shortest time that passed between any write and its reading of it.
 * Invariant: one operation at a time; a block is handed out once, also where the reply to its write was lost.
 */
import { type Clock, sleep } from '../base/clock.ts';
import { withTimeout } from '../base/deadline.ts';
import { formatDuration } from '../base/duration.ts';
import { toError, UnavailableError } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import type { Logger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import type { Store } from '../store/contract.ts';
import type { ThrottleSettings } from './contract.ts';
import { createFindings, type Findings, type Snapshot } from './findings.ts';
import { tokensAt } from './gcra.ts';
import { decideGiveBack, decideReservation, isPlenty, slotsOf } from './reservation.ts';
import { createReservationRegister, hasLane } from './reservation-register.ts';
import type { SharedRecord, SharedView } from './shared-record.ts';

/** Where tokens are plenty, taking turns with a crowd on a slow store is worth so many call limits and no more. */
const MAX_CALL_LIMITS = 2;
/** More calls under way than this are not told apart. */
const MAX_IN_FLIGHT = 1000;

export interface SharedAccountOptions {
  settings: ThrottleSettings;
  store: Store;
  key: string;
  clock: Clock;
  logger: Logger;
  /** Each call of the store, and the provider's count, end within this. */
  callTimeoutMs: number;
  countRemaining: ((options: { signal: AbortSignal }) => Promise<number | null>) | undefined;
  /** Told what the provider counted. */
  onCounted: (remaining: number) => void;
}

/** What is asked for: a block of `slots`, or one for each who waits where tokens are plenty. */
export interface BlockRequest {
  readonly slots: number;
  readonly waiting: number;
  /** Calls sent and not answered. */
  readonly inFlight: number;
  readonly signal: AbortSignal;
}

export type BlockAnswer =
  /** Due times on the axis. `tookMs`: how long the write that did it was under way. */
  | { readonly kind: 'block'; readonly dueMs: readonly number[]; readonly tookMs: number }
  /** Only tokens of the reserve are there. */
  | { readonly kind: 'later'; readonly waitMs: number };

export interface SharedAccount {
  readonly findings: Findings;
  /** The bucket's rate and size; the answers may correct the size. */
  rate: { readonly emissionIntervalMs: number; readonly burst: number };
  /** The record as last seen; null before the first look and after a doubt. */
  readonly record: SharedRecord | null;
  /** Reads and compare-and-sets so far. */
  readonly storeCalls: number;
  /** Now, on the axis, as far as this process knows. */
  axisMs(): number;
  /** The axis less the own monotonic clock. */
  readonly anchorMs: number;
  /** Errors: the store's, CorruptRecordError, the signal's reason. */
  reserve(request: BlockRequest): Promise<BlockAnswer>;
  /** The next reservation begins with a read. */
  distrust(): void;
  /** Leaves; the unspent slots of the latest block go back. Errors as of `reserve`. */
  giveBack(unspent: number, signal: AbortSignal): Promise<void>;
}

/** One process's part in an account. Holds nothing that needs disposal. */
export function createSharedAccount(options: SharedAccountOptions): SharedAccount {
  const { settings, clock, logger, store, callTimeoutMs } = options;
  const register = createReservationRegister(options);
  const id = createNonce().slice(0, 8);
  const findings = createFindings(id);
  let rate = { emissionIntervalMs: settings.emissionIntervalMs, burst: settings.burst };
  let view: SharedView | null = null;
  let known: SharedRecord | null = null;
  // Grows only, since a record that was read proves that the axis had come so far before.
  let anchorMs = 0;
  let isAnchored = false;
  let isCounted = options.countRemaining === undefined;
  let number = 1;
  let storeCalls = 0;

  const axisMs = () => clock.monotonicMs() + anchorMs;

  /** Takes a view over, and the axis with it. `isOwn`: written by us, so that it tells nothing new. */
  const absorb = (next: SharedView, isOwn = false): SharedView => {
    const reachedMs = (next.record?.asOfMs ?? 0) - clock.monotonicMs();
    // The axis that two founders each began is the winner's; the loser's own must not count.
    if (!isAnchored && !isOwn) anchorMs = reachedMs;
    else anchorMs = Math.max(anchorMs, reachedMs);
    isAnchored ||= next.record !== null;
    known = next.record ?? known;
    // A store that forgot (a server without persistence was started again) has not filled the provider's bucket.
    view = { revision: next.revision, record: known };
    return view;
  };

  /** One call with its own limit: a store that does not answer is told from one that others keep busy. */
  const limited = async <T>(parent: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const waitingFor = `${store.url} to answer about the throttle`;
    const onTimeout = () => new UnavailableError(`${waitingFor} took too long`);
    return await withTimeout({ clock, timeoutMs: callTimeoutMs, waitingFor, onTimeout, parent }, call);
  };

  const read = async (signal: AbortSignal) => {
    storeCalls += 1;
    return absorb(await limited(signal, (own) => register.read(own)));
  };

  /** The longer an answer takes, the more of us fit into one; a little apart, they lose less often. */
  const pauseAfterRace = (tookMs: number, signal: AbortSignal) =>
    sleep(clock, Math.max(1, tookMs / 2) * clock.random(), signal);

  /** Takes over the block of the present number where the record has it. */
  const takeBlock = (record: SharedRecord | null, snapshot: Snapshot | null): number[] | null => {
    const lane = record?.lanes.find((each) => each.id === id && each.number === number);
    if (!record || !lane) return null;
    number += 1;
    if (snapshot) findings.carried(snapshot);
    return slotsOf(lane, record);
  };

  /** Asks the provider how many calls are left, once. */
  const count = async (record: SharedRecord | null, signal: AbortSignal) => {
    const { countRemaining } = options;
    isCounted = true;
    if (!countRemaining) return;
    const askedMs = clock.monotonicMs();
    const remaining = await limited(signal, (own) => countRemaining({ signal: own })).catch(
      (thrown: unknown) => {
        if (signal.aborted) throw toError(thrown);
        logger.debug(`how many calls are left was not told: ${plain(toError(thrown).message)}`);
        return null;
      },
    );
    if (remaining === null) return;
    options.onCounted(remaining);
    const nowMs = clock.monotonicMs();
    findings.counted({ remaining, record, nowMs, tripMs: nowMs - askedMs, rate });
  };

  return {
    findings,
    get rate() {
      return rate;
    },
    set rate(next) {
      rate = next;
    },
    get record() {
      return view?.record ?? null;
    },
    get storeCalls() {
      return storeCalls;
    },
    get anchorMs() {
      return anchorMs;
    },
    axisMs,
    async reserve({ slots, waiting, inFlight, signal }) {
      const untilMs = clock.monotonicMs() + MAX_CALL_LIMITS * callTimeoutMs;
      let snapshot: Snapshot | null = null;
      for (;;) {
        // 1. What is there. After a success the view is our own write, so an undisturbed process never reads.
        const from: SharedView = view ?? (await read(signal));
        // A write of ours may have arrived after it was given up.
        const late = takeBlock(from.record, snapshot);
        if (late) return { kind: 'block', dueMs: late, tookMs: callTimeoutMs };
        if (!isCounted) await count(from.record, signal);
        // 2. What should be there.
        const sentMs = clock.monotonicMs();
        snapshot = findings.at({ nowMs: sentMs, axisMs: axisMs() });
        const lane = { id, number, inFlight: Math.min(inFlight, MAX_IN_FLIGHT) };
        const { reserve } = settings;
        const facts = { ...snapshot, nowMs: axisMs(), rate, reserve, lane, slots, waiting };
        const decision = decideReservation(from.record, facts);
        if (decision.kind === 'later') {
          view = null;
          return decision;
        }
        // 3. On top of exactly what was judged.
        storeCalls += 1;
        const { record } = decision;
        const isApplied = (there: SharedRecord | null) => hasLane(there, lane);
        const written = await limited(signal, (own) =>
          register.write({ from, record, isApplied, signal: own }),
        );
        const tookMs = clock.monotonicMs() - sentMs;
        absorb(written.view, written.kind === 'applied');
        const block = takeBlock(written.view.record, snapshot);
        if (block) return { kind: 'block', dueMs: block, tookMs };
        const { record: winners } = written.view;
        const left = winners ? tokensAt(winners, axisMs()) : 0;
        if (clock.monotonicMs() > untilMs && winners && isPlenty(left, winners.burst))
          throw new UnavailableError(
            `others were faster for ${formatDuration(MAX_CALL_LIMITS * callTimeoutMs)}`,
          );
        await pauseAfterRace(tookMs, signal);
      }
    },
    distrust() {
      view = null;
    },
    async giveBack(unspent, signal) {
      const now = { nowMs: clock.monotonicMs(), axisMs: axisMs() };
      const left = unspent + findings.at(now).unspent;
      while (view) {
        const from: SharedView = view;
        const record = decideGiveBack(from.record, { id, unspent: left, nowMs: axisMs() });
        if (!record) return;
        storeCalls += 1;
        const sentMs = clock.monotonicMs();
        const isApplied = (there: SharedRecord | null) => !there?.lanes.some((lane) => lane.id === id);
        const written = await register.write({ from, record, isApplied, signal });
        if (written.kind === 'applied') return;
        absorb(written.view);
        await pauseAfterRace(clock.monotonicMs() - sentMs, signal);
      }
    },
  };
}
