/**
 * One pass over the provider: open, list, select, and, under a lease, apply. The caller has decided that it is due.
 * NOT guaranteed: freshness of the list beyond what `refresh.ts` verifies. Invariant: an incomplete list deletes nothing,
 * and every eligible app of an apply ends with one outcome, also when the pass is halted.
 */
import type { Clock } from '../base/clock.ts';
import type { Deadline } from '../base/deadline.ts';
import { formatDuration } from '../base/duration.ts';
import type { Provider } from '../provider/contract.ts';
import { readAccount } from './account-reading.ts';
import { applyJobs } from './apply.ts';
import { createCalls, type Permit } from './calls.ts';
import type { Census } from './census.ts';
import type { AppReport, Pace, PassResult, ReapEvent, ReapSettings } from './contract.ts';
import { countApps } from './counts.ts';
import { createHalt, type Halt } from './halt.ts';
import type { HoldsQuestion } from './held.ts';
import { createJobs, type Job, type Jobs } from './jobs.ts';
import { createRefresh } from './refresh.ts';
import { concludePass } from './report.ts';
import { describeFull, describeRoomFigures } from './room-figures.ts';
import { type Selection, selectApps } from './select.ts';

/** Beyond this the two clocks disagree enough to tell somebody. */
const SKEW_WARNING_MS = 60_000;

export interface SweepOptions {
  settings: ReapSettings;
  provider: Provider;
  pace: Pace;
  /** The lease; null exactly for a plan. */
  permit: Permit | null;
  clock: Clock;
  deadline: Deadline;
  /** Asked which of the apps that would go are in use; nobody is asked in its absence. */
  holds?: HoldsQuestion | undefined;
  /** Events carry names as they came; notes are printable. */
  onEvent: (event: ReapEvent) => void;
}

/** Sweeps once. Throws only what is a bug: an identity that does not hold, a provider that breaks its contract. */
export async function sweep(options: SweepOptions): Promise<PassResult> {
  const { clock, deadline, permit } = options;
  const halt = createHalt({ clock, deadlineSignal: deadline.signal, leaseSignal: permit?.signal ?? null });
  try {
    return await sweepUntilHalted(options, halt);
  } finally {
    halt.dispose();
  }
}

async function sweepUntilHalted(options: SweepOptions, halt: Halt): Promise<PassResult> {
  const { settings, provider, pace, permit, clock, deadline, onEvent } = options;
  const note = (level: 'info' | 'warn', message: string) => onEvent({ kind: 'note', level, message });
  const onPage = (page: number, apps: number) => onEvent({ kind: 'page', page, apps });
  const calls = createCalls({ provider, pace, permit, halt, deadline });

  // 1. Read everything, and judge it.
  const listedAtMs = clock.monotonicMs();
  const { failure, census } = await readAccount({ calls, clock, halt, note, onPage }, provider);
  if (census?.problem) note('warn', `the list is incomplete, so nothing is deleted: ${census.problem}`);
  const selection = await selectUnheld(census, { options, halt, note });

  // 2. A plan ends here; a partial list is one in which nobody knows what is missing.
  const isApplied = permit !== null && settings.apply;
  const cap = settings.maxDeletes ?? Number.POSITIVE_INFINITY;
  const jobs = planJobs({ census, selection, settings, onEvent });
  onEvent({ kind: 'planned', counts: countApps(selection.listed, describeApps(selection, null), false) });
  if (isApplied && census) {
    const refresh = createRefresh({
      provider,
      calls,
      clock,
      halt,
      jobs,
      strategy: settings.onConflict,
      pages: Math.max(1, census.pages),
      excess: selection.target === null ? null : selection.counted - selection.target,
      onPage,
      note,
    });
    await applyJobs({ jobs, calls, refresh, clock, halt, concurrency: settings.concurrency });
  }

  // 3. Count, and say what it came to.
  const apps = describeApps(selection, isApplied ? jobs : null);
  const counts = countApps(selection.listed, apps, isApplied);
  const conclusion = concludePass({
    isApplied,
    counts,
    halts: halt.reasons,
    isListComplete: census?.isComplete ?? false,
    failure: failure ?? census?.failure ?? null,
    // A list beside an account that stayed silent is no answer about the account.
    isUnanswered: calls.hasSent && (!calls.hasAnswered || failure === 'ambiguous'),
    shortfall: selection.shortfall,
    isCapped: selection.candidates.length > cap,
  });
  const room = describeRoomFigures(selection, { census, freed: isApplied ? jobs.freed() : 0 });
  const told = selection.shortfall > 0 ? describeFull(selection, room) : null;
  if (told !== null) note('warn', told);
  const isFull = conclusion.reason === 'full' && told !== null;
  return {
    ...conclusion,
    counts,
    requests: { ...calls.counts },
    apps,
    ...(census?.isComplete ? { room } : {}),
    ...(isFull ? { full: { listedAtMs, nextDueMs: room.nextDueMs, told } } : {}),
  };
}

