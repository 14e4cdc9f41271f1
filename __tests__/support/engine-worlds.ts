// The engines as places over which the store suites run: one server per test file, a proxy per world that needs faults.
import { systemClock } from '../../src/base/clock.ts';
import type { Store } from '../../src/store/contract.ts';
import { openStore, parseStoreUrl } from '../../src/store/open.ts';
import type { StoreSubject, StoreWorld } from '../conformance/store-suite.ts';
import type { EngineProcess } from './engine-process.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { createManualClock } from './manual-clock.ts';

/** Opens a store of an engine through its URL, as a command would. */
export function openEngine(
  url: string,
  options: { timeoutMs?: number; pollMs?: number; clock?: typeof systemClock } = {},
): Promise<Store> {
  const parsed = parseStoreUrl(url, { cwd: '/', env: {} });
  if (!parsed.ok) throw new Error(parsed.problem);
  return openStore(parsed.value, { clock: systemClock, pollMs: 60_000, ...options });
}

const SILENT_TIMEOUT_MS = 1000;

/** The suite's subject; `engine` is asked for when a case runs. Polls rarely, so that edges must come from the engine. */
export function engineSubject(name: string, engine: () => EngineProcess): StoreSubject {
  return {
    name,
    settleMs: 5000,
    async create(): Promise<StoreWorld> {
      const proxies: FaultProxy[] = [];
      const proxied = async (options: Parameters<typeof openEngine>[1] = {}) => {
        const proxy = await startFaultProxy(engine().port);
        proxies.push(proxy);
        const store = await openEngine(engine().url(proxy.port), options);
        // Connected before the fault, so that it hits the call and not the connecting.
        await store.get('warm/up');
        return { proxy, store };
      };
      return {
        open: () => openEngine(engine().url()),
        async silence() {
          const clock = createManualClock();
          const { proxy, store } = await proxied({ clock, timeoutMs: SILENT_TIMEOUT_MS });
          proxy.set({ kind: 'blackhole' });
          const sent = proxy.nextRequest();
          return { store, sent, passDeadline: () => clock.advance(SILENT_TIMEOUT_MS) };
        },
        async loseReply() {
          const { proxy, store } = await proxied();
          proxy.set({ kind: 'cut-on-reply' });
          return store;
        },
        async disconnect() {
          const { proxy, store } = await proxied();
          return { store, cut: async () => proxy.cutAll() };
        },
        async dispose() {
          await Promise.all(proxies.map((proxy) => proxy.close()));
        },
      };
    },
  };
}
