/**
 * The client for GitHub's API: deadlines, limits, conditional reads and errors. A read is repeated by our own policy, bounded
 * and with jitter; a write is sent exactly once, whatever happens (a client that repeats a lost POST answers "already exists"
 * to its own success). NOT guaranteed: fresh reads; GitHub's replicas may lag behind a write.
 * Invariant: no error, log line or value of this client contains the token; errors are translated here and nowhere else.
 */
import { abortReason, type Clock, throwIfAborted } from '../base/clock.ts';
import { withTimeout } from '../base/deadline.ts';
import {
  AuthError,
  hasCode,
  IndeterminateError,
  UnavailableError,
  UnsupportedError,
} from '../base/errors.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import { retry } from '../base/retry.ts';
import { createRedactor, plain } from '../base/text.ts';
import { type AnswerVerdict, classifyAnswer, classifyGraphQlErrors, type RateView } from './answers.ts';
import { createEtagCache } from './etag-cache.ts';
import { createLimits, type RequestCounts } from './limits.ts';
import { createTransport, type Exchange, type TransportRequest } from './transport.ts';

export interface GitHubClientOptions {
  /** GITHUB_API_URL: `https://api.github.com`, or `https://HOST/api/v3`. */
  apiUrl: string;
  /** GITHUB_GRAPHQL_URL; derived from `apiUrl` unless given. */
  graphqlUrl?: string;
  token: string;
  userAgent: string;
  clock: Clock;
  logger?: Logger;
  /** How long one request may take; 10 s unless given. */
  requestTimeoutMs?: number;
  /** How often a read is tried at most; 3 unless given. */
  readAttempts?: number;
  apiVersion?: string;
  /** Instead of the global one, for tests and proxies. */
  fetch?: typeof fetch;
}

/** `changed` is false where a 304 confirmed what was known. */
export type GitHubRead =
  | { readonly kind: 'found'; readonly data: unknown; readonly changed: boolean }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly status: number; readonly text: string };

export type GitHubWrite =
  | { readonly kind: 'done'; readonly data: unknown }
  /** Certainly not applied by this request. A 404 on a write is one too. */
  | { readonly kind: 'refused'; readonly status: number; readonly text: string };

/** Errors of every call: AuthError, ThrottledError, UnavailableError, UnsupportedError, or the signal's reason. */
export interface GitHubClient {
  readonly apiUrl: string;
  /** A GET below the API's address; conditional where the same path was read before. */
  read(path: string, options?: { signal?: AbortSignal | undefined }): Promise<GitHubRead>;
  /** Exactly one request. IndeterminateError where it may or may not have been applied, an abort after sending included. */
  write(request: {
    method: 'POST' | 'PATCH';
    path: string;
    body: Readonly<Record<string, unknown>>;
    signal?: AbortSignal | undefined;
  }): Promise<GitHubWrite>;
  /** One GraphQL request; a mutation is never repeated and may end with IndeterminateError. */
  graphql(request: {
    query: string;
    variables: Readonly<Record<string, unknown>>;
    signal?: AbortSignal | undefined;
  }): Promise<GitHubWrite>;
  /** The budget as the last answer told it; null before the first, or where the server has no limits. */
  rate(resource?: string): RateView | null;
  readonly counts: RequestCounts;
  /** How far GitHub's clock is ahead of this machine's, to the second; null before the first answer. Information only. */
  readonly serverAheadMs: number | null;
}

