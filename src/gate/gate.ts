/**
 * Passing a gate: announce, then whatever the board asks of this member until it is open, over a store that may be slow,
 * absent or lying in wait. Level, not edge: a notification only shortens a wait, every wake-up reads the board again, and a
 * member that wakes for no reason does no harm (microcluster #123: one lost notification cost 30 s at each upgrade).
 * Invariant: subscribe first, then read; nothing is judged but a board just read; after the promise settled no timer, watch,
 * probe or migration of this caller is left.
 */
import { jitter } from '../base/backoff.ts';
import { createDeadline } from '../base/deadline.ts';
import type { GateCommit, GateDoc, GateFailure } from './contract.ts';
import { leaveEarly, passDeadline } from './departure.ts';
import type { GateEvent } from './event.ts';
import { isSameIncarnation } from './incarnation.ts';
import { absorb, contextOf, createPassing, type FinalVerdict, isFinal, type Passing } from './passing.ts';
import type { GateOptions, GatePassage } from './ports.ts';
import { type Applied, contendersOf } from './register.ts';
import { askSchema } from './schema-answer.ts';
import { createTroubles } from './trouble.ts';

const JITTER = 0.15;
/** A crowd that one edge wakes does not read all at once, and not after each of many edges. */
const CROWD = 8;
const SPREAD_PER_MEMBER_MS = 4;
const MAX_SPREAD_MS = 1000;
const MAX_SUBSCRIBE_MS = 5000;
const WORLD_PROBE_MS = 5000;

/**
 * Passes the gate, or says why not: all outcomes of the contract are values. Rejects with errors that no waiting mends
 * (CorruptRecordError, AuthError, ConfigError, a bug).
 */
export async function passGate(options: GateOptions): Promise<GatePassage> {
  const { clock, store, key, self, signal } = options;
  const startMs = clock.monotonicMs();
  const deadline = createDeadline({
    clock,
    timeoutMs: self.timeoutMs,
    waitingFor: `the gate ${options.config.gate}`,
    parent: signal,
  });
  const passing = createPassing(options, deadline);
  const { activities, alarm } = passing;
  const conclude = (final: FinalVerdict | GateFailure, about: Partial<GatePassage> = {}): GatePassage => {
    const isVerdict = 'kind' in final;
    const failure = !isVerdict ? final : final.kind === 'failed' ? final.failure : null;
    return {
      doc: passing.doc,
      run: {
        outcome: failure || !isVerdict ? 'failed' : final.kind === 'open' ? 'open' : 'announced',
        failure,
        epoch: passing.epoch ?? 1,
        committed: ownCommit(passing) !== undefined,
        token: ownCommit(passing)?.token ?? passing.token,
        waitedMs: Math.round(clock.monotonicMs() - startMs),
        wakeupsByTimer: passing.wakeupsByTimer,
      },
      interrupted: false,
      wasOver: false,
      writes: passing.register.writes,
      conflicts: passing.register.conflicts,
      ...about,
    };
  };
  try {
    try {
      const { final, wasOver } = await walk(passing);
      return conclude(final, { wasOver });
    } catch (error) {
      if (passing.crashed) throw passing.crashed;
      if (signal.aborted) return conclude(await leaveEarly(passing), { interrupted: true });
      if (!deadline.signal.aborted) throw error;
      return conclude(await passDeadline(passing));
    }
  } finally {
    await activities.stop();
    alarm.dispose();
    deadline.dispose();
    options.logger.debug(`gate ${key} in ${store.url}: ${passing.register.writes} writes`);
  }
}

