// The machine's clock in a hurry: what takes a minute takes moments, in real processes and over real sockets too. The wall
// clock stays as it is.
import { type Clock, systemClock } from '../../src/base/clock.ts';

/** The machine's clock, running `factor` times as fast. */
export function createHurriedClock(factor: number): Clock {
  return {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() * factor,
    startTimer: (delayMs, callback, options) => systemClock.startTimer(delayMs / factor, callback, options),
  };
}
