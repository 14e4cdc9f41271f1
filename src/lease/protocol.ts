/**
 * The pure decisions as one value. The manager and the handle take all judgement from here and have none of their own, so
 * the whole protocol is exchangeable in one place: a simulation replaces one decision at a time and must find out.
 */
import { decideAcquire, decideReadBack, decideRelease, decideRenew } from './decide.ts';
import { observe } from './observation.ts';
import { markOf } from './stamp.ts';
import { validForMs } from './timing.ts';

export interface LeaseProtocol {
  readonly decideAcquire: typeof decideAcquire;
  readonly decideReadBack: typeof decideReadBack;
  readonly decideRenew: typeof decideRenew;
  readonly decideRelease: typeof decideRelease;
  readonly observe: typeof observe;
  readonly markOf: typeof markOf;
  readonly validForMs: typeof validForMs;
}

/** The protocol of the specification. */
export const leaseProtocol: LeaseProtocol = Object.freeze({
  decideAcquire,
  decideReadBack,
  decideRenew,
  decideRelease,
  observe,
  markOf,
  validForMs,
});
