/**
 * The writing side of an alias's run: claims the check with the first write, writes where the record does not say it yet, finds
 * out that the run was replaced, and tells each transition once.
 * NOT guaranteed: a transition told for each write; what a write in doubt had said and the next one changed was never told.
 * Invariant: one call at a time.
 */
import { UnavailableError } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import { plain } from '../base/text.ts';
import type { HealthStatus } from '../probe/contract.ts';
import { type ClaimVerdict, decideClaim, type RunIdentity, type WantedRecord } from './claim.ts';
import type { AliasDefinition, AliasOutcome, AliasReport, AliasWorld } from './contract.ts';
import { createRegister } from './register.ts';
import { type Rollup, selectCause, type UpstreamReading } from './rollup.ts';

export interface Publisher {
  readonly key: string;
  lastError: Error | null;
  /** One read that only shows whether the store is there. */
  look(signal: AbortSignal): Promise<unknown>;
  /** One read, and a write where the record does not say it yet. Null: go on. */
  publish(
    readings: readonly UpstreamReading[],
    rollup: Rollup,
    signal: AbortSignal,
  ): Promise<AliasOutcome | null>;
  report(outcome: AliasOutcome): AliasReport;
}

/** The publisher of one run; owns nothing. */
export function createPublisher(definition: AliasDefinition, world: AliasWorld): Publisher {
  const { name, until, ttlMs = null } = definition;
  const register = createRegister(world, name);
  const upstreams = definition.upstreams.map((probe) => probe.id);
  let identity: RunIdentity = { run: createNonce(), generation: null, nonce: null };
  let published: { status: HealthStatus; output: string; readings: readonly UpstreamReading[] } | null = null;
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  let transitions = 0;
  /** What somebody else's record said last, before this run claimed it. */
  let found: HealthStatus | null = null;

  const publisher: Publisher = {
    key: register.key,
    lastError: null,
    look: (signal) => register.read(signal),
    async publish(readings, rollup, signal) {
      const wanted: WantedRecord = { status: rollup.status, output: rollup.reason, ttlMs, upstreams };
      const askedAtMs = world.clock.monotonicMs();
      const renew = ttlMs !== null && askedAtMs - writtenAtMs >= ttlMs / 3;
      let verdict: ClaimVerdict = { kind: 'keep', generation: 0 };
      // Stands where the alias is ended before there is an answer.
      publisher.lastError ??= new UnavailableError(
        `the store did not answer about check ${plain(name)} in time`,
      );
      const landed = await register
        .update((current) => {
          if (current?.run !== identity.run) found = current?.status ?? null;
          verdict = decideClaim(current, identity, { wanted, renew });
          if (verdict.kind !== 'write') return null;
          return { ...wanted, run: identity.run, generation: verdict.generation };
        }, signal)
        .catch((error: unknown) => {
          identity = { ...identity, nonce: null };
          throw error;
        });
      publisher.lastError = null;
      const settled = verdict as ClaimVerdict;
      if (settled.kind === 'replaced') return 'replaced';
      identity = { ...identity, generation: settled.generation, nonce: landed.record?.nonce ?? null };
      if (settled.kind === 'write') writtenAtMs = askedAtMs;
      const from = published === null ? found : published.status;
      const cause = published === null ? rollup.worst : selectCause(published.readings, readings);
      published = { status: rollup.status, output: rollup.reason, readings };
      if (from !== rollup.status) {
        transitions += 1;
        world.onTransition?.({ name, from, to: rollup.status, upstream: cause, output: rollup.reason });
      }
      return rollup.status === until ? 'reached' : null;
    },
    report: (outcome) => ({
      outcome,
      name,
      status: published?.status ?? 'unknown',
      output: published?.output ?? 'nothing was written',
      transitions,
      written: published !== null,
      lastError: publisher.lastError,
    }),
  };
  return publisher;
}
