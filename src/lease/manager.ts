/**
 * Hands out leases of one store: one read and one write where nobody else wants the key, a patient wait where somebody has
 * it. NOT guaranteed: that closing frees anything; leases of a closed manager run out by themselves.
 * Invariants: one line per key inside the process (L15); whatever an acquisition that gave up may have left in the store is
 * taken out in the background, within bounds (L14); a foreign record is never overwritten (L16).
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../base/clock.ts';
import { withEither } from '../base/deadline.ts';
import { CancelledError, ConfigError, toError } from '../base/errors.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import type { Store } from '../store/contract.ts';
import { createAcquisition } from './acquisition.ts';
import { createAlarm } from './alarm.ts';
import type { AcquireOptions, Evidence, LeaseManager, TryAcquireResult } from './contract.ts';
import { createLease, type ManagedLease } from './lease.ts';
import { NOTHING_OBSERVED } from './observation.ts';
import type { Acquisition, KeyMemory, Pass } from './pass.ts';
import { createPlaceQueue, type Place } from './place-queue.ts';
import { createProofs } from './proof.ts';
import { type LeaseProtocol, leaseProtocol } from './protocol.ts';
import { MAX_PERMITS } from './record.ts';
import { createLeaseRegister } from './register.ts';
import { observeSuspects } from './suspicion.ts';
import { forceRelease } from './takeover.ts';
import { createTiming, type LeaseTiming, takeoverAfterMs } from './timing.ts';
import { tryForOwnership } from './trying.ts';
import { waitForOwnership } from './waiting.ts';

const DEFAULT_POLL_MS = 5000;
const READ_TIMEOUT_MS = 15_000;

export interface LeaseManagerSettings {
  /** Not closed by the manager. */
  store: Store;
  clock: Clock;
  logger?: Logger;
  /** Asked about holders that are waited for. */
  evidence?: Evidence;
  /** How often `tryAcquire` may ask the evidence about one holder. */
  pollMs?: number;
  /** The decisions; those of the specification unless given. */
  protocol?: LeaseProtocol;
}

