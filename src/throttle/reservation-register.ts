/**
 * The shared record in a store: one read, one compare-and-set, and what became of it. A write whose reply was lost is settled
 * by reading back one's own lane; a late copy of it can no longer apply once the revision has moved.
 * NOT guaranteed: that a read is fresh; a stale one only makes the axis look shorter, which delays and never overspends.
 * Whoever calls passes a signal with a deadline; each operation ends with it, also where the store ignores it.
 */
import { abortReason } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import type { Store } from '../store/contract.ts';
import {
  encodeSharedRecord,
  type Lane,
  parseSharedView,
  type SharedRecord,
  type SharedView,
} from './shared-record.ts';

/** `refused`: certainly not applied; `view` is what is there instead. */
export type RegisterWrite =
  | { readonly kind: 'applied'; readonly view: SharedView }
  | { readonly kind: 'refused'; readonly view: SharedView };

export interface ReservationRegister {
  read(signal: AbortSignal): Promise<SharedView>;
  /** `isApplied` recognises the write in a record that was read back. Errors: the store's, CorruptRecordError, the signal's reason. */
  write(options: {
    from: SharedView;
    record: SharedRecord;
    isApplied: (record: SharedRecord | null) => boolean;
    signal: AbortSignal;
  }): Promise<RegisterWrite>;
}

export function createReservationRegister({
  store,
  key,
}: {
  store: Store;
  key: string;
}): ReservationRegister {
  const read = async (signal: AbortSignal) =>
    parseSharedView(key, await untilAborted(store.get(key, { signal }), signal));
  return {
    read,
    async write({ from, record, isApplied, signal }) {
      const settle = async (): Promise<RegisterWrite> => {
        const view = await read(signal);
        return { kind: isApplied(view.record) ? 'applied' : 'refused', view };
      };
      try {
        const sent = store.compareAndSet(key, from.revision, encodeSharedRecord(record), { signal });
        const result = await untilAborted(sent, signal);
        if (result.ok) return { kind: 'applied', view: { revision: result.revision, record } };
        if (result.current === undefined) return await settle();
        const view = parseSharedView(key, result.current);
        // A driver that read back stale shows what was just refused: only a read of its own tells more.
        return view.revision === from.revision ? await settle() : { kind: 'refused', view };
      } catch (error) {
        if (!hasCode(error, 'indeterminate') || signal.aborted) throw error;
        return await settle();
      }
    },
  };
}

/** Whether a process's block of that number is in the record. */
export function hasLane(record: SharedRecord | null, { id, number }: Pick<Lane, 'id' | 'number'>): boolean {
  return record?.lanes.some((lane) => lane.id === id && lane.number === number) ?? false;
}

async function untilAborted<T>(operation: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {
    // Replaced below, before it can be called.
  };
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = () => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    stop = () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([operation, aborted]);
  } finally {
    stop();
  }
}
