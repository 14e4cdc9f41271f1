// Wrong protocols that look right: each replaces one decision, one clock or one call, and the simulation must find out.
import type { Clock, MachineTime } from '../../src/base/clock.ts';
import { createNonce } from '../../src/base/identity.ts';
import type { LeaseStamp } from '../../src/lease/contract.ts';
import { leaseProtocol } from '../../src/lease/protocol.ts';
import type { Store } from '../../src/store/contract.ts';
import type { Scenario } from './lease-scenario.ts';
import type { Variant } from './lease-schedule.ts';

export interface Mutant {
  /** What it does wrong, as a test's title goes on after "a protocol in which". */
  readonly title: string;
  readonly variant: Variant;
  /** Which violations give it away. */
  readonly breaks: RegExp;
  /** The trouble in which it shows soonest; anything unless given. */
  readonly under?: Partial<Scenario>;
}

const real = leaseProtocol;

// Without trouble in which nobody is ever robbed, and where processes meet that read one clock.
const ON_ONE_MACHINE: Partial<Scenario> = {
  leaseMs: 10_000,
  machines: 'shared',
  isGentle: false,
  pauses: 1,
  permits: 1,
  wallJumps: 0,
};

/** A takeover for a stamp's age alone, by whatever counts as its age. */
function believing(
  ageMs: (stamp: LeaseStamp, now: MachineTime) => number,
): typeof leaseProtocol.decideAcquire {
  return (situation) => {
    const { view, now } = situation;
    const old = (view.record?.entries ?? []).filter(
      ({ stamp, leaseMs }) => stamp && now.machine && ageMs(stamp, now.machine) >= leaseMs * 1.01,
    );
    const deadNonces = new Set([...situation.deadNonces, ...old.map(({ nonce }) => nonce)]);
    return real.decideAcquire({ ...situation, deadNonces });
  };
}

