/**
 * What the GitHub probes need of GitHub, as a port of their own: one conditional GET. Wired by the app to the REST client, which
 * owns base URL, credentials, limits and the translation of its errors. Also the memory of the last answer per path, so that an
 * unchanged one costs a 304, which the primary rate limit does not count.
 */
import { throwIfAborted } from '../base/clock.ts';
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import { toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { ProbeResult } from './contract.ts';
import { createResult, unreachable } from './result.ts';

export interface GithubAnswer {
  readonly status: number;
  /** Parsed JSON; ignored for a 304. */
  readonly body: unknown;
  readonly etag: string | null;
  readonly retryAfterMs: number | null;
}

/** One GET. `path` starts with a slash, below the API's base. Throws where no answer came (typed errors, the signal's reason). */
export interface GithubReader {
  get(path: string, options: { signal: AbortSignal; etag: string | null }): Promise<GithubAnswer>;
}

/** A body, or the result that ends the probe. */
export type GithubBody =
  | { readonly kind: 'body'; readonly body: unknown }
  | { readonly kind: 'result'; readonly result: ProbeResult };

export interface GithubMemory {
  /** Rejects only with the signal's reason. */
  read(path: string, signal: AbortSignal): Promise<GithubBody>;
}

const MAX_PATHS = 8;

/** Remembers the latest answers of one probe. */
export function createGithubMemory(reader: GithubReader): GithubMemory {
  const known = new Map<string, { readonly etag: string; readonly body: unknown }>();
  return {
    async read(path, signal) {
      throwIfAborted(signal);
      const earlier = known.get(path);
      let answer: GithubAnswer;
      try {
        answer = await reader.get(path, { signal, etag: earlier?.etag ?? null });
      } catch (error) {
        throwIfAborted(signal);
        return { kind: 'result', result: unreachable(`GitHub: ${toError(error).message}`) };
      }
      if (answer.status === 304 && earlier) return { kind: 'body', body: earlier.body };
      known.delete(path);
      if (answer.status !== 200) return { kind: 'result', result: judgeRefusal(answer) };
      if (answer.etag !== null) known.set(path, { etag: answer.etag, body: answer.body });
      for (const oldest of known.keys()) {
        if (known.size <= MAX_PATHS) break;
        known.delete(oldest);
      }
      return { kind: 'body', body: answer.body };
    },
  };
}

/** A field that should be a list of objects; null where it is not. */
export function listOf(value: unknown): readonly JsonObject[] | null {
  return Array.isArray(value) && value.every(isJsonObject) ? value : null;
}

function judgeRefusal({ status, body, retryAfterMs }: GithubAnswer): ProbeResult {
  const message = isJsonObject(body) && typeof body['message'] === 'string' ? body['message'] : '';
  const detail = `GitHub: HTTP ${status}${message === '' ? '' : `: ${plain(message, 120)}`}`;
  // 422 is GitHub's answer to a commit it does not know.
  if (status === 404 || status === 422)
    return createResult({ status: 'critical', detail, absent: 'upstream' });
  if (status === 401) return createResult({ status: 'critical', detail, hint: 'fatal' });
  // A 403 may be a limit or a missing permission, a 5xx an outage: either way nothing was learned about the target.
  return unreachable(detail, retryAfterMs ?? undefined);
}
