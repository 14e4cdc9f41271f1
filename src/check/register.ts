/**
 * One check's record in the store: read, and read-decide-write until it is settled. A lost compare-and-set is decided again on
 * what is there now; a doubtful one is settled by reading back its nonce. A write that was sent is never abandoned by a stop:
 * it gets its own limit, so that "ended" means that its outcome is known or its time is over.
 */
import { type Backoff, createBackoff } from '../base/backoff.ts';
import { sleep, throwIfAborted } from '../base/clock.ts';
import { deepFreeze } from '../base/codec.ts';
import { withTimeout } from '../base/deadline.ts';
import { hasCode, IndeterminateError, UnavailableError } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import { type CheckRecord, checkKey, decodeCheckRecord, encodeCheckRecord } from '../probe/check-record.ts';
import type { Revision } from '../store/contract.ts';
import type { CheckWorld } from './contract.ts';

/** What is in the store; both null where nothing is. */
export interface RegisterView {
  readonly record: CheckRecord | null;
  readonly revision: Revision | null;
}

/** A record without what the register adds to each write. */
export type CheckDraft = Omit<CheckRecord, 'v' | 'nonce' | 'setAt' | 'writer'>;

export interface Register {
  readonly key: string;
  /** UnavailableError, CorruptRecordError, AuthError, or the signal's reason. */
  read(signal: AbortSignal | undefined): Promise<RegisterView>;
  /**
   * Asks `decide` for the record to write on top of what is there, until a write has landed or `decide` wants none; then what is
   * there. `decide` may run several times and must be pure. UnavailableError where others kept winning.
   */
  update(
    decide: (current: CheckRecord | null) => CheckDraft | null,
    signal: AbortSignal | undefined,
  ): Promise<RegisterView>;
}

const OPERATION_TIMEOUT_MS = 5000;
const MAX_ATTEMPTS = 16;
const CONFLICT_BACKOFF = { baseMs: 10, capMs: 500 };

/** The register of one check. */
export function createRegister(world: CheckWorld, name: string): Register {
  const { store, clock, namespace, writer, operationTimeoutMs: timeoutMs = OPERATION_TIMEOUT_MS } = world;
  const key = checkKey(namespace, name);

  const read = async (signal: AbortSignal | undefined): Promise<RegisterView> => {
    const waitingFor = `the store to read check ${name}`;
    const onTimeout = () => new UnavailableError(`${waitingFor} took too long`);
    const parent = signal === undefined ? {} : { parent: signal };
    const entry = await withTimeout({ clock, timeoutMs, waitingFor, onTimeout, ...parent }, (own) =>
      store.get(key, { signal: own }),
    );
    if (entry === null) return { record: null, revision: null };
    return { record: decodeCheckRecord(entry.value, name), revision: entry.revision };
  };

  /** Null: certainly not applied. */
  const write = async (expect: Revision | null, record: CheckRecord): Promise<Revision | null> => {
    const waitingFor = `the store to write check ${name}`;
    const onTimeout = () =>
      new IndeterminateError(`${waitingFor} took too long; it may or may not have landed`);
    const result = await withTimeout({ clock, timeoutMs, waitingFor, onTimeout }, (own) =>
      store.compareAndSet(key, expect, encodeCheckRecord(record), { signal: own }),
    );
    return result.ok ? result.revision : null;
  };

  return {
    key,
    read,
    async update(decide, signal) {
      // One nonce for the whole update: whichever of its writes landed, reading back recognises it.
      const nonce = createNonce();
      let doubt: Error | null = null;
      let backoff: Backoff = createBackoff(CONFLICT_BACKOFF);
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        throwIfAborted(signal);
        // 1. What is there now? It also settles a write whose answer was lost.
        const current = await read(signal).catch((error: unknown) => {
          throw doubt !== null && hasCode(error, 'unavailable') ? doubt : error;
        });
        if (current.record?.nonce === nonce) return current;
        // 2. What should be there?
        const draft = decide(current.record);
        if (draft === null) return current;
        const setAt = new Date(clock.wallMs()).toISOString();
        const record: CheckRecord = deepFreeze({ v: 1, ...draft, writer, nonce, setAt });
        // 3. Write on top of exactly what was judged.
        throwIfAborted(signal);
        try {
          const revision = await write(current.revision, record);
          if (revision !== null) return { record, revision };
        } catch (error) {
          if (!hasCode(error, 'indeterminate')) throw error;
          doubt = error;
        }
        const step = backoff.next(clock.random());
        backoff = step.backoff;
        await sleep(clock, step.delayMs, signal);
      }
      throw (
        doubt ?? new UnavailableError(`check ${name} was changed by others ${MAX_ATTEMPTS} times in a row`)
      );
    },
  };
}
