// A provider in memory with a world of apps behind it, a latency, and a script: for each call a hook may give another answer
// than the world's. Every call is recorded with its time, so that tests assert what was sent, and when.
import { type Clock, sleep } from '../../src/base/clock.ts';
import type {
  AnswerMeta,
  App,
  DestroyAnswer,
  GetAnswer,
  ListAnswer,
  Provider,
  ProviderCapabilities,
  ScopeAnswer,
} from '../../src/provider/contract.ts';

/** One call as it was sent. `n` counts the calls of its verb, from 1; `nthOfApp` those of this verb for this app. */
export interface ScriptedCall {
  readonly verb: 'open' | 'list' | 'get' | 'destroy';
  readonly id: string | null;
  readonly cursor: string | null;
  readonly n: number;
  readonly nthOfApp: number;
  readonly atMs: number;
}

type AnswerOf = { open: ScopeAnswer; list: ListAnswer; get: GetAnswer; destroy: DestroyAnswer };

export type Hook<V extends keyof AnswerOf> = (
  call: ScriptedCall,
  world: Map<string, App>,
) => AnswerOf[V] | Promise<AnswerOf[V] | undefined> | undefined;

export interface ScriptedProviderOptions {
  clock: Clock;
  apps: readonly App[];
  pageSize?: number;
  latencyMs?: number;
  capabilities?: Partial<ProviderCapabilities>;
  /** The server's clock; the harness's wall clock unless given. Null: it sends none. */
  serverNowMs?: (() => number) | null;
  open?: Hook<'open'>;
  list?: Hook<'list'>;
  get?: Hook<'get'>;
  destroy?: Hook<'destroy'>;
}

export interface ScriptedProvider extends Provider {
  readonly calls: ScriptedCall[];
  readonly world: Map<string, App>;
  readonly isClosed: boolean;
  countOf(verb: ScriptedCall['verb']): number;
  destroyedIds(): string[];
}

/** An answer's frame: status and the rest. */
export const meta = (status: number | null = 200, rest: Partial<AnswerMeta> = {}): AnswerMeta => ({
  status,
  ...rest,
});

export const failure = {
  ambiguous: (status: number | null = 500) =>
    ({ kind: 'ambiguous', meta: meta(status), detail: `status ${status}` }) as const,
  forbidden: () => ({ kind: 'forbidden', meta: meta(403), detail: 'not yours' }) as const,
  unauthorized: () => ({ kind: 'unauthorized', meta: meta(401), detail: 'bad token' }) as const,
  invalid: () => ({ kind: 'invalid', meta: meta(400), detail: 'bad request' }) as const,
  throttled: (retryAfterMs?: number) =>
    ({
      kind: 'throttled',
      meta: meta(429, { rate: { throttled: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } }),
      detail: 'slow down',
    }) as const,
  busy: () => ({ kind: 'busy', meta: meta(409), detail: 'in use' }) as const,
  gone: () => ({ kind: 'gone', meta: meta(404) }) as const,
  accepted: () => ({ kind: 'accepted', meta: meta(202) }) as const,
};

export function createScriptedProvider(options: ScriptedProviderOptions): ScriptedProvider {
  const { clock, pageSize = 200, latencyMs = 0 } = options;
  const world = new Map(options.apps.map((app) => [app.id, app]));
  const calls: ScriptedCall[] = [];
  let isClosed = false;

  const frame = (status: number) => {
    if (options.serverNowMs === null) return meta(status);
    return meta(status, { serverNowMs: options.serverNowMs?.() ?? clock.wallMs() });
  };
  const record = (verb: ScriptedCall['verb'], id: string | null, cursor: string | null): ScriptedCall => {
    const before = calls.filter((call) => call.verb === verb);
    const call = {
      verb,
      id,
      cursor,
      n: before.length + 1,
      nthOfApp: before.filter((one) => one.id === id).length + 1,
      atMs: clock.monotonicMs(),
    };
    calls.push(call);
    return call;
  };
  const travel = async (signal: AbortSignal) => {
    if (latencyMs > 0) await sleep(clock, latencyMs, signal);
  };

  return {
    name: 'scripted',
    accountId: 'scripted-account',
    capabilities: { atomicPrecondition: false, openRequests: 0, pageSize, ...options.capabilities },
    pace: { emissionIntervalMs: 1, burst: 1000 },
    calls,
    world,
    get isClosed() {
      return isClosed;
    },
    countOf: (verb) => calls.filter((call) => call.verb === verb).length,
    destroyedIds: () =>
      calls.flatMap((call) => (call.verb === 'destroy' && call.id !== null ? [call.id] : [])),
    async open({ signal }) {
      if (!options.capabilities?.openRequests) return { kind: 'open', meta: meta(null), label: 'scripted' };
      const call = record('open', null, null);
      await travel(signal);
      return (await options.open?.(call, world)) ?? { kind: 'open', meta: frame(200), label: 'scripted' };
    },
    async list(cursor, { signal }) {
      const call = record('list', null, cursor);
      await travel(signal);
      const scripted = await options.list?.(call, world);
      if (scripted) return scripted;
      const start = cursor === null ? 0 : Number(cursor);
      const all = [...world.values()];
      const end = start + pageSize;
      return {
        kind: 'page',
        meta: frame(200),
        apps: all.slice(start, end),
        next: end < all.length ? String(end) : null,
      };
    },
    async get(id, { signal }) {
      const call = record('get', id, null);
      await travel(signal);
      const scripted = await options.get?.(call, world);
      if (scripted) return scripted;
      const app = world.get(id);
      return app ? { kind: 'found', meta: frame(200), app } : { kind: 'gone', meta: frame(404) };
    },
    async destroy(app, { signal }) {
      const call = record('destroy', app.id, null);
      await travel(signal);
      const scripted = await options.destroy?.(call, world);
      if (scripted) return scripted;
      return world.delete(app.id)
        ? { kind: 'deleted', meta: frame(200) }
        : { kind: 'gone', meta: frame(404) };
    },
    async close() {
      isClosed = true;
    },
  };
}
