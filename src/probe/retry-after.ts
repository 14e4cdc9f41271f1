/**
 * Reads Retry-After (RFC 9110, 10.2.3): whole seconds, or an HTTP date measured against the same answer's Date header, so
 * that no local clock takes part where the server gives its own. Pure; what cannot be read is undefined.
 */

/** Nobody is believed who asks for more than this. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** From now, 0 to an hour. `wallMs` stands in only where the answer carries no Date. */
export function parseRetryAfter(
  headers: Readonly<Record<string, string>>,
  wallMs: number,
): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Math.min(MAX_RETRY_AFTER_MS, Number(text) * 1000);
  const atMs = Date.parse(text);
  if (!/[a-z]{3}/i.test(text) || Number.isNaN(atMs)) return undefined;
  const serverNowMs = Date.parse(headers['date'] ?? '');
  const nowMs = Number.isNaN(serverNowMs) ? wallMs : serverNowMs;
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(0, atMs - nowMs));
}
