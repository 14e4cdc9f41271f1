/**
 * The alias: mirrors the rollup of its upstreams into a check. Followers read the upstreams (upstream.ts), one publisher writes;
 * both are level-triggered: an edge or a timer only says "look again".
 * NOT guaranteed: that no other run of the same name exists; of several the last one to claim wins, the others end `replaced`.
 * Invariants: one write at a time per run; a run that ended writes nothing more; `replaceAlias` starts the new run only after that.
 */
import { type Backoff, createBackoff } from '../base/backoff.ts';
import { abortReason, sleep, throwIfAborted } from '../base/clock.ts';
import { CancelledError, hasCode, toError, UnavailableError } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import { plain } from '../base/text.ts';
import type { HealthStatus } from '../probe/contract.ts';
import { observeHealth } from '../probe/health.ts';
import { type ClaimVerdict, decideClaim, type RunIdentity, type WantedRecord } from './claim.ts';
import type { Alias, AliasDefinition, AliasOutcome, AliasReport, AliasWorld } from './contract.ts';
import { createEdge, subscribe } from './edge.ts';
import { createRegister } from './register.ts';
import { type Rollup, rollUp, selectCause, type UpstreamReading } from './rollup.ts';
import { followUpstream, MIN_GAP_MS } from './upstream.ts';

const OPERATION_TIMEOUT_MS = 5000;
const STORE_BACKOFF_MS = 250;

/**
 * Starts a run. It ends by `stop`, by the signal (DeadlineError: `timeout`, anything else: `stopped`), when another run takes the
 * name over, or when the status wanted was written.
 */
export function startAlias(
  definition: AliasDefinition,
  world: AliasWorld,
  options: { signal?: AbortSignal | undefined } = {},
): Alias {
  const controller = new AbortController();
  const onAbort = () => controller.abort(abortReason(options.signal as AbortSignal));
  if (options.signal?.aborted) onAbort();
  else options.signal?.addEventListener('abort', onAbort, { once: true });
  const done = runAlias(definition, world, controller).finally(() =>
    options.signal?.removeEventListener('abort', onAbort),
  );
  // Whoever looks at `done` or stops the alias gets the error; a run that nobody looks at must not end the process.
  done.catch(() => undefined);
  const stop = () => {
    controller.abort(new CancelledError(`alias ${definition.name} was stopped`));
    return done;
  };
  return {
    name: definition.name,
    done,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** Ends the present run, waits for its end, then starts the new one (consul #5876: the old one wrote last). */
export async function replaceAlias(
  present: Alias,
  definition: AliasDefinition,
  world: AliasWorld,
): Promise<Alias> {
  // An error of the old run is its own caller's; ended it has either way.
  await present.stop().catch(() => undefined);
  return startAlias(definition, world);
}

async function runAlias(
  definition: AliasDefinition,
  world: AliasWorld,
  controller: AbortController,
): Promise<AliasReport> {
  const { signal } = controller;
  const edge = createEdge();
  const readings = definition.upstreams.map((probe): UpstreamReading => ({ id: probe.id, reading: null }));
  const publisher = createPublisher(definition, world);
  let failure: Error | null = null;
  const followers = definition.upstreams.map((probe, at) =>
    followUpstream({
      probe,
      reconcileMs: definition.reconcileMs,
      clock: world.clock,
      logger: world.logger,
      signal,
      storeTimeoutMs: world.operationTimeoutMs ?? OPERATION_TIMEOUT_MS,
      observe: world.observe ?? observeHealth,
      onReading(reading) {
        readings[at] = { id: probe.id, reading };
        edge.fire();
      },
    }).catch((error: unknown) => {
      if (signal.aborted) return;
      // A follower ends by the abort alone; anything else is a bug, and the alias must not go on without an upstream.
      failure = toError(error);
      controller.abort(failure);
    }),
  );
  try {
    const outcome = await publishLoop({ definition, world, signal, edge, readings, publisher });
    return publisher.report(outcome);
  } catch (error) {
    if (failure !== null || !signal.aborted) throw failure ?? error;
    return publisher.report(hasCode(signal.reason, 'deadline') ? 'timeout' : 'stopped');
  } finally {
    controller.abort(new CancelledError('the alias has ended'));
    await Promise.all(followers);
  }
}

interface LoopOptions {
  readonly definition: AliasDefinition;
  readonly world: AliasWorld;
  readonly signal: AbortSignal;
  readonly edge: ReturnType<typeof createEdge>;
  /** Filled in by the followers. */
  readonly readings: readonly UpstreamReading[];
  readonly publisher: Publisher;
}

/** Rejects with the signal's reason, or with a store error that no repetition cures. */
async function publishLoop(options: LoopOptions): Promise<AliasOutcome> {
  const { definition, world, signal, edge, readings, publisher } = options;
  const { store, clock, logger } = world;
  const backoffSettings = { baseMs: STORE_BACKOFF_MS, capMs: definition.reconcileMs };
  let backoff: Backoff = createBackoff(backoffSettings);
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  // The own record is watched only where that costs no polling: a replacement is then seen at once, elsewhere by the timer.
  if (store.capabilities.nativeWatch) {
    publisher.lastError = new UnavailableError(
      `the store did not answer about check ${plain(definition.name)}`,
    );
    await subscribe({
      watch: (own) => store.watch(publisher.key, own),
      edge,
      clock,
      signal,
      readyTimeoutMs: world.operationTimeoutMs ?? OPERATION_TIMEOUT_MS,
      logger,
      what: `check ${plain(definition.name)}`,
    });
    if (!signal.aborted) publisher.lastError = null;
  }
  for (;;) {
    throwIfAborted(signal);
    let delayMs = Math.min(definition.reconcileMs, (definition.ttlMs ?? Number.POSITIVE_INFINITY) / 3);
    const snapshot = [...readings];
    const rollup = rollUp(snapshot);
    // Half a picture is published only where the rest cannot improve it.
    if (rollup.status === 'critical' || snapshot.every(({ reading }) => reading !== null)) {
      attemptedAtMs = clock.monotonicMs();
      try {
        const outcome = await publisher.publish(snapshot, rollup, signal);
        if (outcome !== null) return outcome;
        backoff = createBackoff(backoffSettings);
      } catch (error) {
        if (signal.aborted || !isTransient(error)) throw error;
        publisher.lastError = toError(error);
        logger.debug(`check ${plain(definition.name)}: ${plain(publisher.lastError.message)}; trying again`);
        const step = backoff.next(clock.random());
        backoff = step.backoff;
        delayMs = Math.min(delayMs, Math.max(MIN_GAP_MS, step.delayMs));
      }
    }
    await edge.wait({ clock, delayMs, signal });
    const gapMs = attemptedAtMs + MIN_GAP_MS - clock.monotonicMs();
    if (gapMs > 0) await sleep(clock, gapMs, signal);
  }
}

interface Publisher {
  readonly key: string;
  lastError: Error | null;
  /** One read, and a write where the record does not say it yet. Null: go on. */
  publish(
    readings: readonly UpstreamReading[],
    rollup: Rollup,
    signal: AbortSignal,
  ): Promise<AliasOutcome | null>;
  report(outcome: AliasOutcome): AliasReport;
}

function createPublisher(definition: AliasDefinition, world: AliasWorld): Publisher {
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

function isTransient(error: unknown): boolean {
  return hasCode(error, 'unavailable') || hasCode(error, 'indeterminate') || hasCode(error, 'throttled');
}
