/**
 * One key of the store as a lease record: reads and compare-and-sets with a time limit each, and what became of them.
 * NOT guaranteed: that a read is fresh. Invariant: whatever is not certain is `doubtful`; only errors that a driver throws
 * when it certainly applied nothing are thrown on. An abort after sending is doubt, too (S7, L14).
 */
import { abortReason, type Clock, throwIfAborted } from '../base/clock.ts';
import { createDeadline, type Deadline } from '../base/deadline.ts';
import { type ErrorCode, toError, UnavailableError } from '../base/errors.ts';
import type { Store, WriteResult } from '../store/contract.ts';
import type { LeaseRecord, LeaseView } from './contract.ts';
import { encodeRecord, parseView } from './record.ts';
import { type Confirmation, type Instant, readInstant } from './timing.ts';

export interface RegisterCallOptions {
  /** The call ends within this, whatever the store does. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export type WriteOutcome =
  | { readonly kind: 'applied'; readonly view: LeaseView; readonly confirmation: Confirmation }
  /** Certainly not applied; `view` where the store told what is there instead. */
  | { readonly kind: 'refused'; readonly view: LeaseView | null }
  /** May have been applied, or may still be. */
  | { readonly kind: 'doubtful'; readonly sentAt: Instant; readonly error: Error };

/** A lease record in a store. */
export interface LeaseRegister {
  readonly key: string;
  /** False where a read may lag behind a write that has been confirmed. */
  readonly isFresh: boolean;
  read(options: RegisterCallOptions): Promise<LeaseView>;
  /**
   * Errors: those that say that nothing was applied (UnavailableError, AuthError, …). `sentAt`: the instant of the mark in the
   * record, from which a confirmation must count; the moment of sending is later, by as much as a stopped process lost.
   */
  write(
    from: LeaseView,
    record: LeaseRecord,
    options: RegisterCallOptions & { sentAt?: Instant },
  ): Promise<WriteOutcome>;
}

// Errors by which a driver says that a write was certainly not applied.
const CERTAIN: ReadonlySet<ErrorCode> = new Set([
  'unavailable',
  'throttled',
  'auth',
  'unsupported',
  'config',
  'corrupt-record',
  'invariant',
]);

/** The register of one key. Holds nothing that needs disposal. */
export function createLeaseRegister(settings: { store: Store; clock: Clock; key: string }): LeaseRegister {
  const { store, clock, key } = settings;
  const limit = ({ timeoutMs, signal }: RegisterCallOptions): Deadline =>
    createDeadline({
      clock,
      timeoutMs,
      waitingFor: `${store.url} to answer about ${key}`,
      ...(signal ? { parent: signal } : {}),
    });

  return {
    key,
    isFresh: store.capabilities.linearizableReads,
    async read(options) {
      throwIfAborted(options.signal);
      const deadline = limit(options);
      try {
        const entry = await settled(deadline, store.get(key, { signal: deadline.signal }));
        return parseView(key, entry);
      } catch (error) {
        if (!deadline.signal.aborted) throw error;
        throwIfAborted(options.signal);
        const { url } = store;
        throw new UnavailableError(`${url} did not answer about ${key} within ${options.timeoutMs} ms`, {
          cause: error,
        });
      } finally {
        deadline.dispose();
      }
    },
    async write(from, record, options) {
      throwIfAborted(options.signal);
      const value = encodeRecord(key, record);
      const deadline = limit(options);
      const sentAt = options.sentAt ?? readInstant(clock);
      try {
        const sent = store.compareAndSet(key, from.revision, value, { signal: deadline.signal });
        const result = await settled(deadline, sent);
        if (!result.ok) return { kind: 'refused', view: refusedView(key, from, result) };
        const view = Object.freeze({ revision: result.revision, record });
        return { kind: 'applied', view, confirmation: { sentAt, repliedAt: readInstant(clock) } };
      } catch (thrown) {
        const error = toError(thrown);
        if (CERTAIN.has((error as { code?: ErrorCode }).code as ErrorCode)) throw error;
        return { kind: 'doubtful', sentAt, error };
      } finally {
        deadline.dispose();
      }
    },
  };
}

function refusedView(key: string, from: LeaseView, result: WriteResult & { ok: false }): LeaseView | null {
  if (result.current === undefined) return null;
  const view = parseView(key, result.current);
  // A driver that read back stale shows what was just refused: judging it again would spin.
  return view.revision === from.revision ? null : view;
}

/** The operation's end or the deadline's, whichever is first: a driver that ignores its signal must not hold us up. */
async function settled<T>({ signal }: Deadline, operation: Promise<T>): Promise<T> {
  let onAbort = () => {
    // Replaced below, before it can be called.
  };
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([operation, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
