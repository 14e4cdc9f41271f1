/**
 * What the commands of the `command` provider print, as the contract's values: how a child ended in, one answer out. Pure.
 * Invariant: only a child that ended with 0 proves anything. Half a listing, a line that is no JSON, an answer about another
 * app prove nothing; the reaper settles them with a read, or deletes nothing.
 */
import type { ChildEnd } from '../base/child-process.ts';
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import { formatDuration } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import type { AnswerMeta, App, DestroyAnswer, GetAnswer, ListAnswer, ProviderFailure } from './contract.ts';
import { type AppForm, createFailure, isAbsent, isFailureKind, isWait, readApp } from './foreign-values.ts';
import { parseTimestamp } from './timestamp.ts';

/** One run, and how a failure's detail speaks of it. */
export interface CommandRun {
  readonly end: ChildEnd;
  /** `the destroy command`. */
  readonly what: string;
  /** This machine's clock after the run, epoch ms: the time where the command tells none. */
  readonly nowMs: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Of the exit codes of sysexits, those that say what to do next: EX_USAGE, EX_TEMPFAIL, EX_NOPERM. */
const KIND_OF_EXIT: Readonly<Record<number, ProviderFailure['kind']>> = Object.freeze({
  64: 'invalid',
  75: 'throttled',
  77: 'forbidden',
});

/** ISO 8601 with a zone; whatever else is there is an unknown age, which protects. */
const LINE_FORM: AppForm = Object.freeze({
  createdAtMs: ({ createdAt }: JsonObject) =>
    isAbsent(createdAt) || typeof createdAt === 'string' ? parseTimestamp(createdAt) : undefined,
  protectedField: 'protected',
});

/** One app a line. A line without an id may tell the provider's time (`now`) and how many apps there are (`total`). */
export function toCommandListAnswer(run: CommandRun): ListAnswer {
  const lines = linesOf(run);
  if ('kind' in lines) return lines;
  const apps: App[] = [];
  let broken: string | undefined;
  let total: number | undefined;
  let serverNowMs = run.nowMs;
  lines.forEach((line, index) => {
    const value = parseLine(line);
    if (value && value['id'] === undefined && (value['now'] !== undefined || value['total'] !== undefined)) {
      // The earlier of two clocks makes apps younger, never older.
      serverNowMs = Math.min(serverNowMs, parseTimestamp(value['now']) ?? serverNowMs);
      if (typeof value['total'] === 'number') total = value['total'];
      return;
    }
    const read = value ? readApp(value, LINE_FORM) : { ok: false as const, problem: 'is no JSON object' };
    if (read.ok) apps.push(read.app);
    else broken ??= plain(`${run.what}: the app in line ${index + 1} ${read.problem}`);
  });
  return {
    kind: 'page',
    meta: { status: null, serverNowMs },
    apps,
    next: null,
    ...(broken === undefined ? {} : { broken }),
    ...(total === undefined ? {} : { total }),
  };
}

/** The app itself, or `{"outcome":"gone"}`. */
export function toCommandGetAnswer(run: CommandRun, id: string): GetAnswer {
  const lines = linesOf(run);
  if ('kind' in lines) return lines;
  const value = parseLine(lines.at(-1) ?? '');
  if (value?.['outcome'] === 'gone') return { kind: 'gone', meta: metaOf(run) };
  const failure = value && saidFailure(value, run);
  if (failure) return failure;
  const read = readApp(value, LINE_FORM);
  if (!read.ok || read.app.id !== id)
    return doubtful(run, 'printed neither the app asked for nor that it is gone');
  return { kind: 'found', meta: metaOf(run), app: read.app };
}

/** `{"outcome":"deleted"}` and its like. A command that ends with 0 and prints nothing has deleted. */
export function toCommandDestroyAnswer(run: CommandRun): DestroyAnswer {
  const lines = linesOf(run);
  if ('kind' in lines) return lines;
  const last = lines.at(-1);
  const meta = metaOf(run);
  if (last === undefined) return { kind: 'deleted', meta };
  const value = parseLine(last);
  if (!value) return doubtful(run, 'ended with 0, but its last line is no JSON object');
  const outcome = value['outcome'];
  if (outcome === 'deleted' || outcome === 'accepted' || outcome === 'gone') return { kind: outcome, meta };
  if (outcome === 'changed' || outcome === 'busy')
    return { kind: outcome, meta, detail: detailOf(value, run) };
  return saidFailure(value, run) ?? doubtful(run, 'ended with 0, but printed no outcome that is known');
}

/** The lines of a run that ended with 0; otherwise what came of it. */
function linesOf(run: CommandRun): readonly string[] | ProviderFailure {
  const { end } = run;
  if (end.kind === 'not-started')
    return createFailure('invalid', metaOf(run), `${run.what} cannot be started (${end.code})`);
  if (end.kind === 'timed-out') return doubtful(run, `did not end within ${formatDuration(run.timeoutMs)}`);
  if (end.stdoutBytes > run.maxBytes) return doubtful(run, `printed more than ${run.maxBytes} bytes`);
  const lines = end.stdoutTail.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (end.exitCode === 0) return lines;
  const said = parseLine(lines.at(-1) ?? '');
  return (said && saidFailure(said, run)) ?? failureOfExit(run, end);
}

function failureOfExit(run: CommandRun, end: Extract<ChildEnd, { kind: 'ended' }>): ProviderFailure {
  const tail = plain(end.stderrTail.trimEnd().split('\n').at(-1) ?? '', 160);
  const how =
    end.exitCode === null ? `was ended by ${end.signalName ?? 'a signal'}` : `ended with ${end.exitCode}`;
  const detail = `${run.what} ${how}${tail === '' ? '' : `: ${tail}`}`;
  const kind = (end.exitCode === null ? undefined : KIND_OF_EXIT[end.exitCode]) ?? 'ambiguous';
  const meta = kind === 'throttled' ? { ...metaOf(run), rate: { throttled: true } } : metaOf(run);
  return createFailure(kind, meta, detail);
}

/** A failure that the command itself named, with its exit code 0 or not. */
function saidFailure(value: JsonObject, run: CommandRun): ProviderFailure | null {
  const { outcome, retryAfterMs } = value;
  if (!isFailureKind(outcome)) return null;
  const rate = { throttled: true, ...(isWait(retryAfterMs) ? { retryAfterMs } : {}) };
  const meta = outcome === 'throttled' ? { ...metaOf(run), rate } : metaOf(run);
  return createFailure(outcome, meta, detailOf(value, run));
}

function detailOf(value: JsonObject, run: CommandRun): string {
  return plain(typeof value['detail'] === 'string' ? value['detail'] : `${run.what} gave no detail`);
}

function doubtful(run: CommandRun, what: string): ProviderFailure {
  return createFailure('ambiguous', metaOf(run), `${run.what} ${what}`);
}

function metaOf(run: CommandRun): AnswerMeta {
  return { status: null, serverNowMs: run.nowMs };
}

function parseLine(line: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : null;
  } catch {
    // Not JSON: then it is no answer, which each caller judges.
    return null;
  }
}