export const MUTANTS: readonly Mutant[] = [
  {
    title: 'validity is counted from the reply',
    breaks: /L5/,
    under: { leaseMs: 10_000, isGentle: false, pauses: 1, faults: { maxDelayMs: 2400, loseReply: 0.2 } },
    variant: {
      protocol: {
        validForMs: (timing, confirmation, now) =>
          real.validForMs(timing, { ...confirmation, sentAt: confirmation.repliedAt }, now),
      },
    },
  },
  {
    title: 'validity is counted from the reply, while the stamp that others read is earlier',
    breaks: /L5/,
    under: { ...ON_ONE_MACHINE, faults: { maxDelayMs: 2400, loseReply: 0.2 } },
    variant: {
      protocol: {
        validForMs: (timing, confirmation, now) =>
          real.validForMs(timing, { ...confirmation, sentAt: confirmation.repliedAt }, now),
      },
    },
  },
  {
    title: 'the stamp is older than the instant from which its holder counts',
    breaks: /L5/,
    under: ON_ONE_MACHINE,
    variant: {
      protocol: {
        markOf(sentAt) {
          const { stamp, renewedAt } = real.markOf(sentAt);
          const olderMs = 3000;
          const earlier = new Date(Date.parse(renewedAt) - olderMs).toISOString();
          return stamp
            ? { renewedAt: earlier, stamp: { ...stamp, ms: Math.max(0, stamp.ms - olderMs) } }
            : { renewedAt };
        },
      },
    },
  },
  {
    title: 'a renewal keeps the stamp of the write before',
    breaks: /L5/,
    under: ON_ONE_MACHINE,
    variant: {
      protocol: {
        decideRenew(view, own, next) {
          const former = view.record?.entries.find(({ nonce }) => nonce === own.nonce);
          const { renewedAt = next.mark.renewedAt, stamp } = former ?? {};
          return real.decideRenew(view, own, { ...next, mark: stamp ? { renewedAt, stamp } : next.mark });
        },
      },
    },
  },
  {
    title: 'a stamp is believed whatever clock it is of',
    breaks: /L5/,
    under: { ...ON_ONE_MACHINE, machines: 'shared', actors: 3 },
    variant: { protocol: { decideAcquire: believing((stamp, now) => now.ms - stamp.ms) } },
  },
  {
    title: 'a stamp is believed though the wall clock says that its lease can not have passed',
    breaks: /L5/,
    under: { ...ON_ONE_MACHINE, machines: 'copies', wallSkewMs: 0 },
    variant: {
      protocol: {
        decideAcquire: believing((stamp, now) => (stamp.clockId === now.clockId ? now.ms - stamp.ms : 0)),
      },
    },
  },
  {
    title: 'who looks dead by the wall clock is taken over instead of observed',
    breaks: /L5/,
    under: { wallSkewMs: 60_000, isGentle: false },
    variant: {
      protocol: {
        decideAcquire(situation) {
          const verdict = real.decideAcquire(situation);
          if (verdict.kind !== 'wait') return verdict;
          const deadNonces = new Set([
            ...situation.deadNonces,
            ...verdict.suspects.map(({ nonce }) => nonce),
          ]);
          return real.decideAcquire({ ...situation, deadNonces });
        },
      },
    },
  },
  {
    title: "an owner's wall-clock stamp is compared with one's own",
    breaks: /L5/,
    variant: {
      protocol: {
        decideAcquire(situation) {
          const { view, request } = situation;
          const stale = (view.record?.entries ?? []).filter(
            ({ since, leaseMs, seq }) =>
              Date.parse(request.since) - Date.parse(since) > leaseMs + (seq * leaseMs) / 3,
          );
          const deadNonces = new Set([...situation.deadNonces, ...stale.map(({ nonce }) => nonce)]);
          return real.decideAcquire({ ...situation, deadNonces });
        },
      },
    },
  },
  {
    title: 'an observer measures with its wall clock',
    breaks: /L5|L9/,
    under: { wallJumps: 2, isGentle: false },
    variant: { wrapClock: (clock: Clock) => ({ ...clock, monotonicMs: () => clock.wallMs() }) },
  },
  {
    title: 'a holder trusts its monotonic clock alone',
    breaks: /L5/,
    under: { suspensions: 2, isGentle: false },
    variant: {
      protocol: {
        validForMs: (timing, { sentAt, repliedAt }, now) =>
          real.validForMs(
            timing,
            { sentAt: { ...sentAt, wallMs: 0 }, repliedAt },
            { ...now, wallMs: Number.NEGATIVE_INFINITY },
          ),
      },
    },
  },
  {
    title: 'a release deletes the record',
    breaks: /L1/,
    variant: {
      wrapStore: (store: Store) => ({
        ...store,
        compareAndSet: (key, expect, value, options) =>
          expect !== null && JSON.parse(value).state === 'free'
            ? store.delete(key, expect, options)
            : store.compareAndSet(key, expect, value, options),
      }),
    },
  },
  {
    title: 'a write in doubt counts as lost and its nonce is not read back',
    breaks: /L9|L14/,
    variant: {
      protocol: {
        decideReadBack: () => ({ kind: 'lost' }),
        // A nonce per try instead of one per acquisition: what landed unnoticed is a stranger's.
        decideAcquire: (situation) =>
          real.decideAcquire({ ...situation, request: { ...situation.request, nonce: createNonce() } }),
      },
    },
  },
  {
    title: 'a write in doubt counts as done and its nonce is not read back',
    breaks: /L[235]/,
    variant: {
      protocol: {
        decideReadBack: (view, pending) => ({
          kind: 'owned',
          entry: {
            token: pending.token,
            nonce: pending.nonce,
            seq: 0,
            leaseMs: view.record?.entries[0]?.leaseMs ?? 0,
            holder: { text: '?', host: '?', pid: 0 },
            since: '',
          },
        }),
      },
    },
  },
  {
    title: 'the tombstone does not keep the token',
    breaks: /L1/,
    variant: {
      protocol: {
        decideRelease(view, own, updateNote) {
          const verdict = real.decideRelease(view, own, updateNote);
          if (verdict.kind !== 'write' || verdict.record.entries.length > 0) return verdict;
          return { kind: 'write', record: { ...verdict.record, token: 0 } };
        },
      },
    },
  },
];
