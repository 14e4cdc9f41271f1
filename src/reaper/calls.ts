/**
 * The sweep's calls to its provider: each waits for its slot, checks the lease, and only then is sent, once. Answers feed
 * the pace and are counted here and nowhere else. Null means halted: nothing was sent, or the grace ended without an answer.
 * NOT guaranteed: that a null after sending had no effect; `destroy` says which it was.
 */
import type { Deadline } from '../base/deadline.ts';
import { hasCode, toError } from '../base/errors.ts';
import type { Lease } from '../lease/contract.ts';
import type {
  AnswerMeta,
  App,
  DestroyAnswer,
  GetAnswer,
  ListAnswer,
  Provider,
  ScopeAnswer,
} from '../provider/contract.ts';
import type { Pace } from './contract.ts';
import type { Halt } from './halt.ts';

/** What permits effects: the lease, as far as the sweep needs it. */
export type Permit = Pick<Lease, 'token' | 'signal' | 'assertHeld'>;

export interface CallCounts {
  list: number;
  get: number;
  delete: number;
  other: number;
}

export interface Calls {
  readonly counts: Readonly<CallCounts>;
  /** Whether the provider ever gave an answer that made sense. */
  readonly hasAnswered: boolean;
  /** Whether anything was sent at all. */
  readonly hasSent: boolean;
  /** Waits until one request may be sent; false when halted. */
  takeSlot(): Promise<boolean>;
  open(): Promise<ScopeAnswer | null>;
  /** `within`: the part of the sweep it is asked for, where that may end alone. */
  list(cursor: string | null, within?: Halt): Promise<ListAnswer | null>;
  /** The slot has been taken by the caller. */
  get(id: string): Promise<GetAnswer | null>;
  /** The slot has been taken by the caller. `unsent`: halted before, the app was not touched; null: no answer. */
  destroy(app: App): Promise<DestroyAnswer | 'unsent' | null>;
}

export interface CallsOptions {
  provider: Provider;
  pace: Pace;
  /** Null for a plan, which only reads. */
  permit: Permit | null;
  halt: Halt;
  deadline: Deadline;
}

type Answer = { readonly kind: string; readonly meta: AnswerMeta };

export function createCalls({ provider, pace, permit, halt, deadline }: CallsOptions): Calls {
  const counts: CallCounts = { list: 0, get: 0, delete: 0, other: 0 };
  let hasAnswered = false;
  let hasSent = false;

  const takeSlot = async (within: Halt = halt) => {
    // Waiting for a slot that comes after the end of the budget would only hold the lease.
    if (pace.delayMs() > deadline.remainingMs()) halt.stop('throttled');
    if (within.isHalted) return false;
    try {
      await pace.take({ signal: within.signal });
    } catch (thrown) {
      if (within.isHalted) return false;
      throw thrown;
    }
    return true;
  };

  /** True while effects are permitted; the last thing asked before sending. */
  const isPermitted = (within: Halt = halt) => {
    if (within.isHalted) return false;
    try {
      permit?.assertHeld();
      return true;
    } catch (thrown) {
      if (!hasCode(thrown, 'lease-lost')) throw thrown;
      halt.stop('lease-lost', toError(thrown));
      return false;
    }
  };

  /** Counts a request that was just sent and waits for its answer, but not beyond the grace. */
  const receive = async <T extends Answer>(
    verb: keyof CallCounts,
    sent: Promise<T>,
    within: Halt = halt,
  ): Promise<T | null> => {
    counts[verb] += 1;
    hasSent = true;
    const answer = await untilAborted(sent, within.callSignal);
    if (answer === null) return null;
    pace.observe({ throttled: answer.kind === 'throttled', ...answer.meta.rate });
    if (answer.kind !== 'ambiguous') hasAnswered = true;
    if (answer.kind === 'unauthorized') halt.stop('unauthorized');
    return answer;
  };

  const options = { signal: halt.callSignal };
  return {
    counts,
    get hasAnswered() {
      return hasAnswered;
    },
    get hasSent() {
      return hasSent;
    },
    takeSlot: () => takeSlot(),
    async open() {
      // A provider that needs no request to open must not spend a slot on it.
      if (provider.capabilities.openRequests === 0)
        return halt.isHalted ? null : await provider.open(options);
      if (!(await takeSlot()) || !isPermitted()) return null;
      return await receive('other', provider.open(options));
    },
    async list(cursor, within = halt) {
      if (!(await takeSlot(within)) || !isPermitted(within)) return null;
      return await receive('list', provider.list(cursor, { signal: within.callSignal }), within);
    },
    async get(id) {
      if (!isPermitted()) return null;
      return await receive('get', provider.get(id, options));
    },
    async destroy(app) {
      if (!permit || !isPermitted()) return 'unsent';
      return await receive('delete', provider.destroy(app, { ...options, fencingToken: permit.token }));
    },
  };
}

/** The answer, or null once the signal aborts, even where the call ignores its signal. */
async function untilAborted<T>(sent: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let stopListening: (() => void) | null = null;
  const aborted = new Promise<null>((resolve) => {
    const onAbort = () => resolve(null);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    stopListening = () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([sent, aborted]);
  } catch (thrown) {
    // A call that was aborted may end with the signal's reason; any other throw breaks the provider's contract.
    if (signal.aborted) return null;
    throw thrown;
  } finally {
    (stopListening as (() => void) | null)?.();
  }
}
