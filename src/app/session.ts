/**
 * What a step of an Action hands to the later steps of its job: a small file whose path is in `LOCKSTEP_SESSION`, saying that
 * this sweep was done or rightly skipped. A test runner's hook or a command line there is then done without a request; neither
 * cache nor token exists outside the step.
 * NOT guaranteed: truth. Whatever runs in the job can write the file. Invariants: it carries no credential and no name of an app,
 * and it can only make work unnecessary; what cannot be read, is foreign, stale or about other work counts as nothing.
 */
import { isAbsolute, join, relative, resolve } from 'node:path';
import { isJsonObject } from '../base/codec.ts';
import { toError } from '../base/errors.ts';
import { readFile, stat, writeFile } from '../base/files.ts';
import { createNonce } from '../base/identity.ts';
import type { ReapReport } from '../reaper/contract.ts';
import type { CommandContext } from './contract.ts';

export const SESSION_VARIABLE = 'LOCKSTEP_SESSION';

const MAX_BYTES = 4096;
/** Reasons to skip that hold for the rest of the job. */
const LASTING = ['fresh', 'busy', 'not-elected', 'low-quota', 'no-permission'] as const;
type LastingReason = (typeof LASTING)[number];

export interface Session {
  /** Hash of the options that make two sweeps the same work. */
  readonly work: string;
  /** Hash of the same with the account; null where no account was looked at. */
  readonly identity: string | null;
  /** `fresh` where the step swept itself, too. */
  readonly reason: LastingReason;
  /** The wall clock of the machine that both steps run on. */
  readonly atMs: number;
  /** Run, attempt and job, as the runner names them. */
  readonly place: string;
}

/** The session a report is worth; null for one that leaves work to do. Pure. */
export function createSession(
  report: Pick<ReapReport, 'outcome' | 'reason'>,
  about: Omit<Session, 'reason'>,
): Session | null {
  const isDone = report.outcome === 'reaped' || report.outcome === 'clean';
  const reason = isDone ? 'fresh' : LASTING.find((each) => each === report.reason);
  return reason !== undefined && (isDone || report.outcome === 'skipped') ? { ...about, reason } : null;
}

/** Format 1. Pure. */
export function formatSession(session: Session): string {
  return JSON.stringify({ v: 1, ...session });
}

/** Reads what {@link formatSession} wrote; null for anything else. Pure. */
export function parseSession(text: string): Session | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not ours: it counts as nothing.
    return null;
  }
  if (!isJsonObject(value) || value['v'] !== 1) return null;
  const { work, identity, atMs, place } = value;
  const reason = LASTING.find((each) => each === value['reason']);
  if (reason === undefined || !isHash(work) || (identity !== null && !isHash(identity))) return null;
  if (typeof atMs !== 'number' || !Number.isSafeInteger(atMs) || typeof place !== 'string') return null;
  return { work, identity, reason, atMs, place };
}

/** What is asked of a session. */
export interface SessionQuestion {
  readonly work: string;
  readonly identity: string | null;
  readonly place: string;
  /** The sweep window; 0: every call sweeps. */
  readonly everyMs: number;
  readonly whenBusy: 'skip' | 'wait';
  readonly nowWallMs: number;
}

/** Why there is nothing to do, or null. Pure. */
export function decideSession(session: Session, question: SessionQuestion): LastingReason | null {
  const { reason } = session;
  const sinceMs = question.nowWallMs - session.atMs;
  if (sinceMs < 0 || sinceMs >= question.everyMs) return null;
  if (session.place !== question.place || session.work !== question.work) return null;
  if (session.identity !== null && question.identity !== null && session.identity !== question.identity) {
    return null;
  }
  // Who waits wants the work done, not to hear that another is at it.
  return question.whenBusy === 'wait' && reason !== 'fresh' ? null : reason;
}

/** Where a step runs. */
export function placeOf({ env }: Pick<CommandContext, 'env'>): string {
  return [env['GITHUB_RUN_ID'], env['GITHUB_RUN_ATTEMPT'], env['GITHUB_JOB']]
    .map((part) => part ?? '')
    .join('/');
}

type SessionContext = Pick<CommandContext, 'env' | 'logger' | 'exportVariable'>;

/** Leaves a session for the later steps, in an Action's step only. Never rejects: without it the later steps ask by themselves. */
export async function leaveSession(context: SessionContext, compose: () => Session | null): Promise<void> {
  const folder = context.env['RUNNER_TEMP'];
  if (!context.exportVariable || !folder) return;
  const session = compose();
  if (!session) return;
  const path = join(folder, `lockstep-session-${createNonce()}.json`);
  try {
    await writeFile(path, formatSession(session), { flag: 'wx', mode: 0o600 });
    context.exportVariable(SESSION_VARIABLE, path);
  } catch (thrown) {
    context.logger.debug(`later steps will ask again: ${toError(thrown).message}`);
  }
}

/** The session that an earlier step of this job left; null where there is none that can be read. Never rejects. */
export async function readSession(context: SessionContext): Promise<Session | null> {
  const { [SESSION_VARIABLE]: path, RUNNER_TEMP: folder } = context.env;
  if (!path || !folder) return null;
  const within = relative(resolve(folder), resolve(path));
  // The runner's own folder is emptied for each job; a path elsewhere was not made by a step.
  if (within === '' || within.startsWith('..') || isAbsolute(within)) return null;
  try {
    const { size } = await stat(path);
    return size <= MAX_BYTES ? parseSession(await readFile(path, 'utf8')) : null;
  } catch (thrown) {
    context.logger.debug(`the session of an earlier step cannot be read: ${toError(thrown).message}`);
    return null;
  }
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}
