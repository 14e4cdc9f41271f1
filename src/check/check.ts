/**
 * Plain checks: set, get, wait. A wait subscribes, reads, and goes on by edges with a reconcile timer beside them; a time to live
 * counts by its own observation of an unchanged revision (probe/freshness.ts).
 * NOT guaranteed: that a status which `get` or `wait` saw still stands when it is returned.
 */
import { jitter } from '../base/backoff.ts';
import { throwIfAborted } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';
import { hasCode, UnavailableError } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import { plain } from '../base/text.ts';
import { isExpired, observeRevision, type Sighting, unchangedForMs } from '../probe/freshness.ts';
import type { Checks, CheckView, CheckWorld, WaitCheckOptions } from './contract.ts';
import { createEdge, subscribe } from './edge.ts';
import { createRegister, type Register, type RegisterView } from './register.ts';

const READY_TIMEOUT_MS = 5000;
const JITTER_SHARE = 0.1;

/** Checks of one store; owns nothing. */
export function createChecks(world: CheckWorld): Checks {
  return {
    async set(name, { status, output = '', ttlMs = null, signal }) {
      const run = createNonce();
      const { record } = await createRegister(world, name).update(
        (current) => ({
          status,
          output,
          ttlMs,
          run,
          generation: (current?.generation ?? 0) + 1,
          upstreams: [],
        }),
        signal,
      );
      if (record === null) throw new UnavailableError(`check ${plain(name)} was not written`);
      return record;
    },
    async get(name, { signal } = {}) {
      return viewOf(await createRegister(world, name).read(signal));
    },
    wait: (name, options) => waitForStatus(createRegister(world, name), { name, world, ...options }),
  };
}

async function waitForStatus(
  register: Register,
  options: WaitCheckOptions & { name: string; world: CheckWorld },
): Promise<CheckView> {
  const { name, world, signal, pollMs, until = 'passing', onChange } = options;
  const { clock, store, logger, operationTimeoutMs: readyTimeoutMs = READY_TIMEOUT_MS } = world;
  const edge = createEdge();
  let sighting: Sighting | null = null;
  let shown: CheckView | null = null;
  let lastError: Error | null = null;
  try {
    // 1. Subscribe before the first read: a change in between leaves an edge pending.
    const watch = (own: { signal: AbortSignal }) => store.watch(register.key, own);
    await subscribe({ watch, edge, clock, signal, readyTimeoutMs, logger, what: `check ${plain(name)}` });
    for (;;) {
      // 2. Read, and judge the record's age by how long we saw it unchanged.
      let delayMs = jitter(pollMs, JITTER_SHARE, clock.random());
      const askedAtMs = clock.monotonicMs();
      try {
        const stored = await register.read(signal);
        const look = { revision: stored.revision ?? '', askedAtMs, answeredAtMs: clock.monotonicMs() };
        sighting = observeRevision(sighting, look);
        const unchangedMs = unchangedForMs(sighting, look);
        const view = viewOf(stored, unchangedMs);
        const ttlMs = stored.record?.ttlMs ?? Number.POSITIVE_INFINITY;
        if (unchangedMs <= ttlMs) delayMs = Math.min(delayMs, ttlMs - unchangedMs + 1);
        if (shown?.status !== view.status) onChange?.(view);
        shown = view;
        if (view.status === until) return view;
      } catch (error) {
        throwIfAborted(signal);
        if (!hasCode(error, 'unavailable') && !hasCode(error, 'throttled')) throw error;
        lastError = error;
      }
      // 3. An edge, or the timer that makes a lost one harmless.
      await edge.wait({ clock, delayMs, signal });
    }
  } catch (error) {
    if (shown === null && lastError !== null && hasCode(error, 'deadline'))
      throw new UnavailableError(`the store never answered about check ${plain(name)}`, { cause: lastError });
    throw error;
  }
}

function viewOf({ record, revision }: RegisterView, unchangedMs = 0): CheckView {
  if (record === null) return { status: 'unknown', output: 'nobody set it', record, revision };
  if (isExpired(record.ttlMs, unchangedMs))
    return {
      status: 'critical',
      output: `no update for ${formatDuration(record.ttlMs ?? 0)}`,
      record,
      revision,
    };
  return { status: record.status, output: record.output, record, revision };
}
