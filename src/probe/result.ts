/**
 * Makes the values that probes answer with: defaults filled in, outside text made printable, all of it frozen (P3, P4).
 * Does not decide a status; each probe does that from its own API's words.
 */
import { deepFreeze } from '../base/codec.ts';
import { plain } from '../base/text.ts';
import type { ProbeFindings, ProbeResult } from './contract.ts';

/** A result with everything unsaid at its default. */
export function createResult(findings: ProbeFindings): ProbeResult {
  return deepFreeze({
    unreachable: false,
    absent: null,
    hint: null,
    ...findings,
    detail: plain(findings.detail),
  });
}

/** The target could not be asked; `detail` says why. */
export function unreachable(detail: string, retryAfterMs?: number): ProbeResult {
  return createResult({
    status: 'unknown',
    detail,
    unreachable: true,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/**
 * A JSON object or list, frozen, or undefined: a bare `true`, `"ok"` or `42` is a health text, not a document for the gate.
 */
export function parseDocument(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? deepFreeze(value) : undefined;
  } catch {
    // Not JSON, or nested deeper than the stack: the answer has no document for us, which is what undefined says.
    return undefined;
  }
}
