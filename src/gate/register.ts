/**
 * One gate's board in a store: read, reduce, compare-and-set; on a conflict read and reduce again. A write whose answer was
 * lost is settled by reducing the same event once more: each event is idempotent, so one's own write is found as done.
 * NOT guaranteed: that a read is fresh; a stale one costs a conflict or one more look, never a wrong write.
 * Invariant: only what `reduce` made of the document just read is ever written, over exactly the revision that was read.
 */
import { type Clock, sleep, throwIfAborted } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import type { Entry, Revision, Store } from '../store/contract.ts';
import { parseBoard } from './board.ts';
import { encodeBoard } from './board-text.ts';
import type { GateDoc } from './contract.ts';
import type { GateEvent, GateVerdict, ReduceContext } from './event.ts';
import { reduce } from './reduce.ts';

export interface Applied {
  /** The board as it is now, as far as this caller knows; null where there is none. */
  readonly doc: GateDoc | null;
  readonly revision: Revision | null;
  readonly verdict: GateVerdict;
  /** What was read first: news if it differs from what the caller evaluated last. */
  readonly foundRevision: Revision | null;
  /** The board the verdict was reduced from: what held before this caller's own write. */
  readonly before: GateDoc | null;
  readonly hasWritten: boolean;
}

export interface BoardRegister {
  readonly key: string;
  /** Compare-and-sets sent so far, and how many of them were lost to another writer. */
  readonly writes: number;
  readonly conflicts: number;
  /**
   * Brings one event to the board. Conflicts are retried with growing, jittered pauses until the signal ends them. Errors:
   * the store's (UnavailableError and ThrottledError may be retried with the same event), CorruptRecordError, ConfigError
   * where the board would not fit, or the signal's reason.
   */
  apply(event: GateEvent, options: ApplyOptions): Promise<Applied>;
}

export interface ApplyOptions {
  /** Called after each read: what the caller knows at that moment decides. */
  readonly context: (doc: GateDoc | null) => ReduceContext;
  readonly signal: AbortSignal;
}

/** A slot has room for a read beside the write. Only the write is timed: the first read may have had to connect. */
const READ_SHARE = 1.5;
/** However cheap a write seems. */
const MIN_SLOT_MS = 2;
/** All turns together: 40 members on GitHub, where a change takes a second or more; elsewhere it takes milliseconds. */
const MAX_WINDOW_MS = { polled: 60_000, pushed: 2500 } as const;
/** Slots grow where conflicts go on, at most to so many times the first. */
const MAX_GROWTH = 3;

/** The register of one key. Holds nothing that needs disposal. */
export function createBoardRegister(settings: { store: Store; clock: Clock; key: string }): BoardRegister {
  const { store, clock, key } = settings;
  let writes = 0;
  let conflicts = 0;
  /** Of a slot; what a crowd adds to it must not widen the pauses that thin the crowd. */
  let cheapestMs = Number.POSITIVE_INFINITY;
  let parsed: { readonly revision: Revision; readonly doc: GateDoc } | null = null;

  // A board that many watch is read far more often than it changes.
  const docOf = (entry: Entry | null): GateDoc | null => {
    if (entry === null) return null;
    if (parsed?.revision !== entry.revision)
      parsed = { revision: entry.revision, doc: parseBoard(entry.value, key) };
    return parsed.doc;
  };

  return {
    key,
    get writes() {
      return writes;
    },
    get conflicts() {
      return conflicts;
    },
    async apply(event, { context, signal }) {
      let lost = 0;
      let entry = await store.get(key, { signal });
      const foundRevision = entry?.revision ?? null;
      for (;;) {
        // 1. Decide on what is there.
        const before = docOf(entry);
        const revision = entry?.revision ?? null;
        const { doc, verdict } = reduce(before, event, context(before));
        if (doc === null || doc === before)
          return { doc, revision, verdict, foundRevision, before, hasWritten: false };

        // 2. Write over exactly that.
        const text = encodeBoard(doc);
        let current: Entry | null | undefined;
        const sentMs = clock.monotonicMs();
        writes += 1;
        try {
          const result = await store.compareAndSet(key, revision, text, { signal });
          if (result.ok) {
            parsed = { revision: result.revision, doc };
            const { revision: written } = result;
            return { doc, revision: written, verdict, foundRevision, before, hasWritten: true };
          }
          conflicts += 1;
          current = result.current;
        } catch (error) {
          // Neither won nor lost: the next reading shows which, and reducing the same event again finds it done or does it.
          if (!hasCode(error, 'indeterminate')) throw error;
          throwIfAborted(signal);
        }

        // 3. Somebody was faster, or nobody knows: a pause in which the others can have their turn.
        lost += 1;
        cheapestMs = Math.min(cheapestMs, READ_SHARE * (clock.monotonicMs() - sentMs));
        const delayMs = pauseAfter(lost, {
          turn: turnOf(doc, context(before).self.name),
          costMs: cheapestMs,
          maxWindowMs: store.capabilities.nativeWatch ? MAX_WINDOW_MS.pushed : MAX_WINDOW_MS.polled,
          random: clock.random(),
        });
        if (delayMs > 0) await sleep(clock, delayMs, signal);
        // A driver that tells what it saw saves a read, unless what it saw is what was just refused.
        const isUsable = current !== undefined && delayMs === 0 && current?.revision !== revision;
        entry = isUsable ? (current as Entry | null) : await store.get(key, { signal });
      }
    },
  };
}

/**
 * How long to wait after the n-th lost write: for one's turn, a slot of one write each, and a random moment of it. Whoever has
 * no turn takes a random moment of two. (Drawing any slot by chance, as ALOHA does, was lost twice as often: a gate of 20 on
 * GitHub then spent most of an hour's requests on lost writes.)
 */
function pauseAfter(
  lost: number,
  about: { turn: Turn | null; costMs: number; maxWindowMs: number; random: number },
): number {
  const { turn, costMs, maxWindowMs, random } = about;
  const fairMs = Math.min(Math.max(MIN_SLOT_MS, costMs), maxWindowMs / (turn?.of ?? 2));
  const slotMs = fairMs * Math.min(MAX_GROWTH, 1.15 ** (lost - 1));
  return Math.round(turn === null ? 2 * slotMs * random : (turn.before + random) * slotMs);
}

/** One's place among those who are likely to write: so many come before, of so many in all. */
interface Turn {
  readonly before: number;
  readonly of: number;
}

/**
 * How many others come first: those before this caller on the list who have not done either what the phase asks for. All see
 * nearly the same board, so nearly everybody has another turn; the turns of those who have not even started cost nothing, since
 * the gate waits for them anyway. Null where nobody has a turn: a failure is told at once, in the little time that is left.
 */
function turnOf({ phase, expected, members }: GateDoc, self: string): Turn | null {
  if (phase !== 'announce' && phase !== 'api') return null;
  const isAwaited = (name: string) => {
    const record = Object.hasOwn(members, name) ? members[name] : undefined;
    return phase === 'announce' ? record === undefined : record?.state === 'announced';
  };
  const others = expected.filter((name) => name !== self && isAwaited(name));
  return { before: others.filter((name) => name < self).length, of: others.length + 1 };
}

/** How many members are likely to be writing at this moment: those who have not yet done what the phase asks for. */
export function contendersOf({ phase, expected, members }: GateDoc): number {
  const records = Object.values(members);
  if (phase === 'announce') return Math.max(2, expected.length - records.length);
  if (phase === 'api') return Math.max(2, records.filter(({ state }) => state === 'announced').length);
  return 2;
}
