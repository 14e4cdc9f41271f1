/** Wires the reaper's memory of past sweeps to the snapshot in the Actions cache. Null wherever the cache cannot be. */
import { hashIdentity } from '../base/identity.ts';
import type { SweepMemory } from '../reaper/contract.ts';
import type { CommandContext } from './contract.ts';

/** `key` is the lease's key; sweeps that another store coordinates are others. */
export async function openSweepMemory(
  context: CommandContext,
  subject: { key: string; identity: string; everyMs: number },
): Promise<SweepMemory | null> {
  const { env, clock, logger } = context;
  const { key, identity, everyMs } = subject;
  // A look at the variables first: outside a step of an Action nothing is loaded.
  if (everyMs <= 0 || !env['ACTIONS_RUNTIME_TOKEN'] || !env['ACTIONS_RESULTS_URL']) return null;
  const { createCacheSnapshot } = await import('../snapshot/cache-snapshot.ts');
  const store = createCacheSnapshot({ clock, env, logger });
  const about = { identity: hashIdentity([key, identity, String(everyMs)]), everyMs };
  return {
    async recall(options) {
      const snapshot = await store.read(about, options);
      if (!snapshot) return null;
      const { outcome, counts, atMs } = snapshot;
      return { outcome, counts, at: new Date(atMs).toISOString() };
    },
    async remember({ outcome, counts, at }) {
      if (outcome === 'reaped' || outcome === 'clean') {
        await store.write(about, { outcome, counts, atMs: Date.parse(at) });
      }
    },
  };
}
