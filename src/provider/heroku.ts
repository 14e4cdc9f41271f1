/**
 * The Heroku provider: one request per function over {@link createHttpClient}, answers read by heroku-answers.ts.
 * NOT guaranteed: that an `ambiguous` delete was not applied. Invariants: an app is addressed by its id, never by its name
 * (a name may have been given to another app since); the credential goes to the one configured origin only.
 */

import type { Clock } from '../base/clock.ts';
import { hashIdentity } from '../base/identity.ts';
import { createRedactor } from '../base/text.ts';
import type { Provider, ProviderFailure, ScopeAnswer } from './contract.ts';
import {
  type HerokuExchange,
  type HerokuScope,
  parseAppLimit,
  toDestroyAnswer,
  toGetAnswer,
  toListAnswer,
  toRemaining,
  toScopeAnswer,
} from './heroku-answers.ts';
import { createHttpClient, type HttpCall, type HttpHeaders } from './http-request.ts';

export interface HerokuProviderOptions {
  /** Origin and path prefix of the API; checked by `parseProviderSettings`. */
  apiUrl: string;
  apiKey: string;
  /** Only this team's apps (name or id); null for those the account owns outside teams. */
  team: string | null;
  /** The user's own name for the account, where several keys belong to one; null to derive it. */
  account: string | null;
  clock: Clock;
  /** For each request. */
  timeoutMs: number;
  /** Who sends, for the provider's own logs: joins the User-Agent. */
  client?: string;
}

const PAGE_SIZE = 1000;
const FIRST_RANGE = `id ..; max=${PAGE_SIZE}`;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const MAX_BODY_BYTES = 64 * 1024;

/** A provider for one Heroku account or team. The caller closes it. Calls reject only with their signal's reason. */
export function createHerokuProvider(options: HerokuProviderOptions): Provider {
  const { apiKey, team, account, clock, timeoutMs } = options;
  const baseUrl = new URL(options.apiUrl);
  const client = createHttpClient({ baseUrl, clock, timeoutMs });
  const redact = createRedactor([apiKey]);
  const headers: HttpHeaders = {
    accept: 'application/vnd.heroku+json; version=3',
    authorization: `Bearer ${apiKey}`,
    'user-agent': userAgentOf(options.client),
  };
  let scope: HerokuScope = team === null ? { kind: 'own', accountId: null } : { kind: 'team', team };
  let opening: Promise<ScopeAnswer> | null = null;
  // The ranges asked for since the listing began: one that comes back would make it endless.
  const askedRanges = new Set<string>();

  const send = async (
    call: Pick<HttpCall, 'method' | 'path' | 'signal'> & { extra?: HttpHeaders; maxBodyBytes?: number },
  ): Promise<HerokuExchange> => ({
    what: `${call.method} ${call.path}`,
    redact,
    exchange: await client.send({
      method: call.method,
      path: call.path,
      signal: call.signal,
      headers: { ...headers, ...call.extra },
      maxBodyBytes: call.maxBodyBytes ?? MAX_BODY_BYTES,
    }),
  });

  const readAccount = async (signal: AbortSignal): Promise<ScopeAnswer> => {
    const { answer, accountId } = toScopeAnswer(await send({ method: 'GET', path: '/account', signal }));
    if (accountId !== null) scope = { kind: 'own', accountId };
    return answer;
  };

  /** Whose apps they are cannot be told before the account is known: a page that came first waits for it. */
  const findScopeFailure = async (): Promise<ProviderFailure | null> => {
    const opened = await opening;
    if (opened === null || opened.kind === 'open' || scope.kind === 'team' || scope.accountId !== null)
      return null;
    return { kind: 'invalid', meta: opened.meta, detail: `the account is not known: ${opened.detail}` };
  };

  return {
    name: 'heroku',
    accountId: hashIdentity(
      account === null
        ? ['heroku', baseUrl.origin + baseUrl.pathname, team === null ? 'own' : `team:${team}`, apiKey]
        : ['heroku', 'account', account],
    ),
    capabilities: {
      atomicPrecondition: false,
      openRequests: team === null ? 1 : 0,
      pageSize: PAGE_SIZE,
      listsWhileOpening: true,
    },
    // 4,500 tokens an account, refilled by 75 a minute.
    pace: { emissionIntervalMs: 800, burst: 4500 },

    async open({ signal }) {
      if (team !== null) return { kind: 'open', meta: { status: null }, label: `team ${team}` };
      opening = readAccount(signal);
      return await opening;
    },

    async list(cursor, { signal }) {
      if (cursor === null) askedRanges.clear();
      const range = cursor ?? FIRST_RANGE;
      askedRanges.add(range);
      const path = team === null ? '/users/~/apps' : `/teams/${encodeURIComponent(team)}/apps`;
      const answer = await send({
        method: 'GET',
        path,
        signal,
        extra: { range },
        maxBodyBytes: MAX_PAGE_BYTES,
      });
      const scopeFailure = await findScopeFailure();
      const page = toListAnswer(answer, { scope, askedRanges });
      // What the listing itself says of its failure comes first: how long to wait, say.
      return page.kind === 'page' && scopeFailure ? scopeFailure : page;
    },

    async get(id, { signal }) {
      const path = appPath(id);
      if (path === null) return refusedId(id);
      return toGetAnswer(await send({ method: 'GET', path, signal }), { id, scope });
    },

    async destroy(app, { signal, fencingToken }) {
      const path = appPath(app.id);
      if (path === null) return refusedId(app.id);
      // For the audit trail: the API itself cannot check it.
      const extra = { 'x-lockstep-fencing-token': String(fencingToken) };
      return toDestroyAnswer(await send({ method: 'DELETE', path, signal, extra }), app.id);
    },

    async countRemaining({ signal }) {
      return toRemaining(await send({ method: 'GET', path: '/account/rate-limits', signal }));
    },

    classifyLimit: ({ status, body }) => parseAppLimit(status, body),

    async close() {
      client.close();
    },
  };
}

/** The path of an app; null for an id that would address something else. */
function appPath(id: string): string | null {
  if (id === '' || id === '.' || id === '..' || id.includes('/') || id.length > 128) return null;
  return `/apps/${encodeURIComponent(id)}`;
}

function refusedId(id: string): ProviderFailure {
  const shown = JSON.stringify(id.slice(0, 40));
  return {
    kind: 'invalid',
    meta: { status: null },
    detail: `the app id ${shown} is not one to put in a path; nothing was sent`,
  };
}

function userAgentOf(client: string | undefined): string {
  const printable = client?.replace(/[^\x20-\x7e]|[()]/g, '').slice(0, 100);
  return printable ? `lockstep (${printable})` : 'lockstep';
}
