/**
 * `check:NAME`: another check of the same store. One read per call; edges from the store's own watch.
 * A check nobody set is critical (the upstream is missing); one whose time to live ran out unrenewed reads critical too, by
 * this probe's own observation (freshness.ts). A store that does not answer is unreachable; a corrupt record is critical.
 */
import { type Clock, throwIfAborted } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';
import { hasCode, toError } from '../base/errors.ts';
import type { Store } from '../store/contract.ts';
import { checkKey, decodeCheckRecord } from './check-record.ts';
import type { Probe, ProbeResult } from './contract.ts';
import { isExpired, observeRevision, type Sighting, unchangedForMs } from './freshness.ts';
import { createResult, unreachable } from './result.ts';

export interface CheckProbeOptions {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  /** Borrowed; whoever opened it closes it. */
  readonly store: Pick<Store, 'get' | 'watch'>;
  readonly clock: Clock;
}

/** A probe of one check; keeps what it observed of the record's age between calls. */
export function createCheckProbe({ id, name, namespace, store, clock }: CheckProbeOptions): Probe {
  const key = checkKey(namespace, name);
  let sighting: Sighting | null = null;

  const judge = async (signal: AbortSignal): Promise<ProbeResult> => {
    const askedAtMs = clock.monotonicMs();
    const entry = await store.get(key, { signal });
    if (entry === null) {
      sighting = null;
      return createResult({ status: 'critical', detail: 'nobody set it', absent: 'upstream' });
    }
    const look = { revision: entry.revision, askedAtMs, answeredAtMs: clock.monotonicMs() };
    sighting = observeRevision(sighting, look);
    const { status, output, ttlMs } = decodeCheckRecord(entry.value, name);
    if (ttlMs === null) return createResult({ status, detail: output });
    const unchangedMs = unchangedForMs(sighting, look);
    if (isExpired(ttlMs, unchangedMs))
      return createResult({ status: 'critical', detail: `no update for ${formatDuration(ttlMs)}` });
    return createResult({ status, detail: output, recheckAfterMs: ttlMs - unchangedMs + 1 });
  };

  return {
    id,
    watch: ({ signal }) => store.watch(key, { signal }),
    async probe({ signal }) {
      throwIfAborted(signal);
      try {
        return await judge(signal);
      } catch (error) {
        throwIfAborted(signal);
        if (hasCode(error, 'corrupt-record'))
          return createResult({ status: 'critical', detail: error.message, hint: 'fatal' });
        return unreachable(`the store did not answer: ${toError(error).message}`);
      }
    },
    async close() {
      // The store is borrowed.
    },
  };
}
