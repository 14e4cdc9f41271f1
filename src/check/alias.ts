/**
 * The alias: mirrors the rollup of its upstreams into a check. Followers read the upstreams (upstream.ts), one publisher writes;
 * both are level-triggered: an edge or a timer only says "look again".
 * NOT guaranteed: that no other run of the same name exists; of several the last one to claim wins, the others end `replaced`.
 * Invariants: one write at a time per run; a run that ended writes nothing more; `replaceAlias` starts the new run only after that.
 */
import { type Backoff, createBackoff } from '../base/backoff.ts';
import { abortReason, sleep, throwIfAborted } from '../base/clock.ts';
import { CancelledError, hasCode, toError, UnavailableError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import { observeHealth } from '../probe/health.ts';
import { type Confirmation, createConfirmation } from './confirmation.ts';
import type { Alias, AliasDefinition, AliasOutcome, AliasReport, AliasWorld } from './contract.ts';
import { createEdge, subscribe } from './edge.ts';
import { createPublisher, type Publisher } from './publisher.ts';
import { rollUp, type UpstreamReading } from './rollup.ts';
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
  const confirmation = createConfirmation(
    definition.upstreams.map((probe) => probe.watch !== null),
    world.clock,
  );
  let failure: Error | null = null;
  const followers = definition.upstreams.map((probe, at) =>
    followUpstream({
      probe,
      edge: confirmation.edgeOf(at),
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
      onAnswer() {
        if (confirmation.answered(at)) edge.fire();
      },
    }).catch((error: unknown) => {
      if (signal.aborted) return;
      // A follower ends by the abort alone; anything else is a bug, and the alias must not go on without an upstream.
      failure = toError(error);
      controller.abort(failure);
    }),
  );
  try {
    const outcome = await publishLoop({ definition, world, signal, edge, readings, publisher, confirmation });
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
  readonly confirmation: Confirmation;
}

/** Rejects with the signal's reason, or with a store error that no repetition cures. */
async function publishLoop(options: LoopOptions): Promise<AliasOutcome> {
  const { definition, world, signal, edge, readings, publisher, confirmation } = options;
  const { store, clock, logger } = world;
  const backoffSettings = { baseMs: STORE_BACKOFF_MS, capMs: definition.reconcileMs };
  let backoff: Backoff = createBackoff(backoffSettings);
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let wasAway = false;
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
    const holdMs = confirmation.holdMs();
    if (holdMs > 0) delayMs = Math.min(delayMs, holdMs);
    // Half a picture is published only where the rest cannot improve it.
    else if (rollup.status === 'critical' || snapshot.every(({ reading }) => reading !== null)) {
      attemptedAtMs = clock.monotonicMs();
      try {
        if (wasAway) {
          await publisher.look(signal);
          wasAway = false;
          confirmation.demand();
          if (confirmation.holdMs() > 0) continue;
        }
        const outcome = await publisher.publish(snapshot, rollup, signal);
        if (outcome !== null) return outcome;
        backoff = createBackoff(backoffSettings);
      } catch (error) {
        if (signal.aborted || !isTransient(error)) throw error;
        wasAway = true;
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

function isTransient(error: unknown): boolean {
  return hasCode(error, 'unavailable') || hasCode(error, 'indeterminate') || hasCode(error, 'throttled');
}
