/**
 * `gc`: removes what is provably of no use to anybody any more, by conditional deletion. What is kept, and why:
 * a lock's and a sweep's record always (it is the memory of the highest fencing token: without it tokens would begin again and
 * an old holder's would pass), a check's (one read cannot tell whether it expired), an environment's gate (the schema floor).
 * Removed: the gate of a run that GitHub reports as completed and that can no longer be run again. A run can be for 30 days, and
 * its gate must then still know that it opened. Age is told by GitHub's own stamps on that run and on ours, by no clock here.
 * Removed as well: the lease on an app that has been free for as long (gc-apps.ts). No app comes again under its id.
 */

import { isJsonObject } from '../base/codec.ts';
import { withTimeout } from '../base/deadline.ts';
import { ConfigError, hasCode, UnavailableError, UnsupportedError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepository } from '../github/repository.ts';
import type { LeaseRecord } from '../lease/contract.ts';
import { encodeRecord, parseRecord } from '../lease/record.ts';
import { readInstant } from '../lease/timing.ts';
import type { Entry, Store } from '../store/contract.ts';
import { createKey, splitKey } from '../store/key.ts';
import type { CommandContext } from './contract.ts';
import { type ClockReading, decideFreeApp, type FreeVerdict } from './gc-apps.ts';
import { createReleasers, openGitHub, openStoreParts, requireStore } from './wire.ts';

/** The result of `gc`. */
export interface GcReport {
  readonly format: 1;
  readonly command: 'gc';
  readonly outcome: 'cleaned' | 'clean' | 'failed';
  /** Names as `status` shows them. */
  readonly removed: readonly { readonly kind: string; readonly name: string }[];
  /** How many records of each kind stay. */
  readonly kept: Readonly<Record<string, number>>;
  readonly exitCode: number;
}

/** A run cannot be started again after 30 days; the rest is reserve. */
const RERUN_MS = 31 * 86_400_000;
/** One question to GitHub each; the next call goes on where this one stopped. */
const MAX_QUESTIONS = 100;
/** One write each; the next call goes on where this one stopped. */
const MAX_MARKS = 1000;

/** A run that a gate belongs to. */
export interface GateRun {
  readonly owner: string;
  readonly repo: string;
  readonly run: string;
}

/** The run whose end would make a record removable; null for all that is kept whatever happens. Pure. */
export function findGateRun(segments: readonly string[]): GateRun | null {
  const [, kind, repository = '', run = '', ...gate] = segments;
  if (kind !== 'gate' || gate.length !== 1 || !/^[1-9]\d{0,17}$/.test(run)) return null;
  const parsed = parseRepository(repository);
  return parsed.ok ? { ...parsed.value, run } : null;
}

/** Whether GitHub's answer about a run proves that it is over for good, at a time GitHub itself has reached. Pure. */
export function isOverForGood(data: unknown, run: string, githubNowMs: number): boolean {
  if (!isJsonObject(data) || String(data['id']) !== run || data['status'] !== 'completed') return false;
  const stamps = [data['created_at'], data['run_started_at'], data['updated_at']];
  const times = stamps.map((stamp) => (typeof stamp === 'string' ? Date.parse(stamp) : Number.NaN));
  return times.every((timeMs) => githubNowMs - timeMs > RERUN_MS);
}

/** Runs one `gc`. ConfigError with every problem at once; UnsupportedError where the store cannot delete conditionally. */
export async function runGc(context: CommandContext, resolved: ResolvedOptions<'gc'>): Promise<GcReport> {
  const { values } = resolved;
  const problems = [...resolved.problems];
  const address = requireStore(context, resolved, problems);
  if (problems.length > 0 || !address) throw new ConfigError(problems);
  const releasers = createReleasers();
  try {
    const { store } = await openStoreParts(context, { address, values, releasers });
    if (!store.capabilities.conditionalDelete) {
      throw new UnsupportedError(`${store.url} cannot delete a record only if it is unchanged`, {
        hint: 'nothing needs to be removed there: records are small, and one per name',
      });
    }
    return await withTimeout(
      {
        clock: context.clock,
        timeoutMs: values.timeoutMs,
        waitingFor: 'the store',
        parent: context.signal,
        onTimeout: () =>
          new UnavailableError('not all records were looked at in time', {
            hint: 'what was removed is gone; the next call goes on where this one stopped',
          }),
      },
      (signal) => removeUseless(store, { context, namespace: values.namespace, signal }),
    );
  } finally {
    await releasers.close();
  }
}

