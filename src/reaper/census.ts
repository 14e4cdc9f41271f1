/**
 * The listing loop: page after page, each with bounded retries, until the end or until the provider stops making sense.
 * NOT guaranteed: a snapshot. Apps come and go between pages; what was read is distinct by id, and `isComplete` says whether
 * absence means anything. Invariant: a bounded number of requests, whatever the provider answers.
 */
import { createBackoff } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { plain } from '../base/text.ts';
import type { AnswerMeta, App, ListAnswer, ProviderFailure } from '../provider/contract.ts';
import type { Calls } from './calls.ts';
import type { Halt } from './halt.ts';

/** How often one page is asked for, the first time included. */
const PAGE_ATTEMPTS = 4;
/** Answers that only say "later" come on top; the pace waits as long as they ask. */
const PAGE_THROTTLES = 5;
const MAX_PAGES = 1000;
/** So many pages in a row without an app that is new: the provider goes in circles. */
const MAX_IDLE_PAGES = 10;

/** An app and when it was read, on the monotonic clock. */
export interface Sighting {
  readonly app: App;
  readonly readAtMs: number;
}

export interface Census {
  readonly sightings: ReadonlyMap<string, Sighting>;
  readonly isComplete: boolean;
  /** Why it is incomplete, one printable line; null where it is complete or was halted. */
  readonly problem: string | null;
  /** The kind of answer that ended it early, if one did. */
  readonly failure: ProviderFailure['kind'] | null;
  readonly pages: number;
  /** The provider's clock now, by the most cautious of its stamps; null where it sent none. */
  serverNowMs(): number | null;
}

export interface CensusOptions {
  calls: Calls;
  clock: Clock;
  halt: Halt;
  onPage?: (page: number, apps: number) => void;
}

/** Lists everything. Never throws for what a provider answers. */
export async function takeCensus({ calls, clock, halt, onPage }: CensusOptions): Promise<Census> {
  const sightings = new Map<string, Sighting>();
  const cursors = new Set<string>();
  let pages = 0;
  let idlePages = 0;
  let offsetMs: number | null = null;

  const finish = (problem: string | null, failure: Census['failure'] = null): Census => ({
    sightings,
    isComplete: problem === null && failure === null && !halt.isHalted,
    problem,
    failure,
    pages,
    serverNowMs: () => (offsetMs === null ? null : clock.monotonicMs() + offsetMs),
  });

  for (let cursor: string | null = null; ; ) {
    const answer = await readPage(cursor, { calls, clock, halt });
    if (answer === null) return finish(null);
    if (answer.kind !== 'page') return finish(`page ${pages + 1}: ${describeFailure(answer)}`, answer.kind);
    pages += 1;
    const nowMs = clock.monotonicMs();
    // The earliest of several server clocks makes apps younger, never older.
    const stampMs = answer.meta.serverNowMs;
    if (stampMs !== undefined) offsetMs = Math.min(offsetMs ?? Number.POSITIVE_INFINITY, stampMs - nowMs);
    const known = sightings.size;
    for (const app of answer.apps) sightings.set(app.id, { app, readAtMs: nowMs });
    onPage?.(pages, answer.apps.length);

    idlePages = sightings.size > known ? 0 : idlePages + 1;
    if (answer.broken !== undefined) return finish(plain(answer.broken));
    if (answer.next === null) {
      const isShort = answer.total !== undefined && sightings.size < answer.total;
      return finish(isShort ? `${sightings.size} of ${answer.total} apps were listed` : null);
    }
    if (cursors.has(answer.next)) return finish('the pages repeat');
    if (idlePages >= MAX_IDLE_PAGES) return finish(`${idlePages} pages in a row brought nothing new`);
    if (pages >= MAX_PAGES) return finish(`there are more than ${MAX_PAGES} pages`);
    cursors.add(answer.next);
    cursor = answer.next;
  }
}

type Tools = Pick<CensusOptions, 'calls' | 'clock' | 'halt'>;

async function readPage(cursor: string | null, tools: Tools): Promise<ListAnswer | null> {
  return await repeatRead(() => tools.calls.list(cursor, tools.halt), tools);
}

/** Repeats a read while its answer is doubtful or asks to wait: a bounded number of times, with full jitter. Null: halted. */
export async function repeatRead<T extends { readonly kind: string; readonly meta: AnswerMeta }>(
  read: () => Promise<T | null>,
  { clock, halt, attempts = PAGE_ATTEMPTS }: Pick<Tools, 'clock' | 'halt'> & { attempts?: number },
): Promise<T | null> {
  let backoff = createBackoff({ baseMs: 1000, capMs: 15_000 });
  let throttles = 0;
  for (let attempt = 1; ; ) {
    const answer = await read();
    if (answer === null || halt.isHalted) return answer;
    if (answer.kind === 'throttled') {
      throttles += 1;
      if (throttles > PAGE_THROTTLES) return answer;
      continue;
    }
    if (answer.kind !== 'ambiguous' || attempt >= attempts) return answer;
    attempt += 1;
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    if (!(await pause(step.delayMs, { clock, halt }))) return answer;
  }
}

/** Sleeps as part of pacing; false when halted meanwhile. */
export async function pause(
  delayMs: number,
  { clock, halt }: Pick<Tools, 'clock' | 'halt'>,
): Promise<boolean> {
  try {
    await sleep(clock, delayMs, halt.signal);
    return true;
  } catch (thrown) {
    if (halt.isHalted) return false;
    throw thrown;
  }
}

/** A failure as one printable line: what it was, its status, and the request's id for the provider's support. */
export function describeFailure(failure: ProviderFailure): string {
  const status = failure.meta.status === null ? 'no answer' : `status ${failure.meta.status}`;
  const request =
    failure.meta.requestId === undefined ? '' : `, request ${plain(failure.meta.requestId, 64)}`;
  return `${failure.kind} (${status}${request}): ${plain(failure.detail)}`;
}
