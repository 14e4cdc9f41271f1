/**
 * Answers of a provider that somebody else wrote, whatever it is written in: unknown values in, the contract's values out.
 * Pure. Fails closed: an app with a field that cannot be read is left out and makes its listing `broken`; a kind of answer
 * nobody knows is `ambiguous`. Invariant: whatever comes out satisfies provider/contract.ts to the letter.
 */
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import { plain } from '../base/text.ts';
import type { AnswerMeta, App, ProviderFailure } from './contract.ts';

/** Ids are sent back as they came; a longer one is no id. */
const MAX_ID = 1024;
const STATES = ['ready', 'transitional', 'deleting', 'delete-failed'] as const;
const FAILURES = ['unauthorized', 'forbidden', 'throttled', 'ambiguous', 'invalid'] as const;
/** Longer waits than a day are no answer to act on. */
const MAX_WAIT_MS = 86_400_000;

/** How a field's spelling and absence differ between the forms an app can come in. */
export interface AppForm {
  /** Epoch ms or null; undefined where the field has a type it cannot have. */
  createdAtMs(object: JsonObject): number | null | undefined;
  /** The name of the flag for what must never be deleted. */
  readonly protectedField: string;
}

/** An app, or what is wrong with it in words that follow "the app". */
export type ReadApp =
  | { readonly ok: true; readonly app: App }
  | { readonly ok: false; readonly problem: string };

/** Reads one app. Fields nobody knows are ignored; absent ones take the value that deletes least surprisingly. */
export function readApp(value: unknown, form: AppForm): ReadApp {
  if (!isJsonObject(value)) return { ok: false, problem: 'is not an object' };
  const { id, name, version, state, inScope, parentId } = value;
  const isProtected = value[form.protectedField];
  const createdAtMs = form.createdAtMs(value);
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID || id.includes('\0'))
    return wrong('id', 'a text that is not empty');
  if (typeof name !== 'string' || name.includes('\0')) return wrong('name', 'a text');
  if (createdAtMs === undefined) return wrong('createdAt', 'a time or absent');
  if (!isAbsent(version) && typeof version !== 'string') return wrong('version', 'a text or absent');
  if (!isAbsent(parentId) && typeof parentId !== 'string') return wrong('parentId', 'a text or absent');
  if (!isAbsent(isProtected) && typeof isProtected !== 'boolean')
    return wrong(form.protectedField, 'true, false or absent');
  if (!isAbsent(inScope) && typeof inScope !== 'boolean') return wrong('inScope', 'true, false or absent');
  const known = isAbsent(state) ? 'ready' : STATES.find((each) => each === state);
  if (known === undefined) return wrong('state', `one of ${STATES.join(', ')}`);
  return {
    ok: true,
    app: Object.freeze({
      id,
      name,
      createdAtMs,
      version: version ?? null,
      state: known,
      isProtected: isProtected ?? false,
      inScope: inScope ?? true,
      parentId: parentId ?? null,
    }),
  };
}

function wrong(field: string, expected: string): ReadApp {
  return { ok: false, problem: `has the field ${field}, which should be ${expected}` };
}

/** Absent and null mean the same: nothing was said. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** True for the kinds of failure that any call may get. */
export function isFailureKind(kind: unknown): kind is ProviderFailure['kind'] {
  return FAILURES.some((each) => each === kind);
}

/** A failure as a value; the detail is one printable line. */
export function createFailure(
  kind: ProviderFailure['kind'],
  meta: AnswerMeta,
  detail: string,
): ProviderFailure {
  return { kind, meta, detail: plain(detail) };
}

/** Reads what an answer told beside its content. What has a wrong type was not told. */
export function readAnswerMeta(value: unknown): AnswerMeta {
  if (!isJsonObject(value)) return { status: null };
  const { status, requestId, serverNowMs, rate } = value;
  return {
    status: typeof status === 'number' && Number.isInteger(status) ? status : null,
    ...(typeof requestId === 'string' ? { requestId: plain(requestId, 64) } : {}),
    ...(isTime(serverNowMs) ? { serverNowMs } : {}),
    ...(isJsonObject(rate) ? { rate: readRate(rate) } : {}),
  };
}

function readRate(rate: JsonObject): NonNullable<AnswerMeta['rate']> {
  const { throttled, retryAfterMs, remaining, limit, resetMs } = rate;
  return {
    throttled: throttled === true,
    ...(isWait(retryAfterMs) ? { retryAfterMs } : {}),
    ...(isCount(remaining) ? { remaining } : {}),
    ...(isCount(limit) ? { limit } : {}),
    ...(isWait(resetMs) ? { resetMs } : {}),
  };
}

/** A duration in ms that one may be asked to wait. */
export function isWait(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_WAIT_MS;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