async function removeUseless(
  store: Store,
  options: { context: CommandContext; namespace: string; signal: AbortSignal },
): Promise<GcReport> {
  const { context, namespace, signal } = options;
  const { logger } = context;
  const removed: { kind: string; name: string }[] = [];
  const kept: Record<string, number> = {};
  const judge = await openJudge(context);
  const readings = readClocks(context, judge);
  let marked = 0;
  for (const key of (await store.list(`${createKey(namespace)}/`, { signal })).sort()) {
    const segments = splitKey(key);
    const [, kind = '', ...names] = segments;
    const gateRun = findGateRun(segments);
    const isApp = isAppLease(segments) && readings.length > 0;
    // Read before it is judged: what changes after that is not deleted.
    const entry = isApp || (gateRun && judge) ? await store.get(key, { signal }) : null;
    const verdict = entry && isApp ? judgeApp(key, { entry, readings, logger }) : null;
    if (verdict?.kind === 'mark' && entry && marked < MAX_MARKS) {
      const text = encodeRecord(key, { ...verdict.record, note: verdict.note });
      // Whoever takes the lease meanwhile is not in the way: then it is not free any more.
      if ((await store.compareAndSet(key, entry.revision, text, { signal })).ok) marked += 1;
    }
    const isUseless =
      verdict?.kind === 'remove' || (!isApp && gateRun && judge && (await judge.isOver(gateRun, signal)));
    if (entry && isUseless && (await store.delete(key, entry.revision, { signal })).ok) {
      removed.push({ kind, name: names.join('/') });
    } else kept[kind] = (kept[kind] ?? 0) + 1;
  }
  if (!judge && kept['gate']) logger.info(NO_JUDGE);
  if (marked > 0) logger.info(`${marked} leases on apps are free; they go when they stay so for a month`);
  const outcome = removed.length > 0 ? 'cleaned' : 'clean';
  return { format: 1, command: 'gc', outcome, removed, kept, exitCode: 0 };
}

const NO_JUDGE =
  "gates of completed runs were kept: only in a job with a token, by GitHub's own stamps, can it be told that they are over";

/** The lease of one app, and nothing else. Pure. */
export function isAppLease(segments: readonly string[]): boolean {
  return segments.length === 4 && segments[1] === 'app';
}

/** The clocks by which a record's age may be told: GitHub's, where this is part of a run, and this machine's. */
function readClocks({ clock }: CommandContext, judge: Judge | null): readonly ClockReading[] {
  const { machine, wallMs } = readInstant(clock);
  const own = machine ? [{ clockId: machine.clockId, ms: Math.ceil(machine.ms), wallMs }] : [];
  const github = judge?.readGitHubClock() ?? null;
  return github === null ? own : [...own, github];
}

/** What is no lease of this version is kept, whatever it is. */
function judgeApp(
  key: string,
  { entry, readings, logger }: { entry: Entry; readings: readonly ClockReading[]; logger: Logger },
): (FreeVerdict & { readonly record: LeaseRecord }) | null {
  try {
    const record = parseRecord(key, entry.value);
    return { ...decideFreeApp(record, { readings, oldMs: RERUN_MS }), record };
  } catch (thrown) {
    if (!hasCode(thrown, 'corrupt-record')) throw thrown;
    logger.warn(`kept: ${plain(thrown.message)}`);
    return null;
  }
}

interface Judge {
  /**
   * What GitHub's clock says, as its latest answer told. Not the stamp of our own run, which lags behind by however long the run
   * has been going: a mark made by it would look older than it is.
   */
  readGitHubClock(): ClockReading | null;
  isOver(run: GateRun, signal: AbortSignal): Promise<boolean>;
}

/** Null where there is no run of our own to tell GitHub's time by. */
async function openJudge(context: CommandContext): Promise<Judge | null> {
  const { env, isRunner, signal } = context;
  const own = parseRepository(env['GITHUB_REPOSITORY'] ?? '');
  const runId = env['GITHUB_RUN_ID'];
  const client = isRunner && own.ok && runId ? await openGitHub(context) : null;
  if (!client || !own.ok || !runId) return null;
  const data = await readRun(client, { ...own.value, run: runId }, signal);
  const stamp = isJsonObject(data) ? data['run_started_at'] : null;
  const githubNowMs = typeof stamp === 'string' ? Date.parse(stamp) : Number.NaN;
  let questions = 0;
  return {
    readGitHubClock() {
      const { serverAheadMs, apiUrl } = client;
      if (serverAheadMs === null) return null;
      return { clockId: new URL(apiUrl).host, ms: context.clock.wallMs() + serverAheadMs };
    },
    async isOver(run, abort) {
      questions += 1;
      return (
        questions <= MAX_QUESTIONS && isOverForGood(await readRun(client, run, abort), run.run, githubNowMs)
      );
    },
  };
}

async function readRun(
  client: GitHubClient,
  { owner, repo, run }: GateRun,
  signal: AbortSignal,
): Promise<unknown> {
  const answer = await client.read(`/repos/${owner}/${repo}/actions/runs/${run}`, { signal });
  return answer.kind === 'found' ? answer.data : null;
}