/** Until the gate is decided for this caller. Rejects with the deadline's or the caller's reason. */
async function walk(passing: Passing): Promise<{ final: FinalVerdict; wasOver: boolean }> {
  const { options, outbox, activities, alarm, deadline, liveness } = passing;
  const { clock, self } = options;
  const troubles = createTroubles(options, deadline);
  let final: FinalVerdict | null = null;
  let nextBeatMs = Number.POSITIVE_INFINITY;
  let woken: 'edge' | 'timer' = 'edge';
  let wasOver = false;

  // 1. Subscribe first: what changes between the first read and the subscription would not be told.
  await subscribed(passing);
  outbox.push({ kind: 'announce', ...(await askWorld(passing)) });
  for (;;) {
    if (passing.crashed) throw passing.crashed;
    alarm.clear();

    // 2. Bring what is due to the board; look where nothing is.
    const due = outbox[0];
    const token = activities.migratingToken;
    const isBeat = !due && token !== null && options.hasBeats && clock.monotonicMs() >= nextBeatMs;
    const event: GateEvent = due ?? (isBeat && token !== null ? { kind: 'beat', token } : { kind: 'look' });
    const applied = await troubles.survive(() =>
      passing.register.apply(event, { context: (doc) => contextOf(passing, doc), signal: deadline.signal }),
    );
    if (applied === null) continue;
    if (due && outbox[0] === due) outbox.shift();
    if (isBeat) nextBeatMs = clock.monotonicMs() + self.leaseMs / 3;
    if (event.kind === 'look' && woken === 'timer' && isNews(passing, applied)) passing.wakeupsByTimer += 1;
    woken = 'edge';
    absorb(passing, applied);

    // 3. Do what the board asks. A migration that runs is a fact about the world: it ends, and is recorded, in any case.
    const { verdict } = applied;
    if (verdict.kind === 'announce' && final === null) outbox.push({ kind: 'announce' });
    if (isFinal(verdict)) {
      wasOver ||=
        event.kind === 'announce' && verdict.kind === 'failed' && verdict.shared && !applied.hasWritten;
      final ??= verdict;
    }
    // What was found out meanwhile may answer what this verdict asks for.
    if (outbox.length > 0) continue;
    activities.follow(final ?? verdict, { doc: applied.doc, isTakeover: liveness.isTakeover });
    if (activities.migratingToken !== null && nextBeatMs === Number.POSITIVE_INFINITY)
      nextBeatMs = clock.monotonicMs() + self.leaseMs / 3;
    if (activities.migratingToken === null) nextBeatMs = Number.POSITIVE_INFINITY;
    if (final !== null && activities.migratingToken === null) return { final, wasOver };
    if (verdict.kind === 'fenced') continue;

    // 4. Wait for whatever comes first.
    woken = await rest(passing, nextBeatMs - clock.monotonicMs());
  }
}

/** One wait. `timer` only where the reconcile interval ended it. */
async function rest(passing: Passing, beatInMs: number): Promise<'edge' | 'timer'> {
  const { options, alarm, liveness, deadline, doc } = passing;
  const { clock, config, pollMs } = options;
  const reconcileMs = jitter(pollMs, JITTER, clock.random());
  const takeoverMs = liveness.takeoverInMs(doc) ?? Number.POSITIVE_INFINITY;
  const evidenceMs = liveness.evidenceInMs() ?? Number.POSITIVE_INFINITY;
  const soonestMs = Math.min(reconcileMs, takeoverMs, evidenceMs, beatInMs);
  // At least a millisecond, so that time passes between two looks.
  const rung = (await alarm.wait(Math.max(1, Math.ceil(soonestMs)), deadline.signal)) === 'rung';
  if (rung) {
    const spreadMs = doc === null || config.expected.length <= CROWD ? 0 : spreadOf(doc);
    if (spreadMs > 0 && passing.outbox.length === 0) await deadline.sleep(spreadMs * clock.random());
    return 'edge';
  }
  if (liveness.evidenceInMs() === 0) {
    const { jobs } = await liveness.ask(doc, deadline.signal);
    if (jobs.length > 0 && doc) passing.outbox.push({ kind: 'lost', jobs });
  }
  return soonestMs === reconcileMs ? 'timer' : 'edge';
}

/** The more members are still to come, the less one edge means; the last one's is looked at almost at once. */
function spreadOf(doc: GateDoc): number {
  const awaited = doc.phase === 'schema' ? doc.expected.length / 4 : contendersOf(doc);
  return Math.min(MAX_SPREAD_MS, SPREAD_PER_MEMBER_MS * awaited);
}

function isNews(passing: Passing, { foundRevision, hasWritten }: Applied): boolean {
  return hasWritten || foundRevision !== passing.revision;
}

function ownCommit({ doc, options }: Passing): GateCommit | undefined {
  return doc?.commits.findLast((each) => isSameIncarnation(each.incarnation, options.self.incarnation));
}

/** In scope run what the world has already is the floor. An answer that does not come in time is none. */
async function askWorld({ options, deadline }: Passing): Promise<{ worldSchema?: string }> {
  const { schemaProbe, paths, config, scope, clock } = options;
  if (!schemaProbe || scope !== 'run') return {};
  const limit = createDeadline({
    clock,
    timeoutMs: WORLD_PROBE_MS,
    waitingFor: 'a probe',
    parent: deadline.signal,
  });
  try {
    const rules = { paths, versionScheme: config.versionScheme };
    const answer = await askSchema(schemaProbe, rules, limit.signal);
    return answer.kind === 'schema' ? { worldSchema: answer.schema } : {};
  } catch (error) {
    if (deadline.signal.aborted || !limit.signal.aborted) throw error;
    return {};
  } finally {
    limit.dispose();
  }
}

/** Until the subscription stands, but not for ever: without it the reconcile timer goes on alone. */
async function subscribed({ alarm, options, deadline }: Passing): Promise<void> {
  const { clock } = options;
  const limit = createDeadline({
    clock,
    timeoutMs: MAX_SUBSCRIBE_MS,
    waitingFor: 'a watch',
    parent: deadline.signal,
  });
  try {
    const late = new Promise<void>((resolve) => {
      limit.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([alarm.ready, late]);
    deadline.throwIfPassed();
  } finally {
    limit.dispose();
  }
}