/** A client for one API and one token. It owns no sockets or timers that outlive a call. */
export function createGitHubClient(options: GitHubClientOptions): GitHubClient {
  const { clock, logger = nullLogger, requestTimeoutMs = 10_000, readAttempts = 3 } = options;
  const apiUrl = options.apiUrl.replace(/\/+$/, '');
  const graphqlUrl = options.graphqlUrl ?? `${apiUrl.replace(/\/api\/v3$/, '/api')}/graphql`;
  const transport = createTransport({
    ...options,
    apiUrl,
    apiVersion: options.apiVersion ?? '2022-11-28',
    fetch: options.fetch,
  });
  const redact = createRedactor([options.token]);
  const etags = createEtagCache(128);
  const limits = createLimits(clock);

  const say = (text: string) => plain(redact(text));

  /** One request within its own deadline. Throws the signal's reason or ThrottledError, nothing else. */
  async function exchange(
    request: Omit<TransportRequest, 'signal'>,
    signal: AbortSignal | undefined,
  ): Promise<Exchange> {
    throwIfAborted(signal);
    limits.admit(request.method);
    const late = new UnavailableError('late');
    try {
      const done = await withTimeout(
        {
          clock,
          timeoutMs: requestTimeoutMs,
          waitingFor: 'an answer of GitHub',
          onTimeout: () => late,
          ...(signal === undefined ? {} : { parent: signal }),
        },
        (own) => transport({ ...request, signal: own }),
      );
      if (done.kind === 'answered') limits.observe(done.answer);
      return done;
    } catch (error) {
      if (error !== late) throw error;
      return { kind: 'interrupted', detail: `no answer within ${requestTimeoutMs} ms` };
    }
  }

  /** The errors that are the same for reads and writes; otherwise null. None of them was applied. */
  function toError(verdict: AnswerVerdict, text: string, what: string): Error | null {
    switch (verdict.kind) {
      case 'throttled':
        logger.debug(`GitHub limits ${what}`);
        return limits.block(verdict.retryAfterMs, what);
      case 'unauthorized':
        return new AuthError(`GitHub refused the token for ${what}: ${say(text)}`, {
          hint: 'the token is wrong, expired or revoked; pass `token`, or set GITHUB_TOKEN',
        });
      case 'forbidden':
        limits.forbid();
        return new AuthError(`the token may not do ${what}: ${say(text)}`, {
          hint: 'give the job the permission it needs (`permissions: contents: write` for locks); pull requests from forks only get a read-only token',
        });
      case 'moved':
        return new UnsupportedError(`${what} was redirected; it is not followed`, {
          hint: 'the repository was renamed or moved: write its present OWNER/REPO; check the API address too',
        });
      case 'ok':
      case 'not-modified':
      case 'missing':
      case 'refused':
      case 'unavailable':
        limits.clear();
        return null;
    }
  }

  async function readOnce(path: string, signal: AbortSignal | undefined): Promise<GitHubRead> {
    const what = `GET ${say(path)}`;
    const known = etags.get(path);
    const done = await exchange({ method: 'GET', url: path, etag: known?.etag }, signal);
    if (done.kind !== 'answered') throw new UnavailableError(`${what} failed: ${say(done.detail)}`);
    const verdict = classifyAnswer(done.answer);
    const error = toError(verdict, done.answer.text, what);
    if (error !== null) throw error;
    if (verdict.kind === 'not-modified' && known !== undefined) {
      return { kind: 'found', data: known.data, changed: false };
    }
    if (verdict.kind === 'ok' && typeof done.data === 'object' && done.data !== null) {
      const { etag } = done.answer.headers;
      if (typeof etag === 'string') etags.set(path, { etag, data: done.data });
      return { kind: 'found', data: done.data, changed: true };
    }
    if (verdict.kind === 'missing') return { kind: 'missing' };
    if (verdict.kind === 'refused') {
      return { kind: 'refused', status: done.answer.status, text: say(done.answer.text) };
    }
    throw new UnavailableError(`${what} was answered with HTTP ${done.answer.status} and no usable body`);
  }

  async function writeOnce(
    request: { method: 'POST' | 'PATCH'; url: string; body: Readonly<Record<string, unknown>> },
    signal: AbortSignal | undefined,
  ): Promise<GitHubWrite> {
    const what = `${request.method} ${say(request.url)}`;
    throwIfAborted(signal);
    let done: Exchange;
    try {
      done = await exchange(request, signal);
    } catch (error) {
      if (hasCode(error, 'throttled') || !signal?.aborted) throw error;
      throw new IndeterminateError(`${what} was given up after it was sent`, { cause: abortReason(signal) });
    }
    if (done.kind === 'unreached') throw new UnavailableError(`${what} failed: ${say(done.detail)}`);
    if (done.kind === 'interrupted') {
      throw new IndeterminateError(`${what} got no answer (${say(done.detail)}); it may have been done`);
    }
    const verdict = classifyAnswer(done.answer);
    const error = toError(verdict, done.answer.text, what);
    if (error !== null) throw error;
    if (verdict.kind === 'ok' && typeof done.data === 'object' && done.data !== null) {
      return { kind: 'done', data: done.data };
    }
    if (verdict.kind === 'missing' || verdict.kind === 'refused') {
      return { kind: 'refused', status: done.answer.status, text: say(done.answer.text) };
    }
    throw new IndeterminateError(
      `${what} was answered with HTTP ${done.answer.status}; it may have been done`,
    );
  }

  async function graphqlOnce(
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal | undefined,
  ): Promise<GitHubWrite> {
    const done = await writeOnce({ method: 'POST', url: graphqlUrl, body }, signal);
    if (done.kind !== 'done') return done;
    const { data, errors } = done.data as { data?: unknown; errors?: unknown };
    if (!Array.isArray(errors)) return { kind: 'done', data };
    const text = say(JSON.stringify(errors));
    const verdict = classifyGraphQlErrors(errors, limits.rate('graphql'));
    const error = toError(verdict, text, 'a GraphQL request');
    if (error !== null) throw error;
    if (verdict.kind === 'unavailable') throw new IndeterminateError(`a GraphQL request failed: ${text}`);
    return { kind: 'refused', status: 200, text };
  }

  return {
    apiUrl,
    read: (path, { signal } = {}) =>
      retry(
        {
          clock,
          attempts: readAttempts,
          baseMs: 500,
          capMs: 5_000,
          isRetryable: (error) => hasCode(error, 'unavailable'),
          onRetry: (error, delayMs) => logger.debug(`${(error as Error).message}; again in ${delayMs} ms`),
          ...(signal === undefined ? {} : { signal }),
        },
        () => readOnce(path, signal),
      ),
    write: ({ method, path, body, signal }) => writeOnce({ method, url: path, body }, signal),
    graphql: ({ query, variables, signal }) => graphqlOnce({ query, variables }, signal),
    rate: (resource = 'core') => limits.rate(resource),
    get counts() {
      return limits.counts;
    },
    get serverAheadMs() {
      return limits.serverAheadMs;
    },
  };
}
