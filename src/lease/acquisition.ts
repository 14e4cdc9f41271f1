/**
 * One acquisition under one nonce, pass by pass: read, judge, write. It never waits; who calls it decides when the next
 * pass is due. NOT guaranteed: that a pass settles anything. Invariants: every write of this acquisition carries the same
 * nonce, so the store never holds two entries of it; a write in doubt is read back and sent again unchanged until it is
 * settled (L9); whoever gives up calls `abandon` (L14).
 */
import type { Clock } from '../base/clock.ts';
import { createNonce } from '../base/identity.ts';
import type { Logger } from '../base/logger.ts';
import type { AcquireOptions, LeaseEntry, LeaseRecord, LeaseView } from './contract.ts';
import type { AcquireVerdict, PendingAcquire } from './decide.ts';
import type { Acquisition, KeyMemory, Pass } from './pass.ts';
import type { LeaseProtocol } from './protocol.ts';
import { boundHolder } from './record.ts';
import type { LeaseRegister } from './register.ts';
import { type Instant, type LeaseTiming, readInstant } from './timing.ts';
import { renewed } from './transition.ts';
import { withdraw } from './withdrawal.ts';

export interface AcquisitionSettings {
  register: LeaseRegister;
  protocol: LeaseProtocol;
  clock: Clock;
  logger: Logger;
  timing: LeaseTiming;
  memory: KeyMemory;
  options: AcquireOptions;
  /** Whether it joins the queue of order `fifo`. */
  mayQueue: boolean;
}

// After this many stale-looking reads a write that can no longer be applied counts as lost.
const MAX_UNDECIDED_READS = 5;

interface Pending extends PendingAcquire {
  readonly from: LeaseView;
  readonly record: LeaseRecord;
  readonly entry: LeaseEntry;
  /** The instant of the entry's mark. */
  readonly sentAt: Instant;
  readonly error: Error;
  readonly undecidedReads: number;
}

