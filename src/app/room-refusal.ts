/**
 * Whether what became of a creation is the provider's limit: only what the provider itself classifies counts. Pure, but for
 * reading a Response's body from a copy.
 * NOT guaranteed: that other clients' errors are understood; a caller may classify them.
 */

import { isJsonObject } from '../base/codec.ts';
import { hasCode } from '../base/errors.ts';
import type { Provider } from '../provider/contract.ts';
import type { LimitRefusal } from './room-contract.ts';

/** From a throw of the caller's function (an HTTP client's error, a LimitError) or a value of it (a Response of `fetch`). */
export async function classifyRefusal(
  outcome: unknown,
  provider: Pick<Provider, 'classifyLimit'>,
): Promise<LimitRefusal | null> {
  if (hasCode(outcome, 'limit')) return { limit: null };
  if (outcome instanceof Response) {
    if (outcome.ok) return null;
    return provider.classifyLimit?.({ status: outcome.status, body: await outcome.clone().text() }) ?? null;
  }
  const refusal = readRefusal(outcome);
  return (refusal && provider.classifyLimit?.(refusal)) ?? null;
}

/** Status and body as the common HTTP clients put them into their errors; null where there are none. */
function readRefusal(thrown: unknown): { status: number; body: string } | null {
  if (!isObject(thrown)) return null;
  const response = isObject(thrown['response']) ? thrown['response'] : {};
  const status = [thrown['status'], thrown['statusCode'], response['status'], response['statusCode']].find(
    (value) => typeof value === 'number',
  );
  const body = [thrown['body'], thrown['data'], response['body'], response['data']].find(
    (value) => typeof value === 'string' || isJsonObject(value),
  );
  if (typeof status !== 'number' || body === undefined) return null;
  return { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
