/**
 * Tries for ownership without waiting for anybody: passes of an acquisition until one says owned or busy. Only races and
 * doubt are tried again. NOT guaranteed: an answer while the store gives none; its errors go through.
 */
import { createBackoff } from '../base/backoff.ts';
import { type Clock, sleep, throwIfAborted } from '../base/clock.ts';
import { IndeterminateError, UnavailableError } from '../base/errors.ts';
import type { LeaseView } from './contract.ts';
import type { Acquisition, KeyMemory, Pass } from './pass.ts';
import type { Proofs } from './proof.ts';

const MAX_TRIES = 10;

export interface TryingSettings {
  key: string;
  clock: Clock;
  acquisition: Acquisition;
  proofs: Proofs;
  memory: KeyMemory;
  /** How often the evidence may be asked about one holder. */
  pollMs: number;
  signal: AbortSignal;
  seen: LeaseView | null;
}

/** IndeterminateError where a write stayed in doubt, UnavailableError where every try lost a race without meeting an owner. */
export async function tryForOwnership(settings: TryingSettings): Promise<Pass & { kind: 'owned' | 'busy' }> {
  const { key, clock, acquisition, pollMs, signal } = settings;
  let seen = settings.seen;
  let backoff = createBackoff({ baseMs: 20, capMs: 1000 });
  let hasAsked = false;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const pass = await acquisition.pass(seen, { signal });
    seen = null;
    if (pass.kind === 'owned') return pass;
    if (pass.kind === 'busy') {
      const isNewlyDead =
        !hasAsked && (await settings.proofs.ask(pass.view, settings.memory, { everyMs: pollMs, signal }));
      if (!isNewlyDead) return pass;
      hasAsked = true;
      seen = pass.view;
      continue;
    }
    throwIfAborted(signal);
    // Who won a first race is judged at once; after that a crowd is given time to thin out.
    if (pass.kind === 'again') seen = pass.seen;
    if (seen && tries === 0) continue;
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    await sleep(clock, step.delayMs, signal);
  }
  const { doubt } = acquisition;
  if (doubt) throw new IndeterminateError(`whether ${key} was acquired stayed unknown`, { cause: doubt });
  throw new UnavailableError(`${key} changed ${MAX_TRIES} times while it was being acquired`);
}
