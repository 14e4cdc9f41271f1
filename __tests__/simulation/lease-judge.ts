// Watches a simulated key with the eyes of the store and of all actors at once, which nobody in the system has, and says
// which invariant of the specification broke. It knows the record's text, not the code under test.
import type { Lease } from '../../src/lease/contract.ts';
import type { Scenario } from './lease-scenario.ts';

export interface JudgedActor {
  readonly name: string;
  /** Stopped or crashed: what it believes does not count until it runs again. */
  readonly isStopped: boolean;
  readonly leases: ReadonlySet<Lease>;
  /** Its monotonic clock once stopped: its timers may be late, so that only asking the lease counts (L7). */
  readonly wasSuspended: boolean;
}

export interface RecordText {
  readonly state: string;
  readonly token: number;
  readonly permits: number;
  readonly entries: readonly { token: number; nonce: string; seq: number; holder: { text: string } }[];
  readonly tickets: readonly { nonce: string; holder: { text: string } }[];
}

export class Violation extends Error {}

export interface Judge {
  /** After each change of the store, before anybody learns of it. Null: the key was deleted. */
  judgeChange(actor: string, record: RecordText | null): void;
  /** After each step, when everything has settled. */
  judgeStep(actors: readonly JudgedActor[]): void;
  /** An effect that arrives at once: it was permitted in this very step. */
  judgeEffect(token: number): void;
  /** An effect that was on its way; false where the sink refused its token. */
  arrive(lease: Lease): boolean;
  judgeReleased(lease: Lease, result: string): void;
  /** When all have ended properly. */
  judgeEnd(): void;
  readonly record: RecordText | null;
}

export function createJudge({ permits, isGentle }: Pick<Scenario, 'permits' | 'isGentle'>): Judge {
  const owners = new Map<number, string>();
  const leasesByNonce = new Map<string, Lease>();
  const refusals = new Map<Lease, number>();
  let record: RecordText | null = null;
  let highestToken = 0;
  let sinkToken = 0;

  const fail = (what: string): never => {
    throw new Violation(what);
  };

  return {
    get record() {
      return record;
    },
    judgeChange(actor, next) {
      if (next === null) {
        record = null;
        return;
      }
      const before = record;
      const known = new Map(before?.entries.map((entry) => [entry.nonce, entry]) ?? []);
      const gone = new Set(known.keys());
      if (next.token < highestToken) fail(`L1: the token fell from ${highestToken} to ${next.token}`);
      if (next.entries.length > permits) fail(`L2: ${next.entries.length} owners for ${permits} permits`);
      for (const entry of next.entries) {
        gone.delete(entry.nonce);
        const former = known.get(entry.nonce);
        if (former?.token === entry.token) continue;
        if (former) fail(`L9: ${entry.holder.text} took over its own entry`);
        if (owners.has(entry.token)) fail(`L1: token ${entry.token} was given twice`);
        if (entry.token !== highestToken + 1) fail(`L1: token ${entry.token} after ${highestToken}`);
        owners.set(entry.token, entry.nonce);
        highestToken = entry.token;
      }
      for (const nonce of gone) {
        const lease = leasesByNonce.get(nonce);
        const owner = known.get(nonce)?.holder.text;
        const isOwn = owner === actor && next.entries.every((e) => known.has(e.nonce));
        if (isOwn && lease && !lease.signal.aborted)
          fail(`L10: ${actor} released what it still believed to own`);
        if (!isOwn && isGentle) fail(`L9: ${actor} robbed ${owner} where nobody had stopped`);
      }
      record = next;
    },
    judgeStep(actors) {
      let believers = 0;
      for (const actor of actors) {
        for (const lease of actor.leases) {
          leasesByNonce.set(lease.nonce, lease);
          if (actor.isStopped || lease.signal.aborted) continue;
          if (actor.wasSuspended && lease.validForMs() <= 0) continue;
          if (!owners.has(lease.token))
            fail(`L3: ${actor.name} believes in token ${lease.token}, never written`);
          if (owners.get(lease.token) !== lease.nonce) fail(`L2: ${actor.name} believes in another's token`);
          believers += 1;
        }
      }
      if (believers > permits) fail(`L5: ${believers} believe that they hold ${permits} permits`);
    },
    judgeEffect(token) {
      if (permits > 1) return;
      if (token < sinkToken) fail(`L5: an effect with token ${token} was permitted after token ${sinkToken}`);
      sinkToken = token;
    },
    arrive(lease) {
      if (permits > 1) return true;
      if (lease.token >= sinkToken) {
        sinkToken = lease.token;
        return true;
      }
      const count = (refusals.get(lease) ?? 0) + 1;
      refusals.set(lease, count);
      if (count > 1) fail(`L8: token ${lease.token} was refused ${count} times, one was in flight`);
      return false;
    },
    judgeEnd() {
      const left = [...(record?.entries ?? []), ...(record?.tickets ?? [])];
      if (isGentle && left.length > 0) fail(`L14: ${left[0]?.holder.text} left something behind`);
    },
    judgeReleased(lease, result) {
      if (result === 'unknown') return;
      const isThere = record?.entries.some((entry) => entry.nonce === lease.nonce);
      if (isThere) fail(`L10: ${result}, yet token ${lease.token} is still in the record`);
    },
  };
}
