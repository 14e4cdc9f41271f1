/**
 * The answers of a provider that a user's module made, held against the contract: whatever the module returned in, the
 * contract's values out. Pure. A module may be wrong in any way; what does not fit is `ambiguous`, never a deletion.
 */
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import { plain } from '../base/text.ts';
import type { App, DestroyAnswer, GetAnswer, ListAnswer, ProviderFailure, ScopeAnswer } from './contract.ts';
import {
  type AppForm,
  createFailure,
  isAbsent,
  isFailureKind,
  readAnswerMeta,
  readApp,
} from './foreign-values.ts';

/** A page that is longer makes its listing broken. */
const MAX_PAGE_APPS = 100_000;
const MAX_CURSOR = 64 * 1024;

const OBJECT_FORM: AppForm = Object.freeze({
  createdAtMs: ({ createdAtMs }: JsonObject) =>
    isAbsent(createdAtMs) ? null : typeof createdAtMs === 'number' ? createdAtMs : undefined,
  protectedField: 'isProtected',
});

export function toModuleScopeAnswer(value: unknown): ScopeAnswer {
  return read('open', value, (answer) =>
    answer['kind'] === 'open'
      ? { kind: 'open', meta: readAnswerMeta(answer['meta']), label: textOf(answer['label']) }
      : null,
  );
}

export function toModuleListAnswer(value: unknown): ListAnswer {
  return read('list', value, (answer) => {
    const { kind, apps: items, next, total, broken: said } = answer;
    if (kind !== 'page' || !Array.isArray(items)) return null;
    const isNext = next === null || (typeof next === 'string' && next !== '' && next.length <= MAX_CURSOR);
    if (!isNext) return null;
    const apps: App[] = [];
    let broken: string | undefined = isAbsent(said) ? undefined : textOf(said);
    if (items.length > MAX_PAGE_APPS) broken ??= `a page has more than ${MAX_PAGE_APPS} apps`;
    for (const item of (items as readonly unknown[]).slice(0, MAX_PAGE_APPS)) {
      const app = readApp(item, OBJECT_FORM);
      if (app.ok) apps.push(app.app);
      else broken ??= `list: an app ${app.problem}`;
    }
    return {
      kind: 'page',
      meta: readAnswerMeta(answer['meta']),
      apps,
      next,
      ...(broken === undefined ? {} : { broken }),
      ...(typeof total === 'number' ? { total } : {}),
    };
  });
}

export function toModuleGetAnswer(value: unknown, id: string): GetAnswer {
  return read('get', value, (answer) => {
    const meta = readAnswerMeta(answer['meta']);
    if (answer['kind'] === 'gone') return { kind: 'gone', meta };
    const app = readApp(answer['app'], OBJECT_FORM);
    return answer['kind'] === 'found' && app.ok && app.app.id === id
      ? { kind: 'found', meta, app: app.app }
      : null;
  });
}

export function toModuleDestroyAnswer(value: unknown): DestroyAnswer {
  return read('destroy', value, (answer) => {
    const { kind } = answer;
    const meta = readAnswerMeta(answer['meta']);
    if (kind === 'deleted' || kind === 'accepted' || kind === 'gone') return { kind, meta };
    if (kind === 'changed' || kind === 'busy') return { kind, meta, detail: textOf(answer['detail']) };
    return null;
  });
}

/** What a module threw instead of answering: its own fault, and the outcome unknown. */
export function toThrownFailure(call: string, thrown: unknown): ProviderFailure {
  const said = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return createFailure('ambiguous', { status: null }, `the provider module's ${call} threw ${said}`);
}

/** Tries the call's own answers, then those that any call may get. */
function read<T>(call: string, value: unknown, own: (answer: JsonObject) => T | null): T | ProviderFailure {
  const nonsense = () =>
    createFailure(
      'ambiguous',
      { status: null },
      `the provider module's ${call} returned no answer of the contract`,
    );
  if (!isJsonObject(value)) return nonsense();
  const answer = own(value);
  if (answer !== null) return answer;
  const { kind } = value;
  if (!isFailureKind(kind)) return nonsense();
  return createFailure(kind, readAnswerMeta(value['meta']), textOf(value['detail']));
}

function textOf(value: unknown): string {
  return plain(typeof value === 'string' ? value : 'no detail given');
}
