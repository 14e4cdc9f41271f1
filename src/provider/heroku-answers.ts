/**
 * Heroku's answers as the contract's values: status, headers and body in, one value out. Pure, no I/O, no clock.
 * Invariant: only an answer that plainly says so becomes `deleted` or `gone`. A 404 page of a proxy, half a JSON text or a
 * login page with status 200 prove nothing and are `ambiguous`; the reaper settles them with a read.
 * Source: the Platform API's JSON schema (heroku/platform-api, lib/platform-api/schema.json) and its reference, "Ranges",
 * "Rate limits" and "Errors".
 */
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import { plain } from '../base/text.ts';
import { readMeta } from './answer-headers.ts';
import type {
  AnswerMeta,
  App,
  DestroyAnswer,
  GetAnswer,
  ListAnswer,
  ProviderFailure,
  ScopeAnswer,
} from './contract.ts';
import type { HttpExchange } from './http-request.ts';
import { parseTimestamp } from './timestamp.ts';

/** Whose apps count: a team's, or those that one account owns outside teams (`null` while its id is not known yet). */
export type HerokuScope =
  | { readonly kind: 'team'; readonly team: string }
  | { readonly kind: 'own'; readonly accountId: string | null };

/** One exchange, and how a failure's detail speaks of it. */
export interface HerokuExchange {
  readonly exchange: HttpExchange;
  /** `DELETE /apps/1234`. */
  readonly what: string;
  /** Takes the credential out of what the server said. */
  readonly redact: (text: string) => string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `GET /account`: learns the account's id. */
export function toScopeAnswer(answer: HerokuExchange): { answer: ScopeAnswer; accountId: string | null } {
  const failure = toFailure(answer);
  if (failure) return { answer: failure, accountId: null };
  const account = parseObject(answer.exchange.body);
  const accountId = account?.['id'];
  if (typeof accountId !== 'string' || accountId === '')
    return { answer: ambiguous(answer, 'the answer is no account'), accountId: null };
  const email = account?.['email'];
  const label = typeof email === 'string' && email !== '' ? email : accountId;
  return { answer: { kind: 'open', meta: metaOf(answer.exchange), label }, accountId };
}

/** `GET /account/rate-limits`, which costs no call: how many are left; null where the answer does not say. */
export function toRemaining({ exchange }: HerokuExchange): number | null {
  if (exchange.status !== 200 || exchange.problem !== null) return null;
  const remaining = parseObject(exchange.body)?.['remaining'];
  return typeof remaining === 'number' && Number.isSafeInteger(remaining) && remaining >= 0
    ? remaining
    : null;
}

/** One page. `askedRanges` are the `Range` values sent since the listing began: a page that leads back to one is broken. */
export function toListAnswer(
  answer: HerokuExchange,
  { scope, askedRanges }: { scope: HerokuScope; askedRanges: ReadonlySet<string> },
): ListAnswer {
  const failure = toFailure(answer);
  if (failure) return failure;
  const items = parseJson(answer.exchange.body);
  if (!Array.isArray(items)) return ambiguous(answer, 'the answer is no list');
  const apps: App[] = [];
  for (const item of items as readonly unknown[]) {
    const app = parseHerokuApp(item, scope);
    if (app) apps.push(app);
  }
  const { next, broken } = nextRange(answer.exchange, askedRanges);
  const unread = items.length - apps.length;
  const problem = broken ?? (unread > 0 ? `${unread} entries of the list cannot be read` : undefined);
  const page = { kind: 'page', meta: metaOf(answer.exchange), apps, next } as const;
  return problem === undefined ? page : { ...page, broken: problem };
}

/** `GET /apps/{id}`. */
export function toGetAnswer(
  answer: HerokuExchange,
  { id, scope }: { id: string; scope: HerokuScope },
): GetAnswer {
  if (isGone(answer.exchange)) return { kind: 'gone', meta: metaOf(answer.exchange) };
  const failure = toFailure(answer);
  if (failure) return failure;
  const app = parseHerokuApp(parseJson(answer.exchange.body), scope);
  if (app === null || app.id !== id) return ambiguous(answer, 'the answer is not the app asked for');
  return { kind: 'found', meta: metaOf(answer.exchange), app };
}

/** `DELETE /apps/{id}`. */
export function toDestroyAnswer(answer: HerokuExchange, id: string): DestroyAnswer {
  const { exchange } = answer;
  if (isGone(exchange)) return { kind: 'gone', meta: metaOf(exchange) };
  const isComplete = exchange.problem === null;
  if (isComplete && (exchange.status === 409 || exchange.status === 422 || exchange.status === 423))
    return { kind: 'busy', meta: metaOf(exchange), detail: describe(answer) };
  const failure = toFailure(answer);
  if (failure) return failure;
  if (exchange.status === 202) return { kind: 'accepted', meta: metaOf(exchange) };
  if (parseObject(exchange.body)?.['id'] !== id)
    return ambiguous(answer, 'the answer does not name the deleted app');
  return { kind: 'deleted', meta: metaOf(exchange) };
}

/** An app of a listing or a read; null where it has no id or no name. Unreadable times are null, never "old". */
export function parseHerokuApp(value: unknown, scope: HerokuScope): App | null {
  if (!isJsonObject(value)) return null;
  const id = value['id'];
  const name = value['name'];
  if (typeof id !== 'string' || id === '' || typeof name !== 'string' || name === '') return null;
  return {
    id,
    name,
    createdAtMs: parseTimestamp(value['created_at']),
    version: versionOf(value),
    // Heroku has no asynchronous deletion and no state of its own.
    state: 'ready',
    // Somebody put it away on purpose.
    isProtected: typeof value['archived_at'] === 'string',
    inScope: isInScope(value, scope),
    parentId: null,
  };
}

/**
 * Whether a refused `POST /apps` says that the account is full, and how many apps it may have. Null for any other refusal:
 * a name that is taken is `invalid_params` too.
 */
export function parseAppLimit(status: number, body: string): { limit: number | null } | null {
  if (status !== 422) return null;
  const error = parseObject(body);
  const message = error?.['message'];
  if (error?.['id'] !== 'invalid_params' || typeof message !== 'string') return null;
  if (!/\bapp limit\b|\blimit of \d+ apps\b/i.test(message)) return null;
  const count = /\blimit of (\d{1,7})\b/i.exec(message)?.[1];
  return { limit: count === undefined ? null : Number(count) };
}

function isInScope(app: JsonObject, scope: HerokuScope): boolean {
  const team = app['team'];
  if (scope.kind === 'team') {
    if (!isJsonObject(team)) return false;
    // A team's listing gives the name alone, so a team asked for by its id is what that listing is of.
    const isAskedById = UUID.test(scope.team) && team['id'] === undefined;
    return team['name'] === scope.team || team['id'] === scope.team || isAskedById;
  }
  const owner = app['owner'];
  // Apps of teams are listed too but count against the team's limit (hatchet #90: they caused a destroy loop).
  const isOwn = scope.accountId !== null && isJsonObject(owner) && owner['id'] === scope.accountId;
  return isOwn && (team === null || team === undefined);
}

function versionOf(app: JsonObject): string | null {
  const parts = [app['released_at'], app['updated_at'], app['maintenance']];
  if (parts.every((part) => part === undefined)) return null;
  return parts.map((part) => JSON.stringify(part ?? null)).join('|');
}

function nextRange(exchange: HttpExchange, askedRanges: ReadonlySet<string>) {
  const next = exchange.headers['next-range'];
  if (next === undefined) {
    const isCut = exchange.status !== 200;
    return { next: null, broken: isCut ? 'the answer is partial but does not say what follows' : undefined };
  }
  if (!/^[\x20-\x7e]{1,512}$/.test(next)) return { next: null, broken: 'the next range cannot be read' };
  if (askedRanges.has(next)) return { next: null, broken: 'the list leads back to a page already read' };
  return { next, broken: undefined };
}

// A 404 proves nothing unless Heroku itself says so.
function isGone(exchange: HttpExchange): boolean {
  return (
    exchange.status === 404 && exchange.problem === null && parseObject(exchange.body)?.['id'] === 'not_found'
  );
}

/** What any call may get; null where the status is a success with a complete body. */
function toFailure(answer: HerokuExchange): ProviderFailure | null {
  const { status, problem, body } = answer.exchange;
  const fail = (kind: ProviderFailure['kind']): ProviderFailure => ({
    kind,
    meta: metaOf(answer.exchange),
    detail: describe(answer),
  });
  if (status === null) return fail('ambiguous');
  // These three are said by the status alone, whatever became of the body.
  if (status === 401) return fail('unauthorized');
  if (isThrottled(answer.exchange)) return fail('throttled');
  if (status === 403) return fail('forbidden');
  if (problem !== null || status < 200 || status === 408) return fail('ambiguous');
  if (status < 300) return null;
  const isOwnWord = status !== 404 || parseObject(body)?.['id'] !== undefined;
  return fail(status >= 400 && status < 500 && isOwnWord ? 'invalid' : 'ambiguous');
}

/**
 * A 429, or a 403 whose headers ask to wait. An empty bucket alone does not make a 403 a throttled one where Heroku itself
 * says `forbidden`: with little budget left every answer carries a remaining count near 0.
 */
function isThrottled({ status, headers, body }: HttpExchange): boolean {
  if (status === 429) return true;
  if (status !== 403) return false;
  if (headers['retry-after'] !== undefined) return true;
  return headers['ratelimit-remaining'] === '0' && parseObject(body)?.['id'] !== 'forbidden';
}

function metaOf(exchange: HttpExchange): AnswerMeta {
  return readMeta(exchange, isThrottled(exchange));
}

function ambiguous(answer: HerokuExchange, why: string): ProviderFailure & { kind: 'ambiguous' } {
  const { status } = answer.exchange;
  const detail = `${answer.what}: status ${status ?? 'none'}, ${why}`;
  return { kind: 'ambiguous', meta: metaOf(answer.exchange), detail: plain(answer.redact(detail)) };
}

function describe({ exchange, what, redact }: HerokuExchange): string {
  const error = parseObject(exchange.body);
  const said = [error?.['id'], error?.['message']].filter((part) => typeof part === 'string').join(': ');
  const parts = [exchange.status === null ? '' : `status ${exchange.status}`, exchange.problem ?? '', said];
  return plain(redact(`${what}: ${parts.filter(Boolean).join(', ')}`));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is an ordinary finding here: the callers check for what they need.
    return undefined;
  }
}

function parseObject(text: string): JsonObject | null {
  const value = parseJson(text);
  return isJsonObject(value) ? value : null;
}