/** Selects, and asks about each app that would go whether it is in use: once, also where others come in for those that stay. */
async function selectUnheld(
  census: Census | null,
  {
    options,
    halt,
    note,
  }: { options: SweepOptions; halt: Halt; note: (level: 'info' | 'warn', message: string) => void },
): Promise<Selection> {
  const asked = new Set<string>();
  const held = new Set<string>();
  let selection = select(census, { options, held, note });
  for (;;) {
    const unasked = selection.candidates.filter((app) => !asked.has(app.id));
    if (!options.holds || unasked.length === 0 || halt.isHalted) return selection;
    for (const app of unasked) asked.add(app.id);
    const question = { serverNowMs: census?.serverNowMs() ?? null, signal: halt.signal };
    try {
      for (const id of await options.holds(unasked, question)) held.add(id);
    } catch (thrown) {
      if (!halt.isHalted) throw thrown;
      return selection;
    }
    selection = select(census, { options, held, note: ignore });
  }
}

function ignore(): void {
  // What there is to say about a list was said at the first selection.
}

function select(
  census: Census | null,
  {
    options,
    held,
    note,
  }: {
    options: SweepOptions;
    held: ReadonlySet<string>;
    note: (level: 'info' | 'warn', message: string) => void;
  },
): Selection {
  const { settings, clock } = options;
  const serverNowMs = census?.serverNowMs() ?? null;
  if (census && census.pages > 0) {
    const skewMs = serverNowMs === null ? 0 : clock.wallMs() - serverNowMs;
    if (serverNowMs === null) note('warn', 'the provider tells no time, so no age is known');
    if (Math.abs(skewMs) > SKEW_WARNING_MS)
      note(
        'warn',
        `this machine's clock is ${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}; ages are by the provider's`,
      );
  }
  const apps = [...(census?.sightings.values() ?? [])].map((sighting) => sighting.app);
  return selectApps({ apps, isComplete: census?.isComplete ?? false, serverNowMs }, { ...settings, held });
}

/** Jobs for all candidates; those that a partial list or the cap forbids are settled as deferred at once. */
function planJobs({
  census,
  selection,
  settings,
  onEvent,
}: {
  census: Census | null;
  selection: Selection;
  settings: ReapSettings;
  onEvent: (event: ReapEvent) => void;
}): Jobs {
  const { candidates } = selection;
  const judged = new Map(selection.matched.map((one) => [one.app.id, one]));
  let done = 0;
  const jobs = createJobs(candidates, census?.sightings ?? new Map(), (job) => {
    const one = judged.get(job.app.id);
    if (!one || !settings.apply) return;
    done += 1;
    const sent = job.sentAtMs === null ? {} : { sentAtMs: job.sentAtMs };
    onEvent({ kind: 'app', app: describeApp(one, job), done, eligible: candidates.length, ...sent });
  });
  const most = settings.maxDeletes ?? Number.POSITIVE_INFINITY;
  const isPartial = !census?.isComplete;
  jobs.all.forEach((job, position) => {
    if (isPartial) jobs.settle(job, 'deferred', 'the list is incomplete');
    else if (position >= most) jobs.settle(job, 'deferred', `over the cap of ${most} deletions`);
  });
  return jobs;
}

function describeApps(selection: Selection, jobs: Jobs | null): AppReport[] {
  const byId = new Map((jobs?.all ?? []).map((job) => [job.app.id, job]));
  return selection.matched.map((one) => describeApp(one, byId.get(one.app.id) ?? null));
}

/** An app's line: the rule that decided, and after it what happened where that is not simply a deletion. */
function describeApp(one: Selection['matched'][number], job: Job | null): AppReport {
  const story =
    job?.outcome != null && job.reason !== 'deleted' ? `${one.reason}; ${job.reason}` : one.reason;
  return {
    id: one.app.id,
    name: one.app.name,
    ageMs: one.ageMs === null ? null : Math.round(one.ageMs),
    verdict: one.verdict,
    reason: story,
    outcome: job?.outcome ?? null,
  };
}