/** A fresh acquisition; holds nothing that needs disposal but what `abandon` takes out. */
export function createAcquisition(settings: AcquisitionSettings): Acquisition {
  const { register, protocol, clock, timing, memory, options } = settings;
  const nonce = createNonce();
  const holder = boundHolder(options.holder);
  // From when on a write that was ever in doubt counts, by what it wrote; until it is known to be lost.
  const doubted = new Map<string, Instant>();
  let highestToken = 0;
  let pending: Pending | null = null;
  let nextSeq = 0;
  let ticketSentMs: number | null = null;

  const judge = (view: LeaseView, now: Instant): AcquireVerdict =>
    protocol.decideAcquire({
      key: register.key,
      view,
      observation: memory.observation,
      now,
      deadNonces: memory.dead,
      request: {
        nonce,
        leaseMs: timing.leaseMs,
        holder,
        since: new Date(now.wallMs).toISOString(),
        mark: protocol.markOf(now),
        permits: options.permits ?? 1,
        order: options.order ?? 'any',
        mayQueue: settings.mayQueue,
        nextSeq,
        isTicketDue: ticketDueInMs() <= 0,
      },
    });
  const ticketDueInMs = () =>
    ticketSentMs === null
      ? Number.POSITIVE_INFINITY
      : timing.renewEveryMs - (clock.monotonicMs() - ticketSentMs);
  const call = (signal: AbortSignal) => ({ timeoutMs: timing.callTimeoutMs, signal });
  const isStillValid = (sentAt: Instant) => {
    const now = readInstant(clock);
    return protocol.validForMs(timing, { sentAt, repliedAt: now }, now) > 0;
  };

  const owned = (view: LeaseView, entry: LeaseEntry, sentAt: Instant): Pass => {
    pending = null;
    nextSeq = Math.max(nextSeq, entry.seq + 1);
    // A process that was stopped until now has an entry without any validity left: it is renewed first.
    if (!isStillValid(sentAt)) {
      doubted.set(nameOf(entry), sentAt);
      return { kind: 'again', seen: view, doubt: null };
    }
    return { kind: 'owned', view, entry, confirmation: { sentAt, repliedAt: readInstant(clock) } };
  };

  /** Sends an entry of ours, new, renewed, or once more. */
  const claim = async (
    write: Pick<Pending, 'from' | 'record' | 'entry' | 'sentAt'>,
    signal: AbortSignal,
  ): Promise<Pass> => {
    const { from, record, entry } = write;
    const sentAt = doubted.get(nameOf(entry)) ?? write.sentAt;
    highestToken = Math.max(highestToken, entry.token);
    const outcome = await register.write(from, record, { ...call(signal), sentAt });
    if (outcome.kind === 'applied') {
      return owned(outcome.view, entry, sentAt);
    }
    if (outcome.kind === 'refused') {
      if (pending) pending = { ...pending, isClosed: true };
      return { kind: 'again', seen: outcome.view, doubt: null };
    }
    nextSeq = Math.max(nextSeq, entry.seq + 1);
    doubted.set(nameOf(entry), sentAt);
    const { error } = outcome;
    if (pending?.record !== record) {
      const { token } = entry;
      pending = { nonce, token, from, record, entry, sentAt, error, isClosed: false, undecidedReads: 0 };
    }
    return { kind: 'again', seen: null, doubt: error };
  };

  /** Null where the write in doubt is settled as lost, and the record is to be judged anew. */
  const settle = async (view: LeaseView, write: Pending, signal: AbortSignal): Promise<Pass | null> => {
    const isOutdated = register.isFresh && view.revision !== write.from.revision;
    const isClosed = write.isClosed || isOutdated;
    const verdict = protocol.decideReadBack(view, { nonce, token: write.token, isClosed }, register.isFresh);
    if (verdict.kind === 'owned') {
      const sentAt = doubted.get(nameOf(verdict.entry));
      if (sentAt) return owned(view, verdict.entry, sentAt);
    }
    if (verdict.kind === 'lost') doubted.delete(nameOf(write.entry));
    if (verdict.kind === 'owned' || verdict.kind === 'lost' || write.undecidedReads >= MAX_UNDECIDED_READS) {
      pending = null;
      return null;
    }
    pending = { ...write, isClosed, undecidedReads: write.undecidedReads + (isClosed ? 1 : 0) };
    if (isClosed) return { kind: 'again', seen: null, doubt: write.error };
    return claim(write, signal);
  };

  const enqueue = async (
    view: LeaseView,
    verdict: AcquireVerdict & { kind: 'queue' },
    signal: AbortSignal,
  ): Promise<Pass | LeaseView> => {
    nextSeq = verdict.ticket.seq + 1;
    const sentMs = clock.monotonicMs();
    ticketSentMs ??= sentMs;
    const outcome = await register.write(view, verdict.record, call(signal));
    if (outcome.kind === 'refused') return { kind: 'again', seen: outcome.view, doubt: null };
    if (outcome.kind === 'doubtful') return { kind: 'again', seen: null, doubt: outcome.error };
    ticketSentMs = sentMs;
    return outcome.view;
  };

  return {
    get doubt() {
      return pending?.error ?? null;
    },
    ticketDueInMs,
    async pass(seen, { signal, isDone }) {
      // 1. Look, unless somebody just did. What is seen counts from after the answer (L4).
      let view = seen ?? (await register.read(call(signal)));
      const beats = [...(view.record?.entries ?? []), ...(view.record?.tickets ?? [])];
      memory.observation = protocol.observe(memory.observation, beats, clock.monotonicMs());

      // 2. A write in doubt comes first: no other write of ours may be judged while it is open (L9).
      if (pending) {
        const settled = await settle(view, pending, signal);
        if (settled) return settled;
      }
      if (isDone?.(view)) return { kind: 'done' };

      // 3. Judge. A place in the queue is taken or renewed first; the record is then judged as it became.
      // A write that comes of it counts from this instant, which is its stamp: whoever is stopped from here on loses that time.
      let now = readInstant(clock);
      let verdict = judge(view, now);
      if (verdict.kind === 'queue') {
        const queued = await enqueue(view, verdict, signal);
        if ('kind' in queued) return queued;
        view = queued;
        now = readInstant(clock);
        verdict = judge(view, now);
      }
      switch (verdict.kind) {
        case 'wait':
          return { ...verdict, kind: 'busy', view };
        case 'queue':
          return { kind: 'again', seen: view, doubt: null };
        // 4. Compare and set on exactly what was judged.
        case 'take':
          return claim({ from: view, record: verdict.record, entry: verdict.entry, sentAt: now }, signal);
        // 5. An old write of ours showed up. Its validity is over or near: a renewal of it gives a full one.
        case 'own': {
          const entry = renewed(verdict.entry, { seq: nextSeq, mark: protocol.markOf(now) });
          const record = replaceEntry(verdict.record, entry);
          return claim({ from: view, record, entry, sentAt: now }, signal);
        }
      }
    },
    abandon() {
      if (doubted.size === 0 && ticketSentMs === null) return null;
      return withdraw({
        register,
        protocol,
        clock,
        logger: settings.logger,
        own: { nonce, token: doubted.size > 0 ? highestToken : 0 },
        leaseMs: timing.leaseMs,
        callTimeoutMs: timing.callTimeoutMs,
        from: null,
        ...(doubted.size > 0 ? { outdatePermits: options.permits ?? 1 } : {}),
      });
    },
  };
}

/** One write: a `seq` is raised after each doubt, so that token and seq name what was sent. */
function nameOf({ token, seq }: LeaseEntry): string {
  return `${token}.${seq}`;
}

function replaceEntry(record: LeaseRecord, entry: LeaseEntry): LeaseRecord {
  return {
    ...record,
    entries: record.entries.map((present) => (present.nonce === entry.nonce ? entry : present)),
  };
}