/** A manager over a store. The caller closes it before the store. */
export function createLeaseManager(settings: LeaseManagerSettings): LeaseManager {
  const {
    store,
    clock,
    logger = nullLogger,
    pollMs: tryPollMs = DEFAULT_POLL_MS,
    protocol = leaseProtocol,
  } = settings;
  const proofs = createProofs({ evidence: settings.evidence, clock, logger });
  const line = createPlaceQueue();
  const memories = new Map<string, KeyMemory>();
  const leases = new Set<ManagedLease>();
  const withdrawals = new Set<Promise<void>>();
  const closing = new AbortController();
  // One listener for each call under way is meant; Node 20 would warn of a leak at eleven.
  setMaxListeners(0, closing.signal);

  const registerOf = (key: string) => createLeaseRegister({ store, clock, key });
  const memoryOf = (key: string): KeyMemory => {
    const memory = memories.get(key) ?? { observation: NOTHING_OBSERVED, dead: new Set() };
    memories.set(key, memory);
    return memory;
  };

  /** Runs with a signal that the caller's abort and the closing both end. */
  const whileOpen = <T>(signal: AbortSignal | undefined, run: (joint: AbortSignal) => Promise<T>) =>
    withEither([closing.signal, signal], run);

  const open = (key: string, options: AcquireOptions, { mayQueue }: { mayQueue: boolean }) => {
    const timing = createTiming(options.leaseMs);
    const register = registerOf(key);
    const memory = memoryOf(key);
    const acquisition = createAcquisition({
      register,
      protocol,
      clock,
      logger,
      timing,
      memory,
      options,
      mayQueue,
    });
    return { timing, register, memory, acquisition };
  };

  const handOut = (
    key: string,
    pass: Pass & { kind: 'owned' },
    place: Place,
    timing: LeaseTiming,
  ): ManagedLease => {
    const { view, entry, confirmation } = pass;
    const register = registerOf(key);
    let lease: ManagedLease | null = null;
    lease = createLease({
      register,
      protocol,
      clock,
      logger,
      timing,
      view,
      entry,
      confirmation,
      onEnd() {
        if (lease) leases.delete(lease);
        place.leave();
      },
    });
    if (!lease.signal.aborted) leases.add(lease);
    return lease;
  };

  /** L14: what may have landed is taken out, and that is told. */
  const withdrawInBackground = (key: string, acquisition: Acquisition) => {
    const withdrawal = acquisition.abandon();
    if (!withdrawal) return;
    const report = withdrawal
      .then(
        (result) =>
          logger.debug(`an acquisition of ${key} was given up; what it may have written: ${result}`),
        (thrown: unknown) => logger.warn(`an acquisition of ${key} was given up: ${toError(thrown).message}`),
      )
      .finally(() => withdrawals.delete(report));
    withdrawals.add(report);
  };

  const busyWithOurselves = async (key: string, signal: AbortSignal): Promise<TryAcquireResult> => {
    const own = [...leases].find((lease) => lease.key === key);
    const view = own?.view ?? (await registerOf(key).read({ timeoutMs: READ_TIMEOUT_MS, signal }));
    const [first] = view.record?.entries ?? [];
    const holder = own?.holder ??
      first?.holder ?? { text: 'another acquisition of this process', host: '', pid: 0 };
    return {
      acquired: false,
      holder,
      view,
      retryAfterMs: first ? takeoverAfterMs(first.leaseMs) : tryPollMs,
    };
  };

  return {
    read(key, options = {}) {
      return whileOpen(options.signal, async (signal) => {
        const view = await registerOf(key).read({ timeoutMs: READ_TIMEOUT_MS, signal });
        const memory = memoryOf(key);
        const beats = [...(view.record?.entries ?? []), ...(view.record?.tickets ?? [])];
        memory.observation = protocol.observe(memory.observation, beats, clock.monotonicMs());
        return view;
      });
    },

    async tryAcquire(key, options) {
      assertPermits(options);
      return whileOpen(options.signal, async (signal) => {
        const { timing, memory, acquisition } = open(key, options, { mayQueue: false });
        const place = line.tryEnter(key, options.permits ?? 1);
        if (!place) return busyWithOurselves(key, signal);
        let isOwned = false;
        try {
          const { seen = null, observeSuspect } = options;
          const trying = { key, clock, acquisition, proofs, memory, pollMs: tryPollMs, signal };
          let pass: Pass & { kind: 'owned' | 'busy' } = await tryForOwnership({ ...trying, seen });
          if (observeSuspect && pass.kind === 'busy' && pass.suspects.length > 0) {
            observeSuspect.onObserve?.(pass.holder);
            const pollMs = Math.max(observeSuspect.pollMs, store.capabilities.minPollMs);
            const openAlarm = () => createAlarm({ store, key, clock, logger });
            const observed = await observeSuspects({ ...trying, logger, pollMs, openAlarm, busy: pass });
            if (observed.kind === 'owned') pass = observed;
            // Freed, taken by another, or alive: once more as if asked just now, without another look.
            if (observed.kind === 'changed') pass = await tryForOwnership({ ...trying, seen: observed.view });
          }
          if (pass.kind === 'busy') {
            const { view, holder, retryAfterMs } = pass;
            return { acquired: false, holder, view, retryAfterMs };
          }
          const lease = handOut(key, pass, place, timing);
          isOwned = true;
          return { acquired: true, lease, view: lease.view };
        } finally {
          if (!isOwned) {
            place.leave();
            withdrawInBackground(key, acquisition);
          }
        }
      });
    },

    async acquire(key, options) {
      assertPermits(options);
      const { isDone = () => false, onWait = () => undefined, seen = null } = options;
      return whileOpen(options.signal, async (signal) => {
        const { timing, memory, acquisition } = open(key, options, { mayQueue: true });
        // 1. The line inside this process.
        const place = await line.enter(key, { permits: options.permits ?? 1, signal });
        let isOwned = false;
        try {
          // 2. The wait among processes.
          const pass = await waitForOwnership({
            key,
            clock,
            logger,
            acquisition,
            proofs,
            memory,
            pollMs: Math.max(options.pollMs, store.capabilities.minPollMs),
            signal,
            seen,
            openAlarm: () => createAlarm({ store, key, clock, logger }),
            onWait,
            isDone,
          });
          if (pass.kind === 'done') return null;
          const lease = handOut(key, pass, place, timing);
          isOwned = true;
          return lease;
        } finally {
          // 3. Nothing is left behind by one that gave up.
          if (!isOwned) {
            place.leave();
            withdrawInBackground(key, acquisition);
          }
        }
      });
    },

    forceRelease(key, { holder, signal }) {
      return whileOpen(signal, (joint) =>
        forceRelease({
          register: registerOf(key),
          clock,
          logger,
          holder,
          timeoutMs: READ_TIMEOUT_MS,
          signal: joint,
        }),
      );
    },

    async close() {
      closing.abort(new CancelledError('the lease manager was closed'));
      for (const lease of [...leases]) lease.abandon('its manager was closed');
      await Promise.all(withdrawals);
    },
  };
}

function assertPermits({ permits = 1 }: AcquireOptions): void {
  if (Number.isSafeInteger(permits) && permits >= 1 && permits <= MAX_PERMITS) return;
  throw new ConfigError([{ option: 'permits', message: `must be from 1 to ${MAX_PERMITS}, not ${permits}` }]);
}
