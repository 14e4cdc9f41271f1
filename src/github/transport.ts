/**
 * One HTTP exchange with GitHub's API, through Octokit's request function; the only file that imports `@octokit/*`. Nothing
 * is retried, followed, cached or judged here, and nothing is thrown: every end of an exchange is a value.
 * Invariant: no error of Octokit leaves this file, since those carry the request with its headers.
 */
import { Octokit } from '@octokit/rest';
import type { HttpAnswer } from './answers.ts';

export interface TransportOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3`; any path prefix is kept. */
  apiUrl: string;
  token: string;
  userAgent: string;
  /** The value of X-GitHub-Api-Version. */
  apiVersion: string;
  fetch?: typeof fetch | undefined;
}

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PATCH';
  /** Below the API's address, already encoded, with a leading slash; or a whole address. */
  url: string;
  body?: Readonly<Record<string, unknown>>;
  etag?: string | undefined;
  signal: AbortSignal;
}

export type Exchange =
  | { readonly kind: 'answered'; readonly answer: HttpAnswer; readonly data: unknown }
  /** No connection came about: nothing was sent. */
  | { readonly kind: 'unreached'; readonly detail: string }
  /** It broke somewhere after that: the other side may have acted. */
  | { readonly kind: 'interrupted'; readonly detail: string };

export type Transport = (request: TransportRequest) => Promise<Exchange>;

// Failures before the first byte of a request can have left. Anything not listed counts as "may have been sent".
const UNREACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** An exchange function for one API and one token. */
export function createTransport(options: TransportOptions): Transport {
  // Octokit's own log goes to the console, which belongs to the host.
  const quiet = { debug: drop, info: drop, warn: drop, error: drop };
  const octokit = new Octokit({
    baseUrl: options.apiUrl.replace(/\/+$/, ''),
    userAgent: options.userAgent,
    log: quiet,
    request: options.fetch === undefined ? {} : { fetch: options.fetch },
  });
  const headers = {
    authorization: `Bearer ${options.token}`,
    'x-github-api-version': options.apiVersion,
    accept: 'application/vnd.github+json',
  };

  return async ({ method, url, body, etag, signal }) => {
    try {
      const response = await octokit.request({
        method,
        url,
        headers: etag === undefined ? headers : { ...headers, 'if-none-match': etag },
        ...(body === undefined ? {} : { data: body }),
        // Not followed: a redirected POST would arrive as a GET.
        request: { signal, redirect: 'manual' },
      });
      return answered(response);
    } catch (thrown) {
      const response = (thrown as { response?: OctokitResponse } | null)?.response;
      return response === undefined ? broken(thrown) : answered(response);
    }
  };
}

interface OctokitResponse {
  status: number;
  headers: Record<string, string | number | undefined>;
  data: unknown;
}

function answered({ status, headers, data }: OctokitResponse): Exchange {
  const message = (data as { message?: unknown } | null | undefined)?.message;
  const errors = (data as { errors?: unknown } | null | undefined)?.errors;
  const detail = Array.isArray(errors) ? ` ${JSON.stringify(errors)}` : '';
  const text =
    typeof message === 'string' ? message + detail : typeof data === 'string' ? data.slice(0, 500) : '';
  return { kind: 'answered', answer: { status, headers, text }, data };
}

function broken(thrown: unknown): Exchange {
  // fetch says "fetch failed" and hides the reason one or two causes deep.
  let at: unknown = thrown;
  let detail = 'no answer';
  for (let depth = 0; depth < 5 && at instanceof Error; depth += 1, at = at.cause) {
    const code = (at as { code?: unknown }).code;
    detail = typeof code === 'string' ? code : at.message;
    if (typeof code === 'string' && UNREACHED.has(code)) return { kind: 'unreached', detail };
  }
  return { kind: 'interrupted', detail };
}

function drop(): void {
  // What Octokit has to say is said by the error that the client throws.
}
