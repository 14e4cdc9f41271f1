/**
 * For callers that would rather leave than wait: when whoever is in the way looks dead, one observes it oneself, for a lease.
 * NOT guaranteed: that a suspect is dead; clocks that disagree make living holders suspect. Invariants: the wall clock only
 * decides whether to look longer, ownership comes of the same judgement as for any waiter; the time is bounded; where the look
 * is cut short, busy is the answer.
 */
import { createDeadline } from '../base/deadline.ts';
import { hasCode } from '../base/errors.ts';
import type { LeaseTicket, LeaseView } from './contract.ts';
import type { Pass } from './pass.ts';
import { takeoverAfterMs } from './timing.ts';
import { type WaitingSettings, waitForOwnership } from './waiting.ts';

export interface ObservingSettings extends Omit<WaitingSettings, 'seen' | 'onWait' | 'isDone'> {
  /** What the first try met; its suspects are observed. */
  busy: Pass & { kind: 'busy' };
}

/** What the observation came to. */
export type Observed =
  | (Pass & { kind: 'owned' })
  /** Somebody gave a sign of life, left or came: it is to be judged anew. */
  | { readonly kind: 'changed'; readonly view: LeaseView }
  /** The time was over first. */
  | { readonly kind: 'unchanged' };

/** Errors: the abort reason of the signal where it is no deadline; those of the store that no later try will change. */
export async function observeSuspects(settings: ObservingSettings): Promise<Observed> {
  const { busy, clock, pollMs, signal } = settings;
  const { suspects } = busy;
  const deadline = createDeadline({
    clock,
    timeoutMs: Math.max(...suspects.map(({ leaseMs }) => takeoverAfterMs(leaseMs))) + pollMs,
    waitingFor: `a sign of life on ${settings.key}`,
    parent: signal,
  });
  const moved: LeaseView[] = [];
  const isDone = (view: LeaseView) => {
    if (hasMoved(suspects, view)) moved.push(view);
    return moved.length > 0;
  };
  try {
    const pass = await waitForOwnership({
      ...settings,
      signal: deadline.signal,
      seen: busy.view,
      onWait: () => undefined,
      isDone,
    });
    const [view] = moved;
    if (pass.kind === 'owned') return pass;
    return view ? { kind: 'changed', view } : { kind: 'unchanged' };
  } catch (error) {
    // A store that stopped answering meanwhile does not make the holder any deader: busy was true when it was last seen.
    if (deadline.signal.aborted && hasCode(deadline.signal.reason, 'deadline')) return { kind: 'unchanged' };
    throw error;
  } finally {
    deadline.dispose();
  }
}

/** A read that is older than the first look shows a lower `seq`: that is no sign of life. */
function hasMoved(suspects: readonly LeaseTicket[], view: LeaseView): boolean {
  const present = [...(view.record?.entries ?? []), ...(view.record?.tickets ?? [])];
  return suspects.some(({ nonce, seq }) => {
    const beat = present.find((candidate) => candidate.nonce === nonce);
    return beat === undefined || beat.seq > seq;
  });
}
