// Wrong protocols that look right: each replaces one decision, one clock or one call, and the simulation must find out.
import type { Clock } from '../../src/base/clock.ts';
import { createNonce } from '../../src/base/identity.ts';
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
            { monotonicMs: now.monotonicMs, wallMs: Number.NEGATIVE_INFINITY },
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
