/**
 * One renewal of an owned entry, tried until it is confirmed, until ownership is known to be gone, or until the lease's
 * validity ends (then its signal aborts). NOT guaranteed: that no renewal is on its way when this ends; it changes only our
 * own entry. Invariants: a confirmation counts from the first sending of the write that landed (L3, L9); a `seq` is sent with
 * one record only, so that the one found in the store tells which write landed.
 */
import { type Backoff, createBackoff } from '../base/backoff.ts';
import { abortReason, type Clock, sleep } from '../base/clock.ts';
import { hasCode, invariant, LeaseLostError, toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { LeaseRecord, LeaseView } from './contract.ts';
import type { OwnEntry, RenewVerdict } from './decide.ts';
import type { LeaseProtocol } from './protocol.ts';
import type { LeaseRegister } from './register.ts';
import { type Confirmation, type Instant, type LeaseTiming, readInstant } from './timing.ts';

export interface RenewalSettings {
  register: LeaseRegister;
  protocol: LeaseProtocol;
  clock: Clock;
  timing: LeaseTiming;
  own: OwnEntry;
  /** The record as last written, and the `seq` it has. */
  view: LeaseView;
  confirmedSeq: number;
  /** The lease's own signal: ends the tries. A call under way is left to end by itself, so that it is not in doubt. */
  signal: AbortSignal;
}

export interface Renewed {
  readonly view: LeaseView;
  readonly seq: number;
  readonly confirmation: Confirmation;
}

/** Rejects with LeaseLostError: ownership is gone, or the validity ended first (then the cause is the last trouble). */
export async function renewEntry(settings: RenewalSettings): Promise<Renewed> {
  const { register, protocol, clock, timing, own, confirmedSeq, signal } = settings;
  const call = { timeoutMs: timing.callTimeoutMs };
  const sentAtBySeq = new Map<number, Instant>();
  let nextSeq = confirmedSeq + 1;
  let doubtful: { from: LeaseView; record: LeaseRecord } | null = null;
  // The known record saves a read; another contender may have changed it (a ticket, another permit's owner).
  let view: LeaseView | null = settings.view;
  let backoff: Backoff = createBackoff({ baseMs: timing.leaseMs / 60, capMs: timing.leaseMs / 12 });
  let trouble: Error | undefined;

  while (!signal.aborted) {
    try {
      // 1. What is there now?
      view ??= await register.read(call);
      const now = readInstant(clock);
      const isUnchanged: boolean = doubtful !== null && doubtful.from.revision === view.revision;
      const verdict: RenewVerdict =
        doubtful !== null && isUnchanged
          ? { kind: 'write', record: doubtful.record }
          : protocol.decideRenew(view, own, { confirmedSeq, nextSeq, mark: protocol.markOf(now) });

      // 2. Somebody else's: lost. A doubtful renewal of ours: confirmed, from its own sending on.
      if (verdict.kind === 'lost') throw new LeaseLostError(lostMessage(register.key, view));
      if (verdict.kind === 'renewed') {
        const sentAt = sentAtBySeq.get(verdict.seq);
        invariant(sentAt, `${register.key} shows a renewal that was never sent`);
        return { view, seq: verdict.seq, confirmation: { sentAt, repliedAt: readInstant(clock) } };
      }

      // 3. Renew on exactly what was judged; a doubtful write that may still be valid goes out again unchanged.
      if (verdict.kind === 'write') {
        const outcome = await register.write(view, verdict.record, { ...call, sentAt: now });
        const seq = nextSeq - (isUnchanged ? 1 : 0);
        if (outcome.kind === 'applied') {
          const sentAt = sentAtBySeq.get(seq) ?? outcome.confirmation.sentAt;
          return { view: outcome.view, seq, confirmation: { ...outcome.confirmation, sentAt } };
        }
        if (outcome.kind === 'refused') {
          view = outcome.view;
          if (view) continue;
        } else {
          trouble = outcome.error;
          if (!isUnchanged) {
            sentAtBySeq.set(seq, outcome.sentAt);
            doubtful = { from: view, record: verdict.record };
            nextSeq += 1;
          }
        }
      }
    } catch (thrown) {
      trouble = toError(thrown);
      if (hasCode(trouble, 'lease-lost')) throw trouble;
      if (hasCode(trouble, 'corrupt-record') || hasCode(trouble, 'invariant')) {
        throw new LeaseLostError(`the lease on ${register.key} is lost: ${trouble.message}`, {
          cause: trouble,
        });
      }
    }
    // 4. Not yet: again until the validity ends. Failing at once would give up a lease that is still ours.
    view = null;
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    await sleepUntilAborted(settings, step.delayMs);
  }
  const reason = abortReason(signal);
  throw new LeaseLostError(reason.message, { cause: trouble ?? reason });
}

async function sleepUntilAborted({ clock, signal }: RenewalSettings, delayMs: number): Promise<void> {
  try {
    await sleep(clock, delayMs, signal);
  } catch (error) {
    // An abort ends the loop that called; anything else is a bug in the clock.
    if (!signal.aborted) throw error;
  }
}

function lostMessage(key: string, view: LeaseView): string {
  const [owner] = view.record?.entries ?? [];
  return owner
    ? `the lease on ${key} is lost: ${plain(owner.holder.text)} has it now, with token ${owner.token}`
    : `the lease on ${key} is lost: it was taken over and freed`;
}
