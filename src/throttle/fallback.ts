/**
 * Whether a process of a shared throttle paces alone, since the store is out of reach, and when it asks the store again: later
 * each time. Said once; a store that comes and goes would fill the log.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { plain } from '../base/text.ts';

/** After falling back the store is tried again this much later, then twice as late each time. */
const RETRY_BASE_MS = 5000;
const RETRY_CAP_MS = 60_000;

export interface Fallback {
  readonly isAlone: boolean;
  /** True while alone, from when on the store is to be asked again. */
  isRetryDue(): boolean;
  /** The store is out of reach. */
  begin(error: Error): void;
  /** The store answered. */
  end(): void;
  /** Alone from now on, without a word: the throttle is being closed. */
  stay(): void;
}

/** `url` names the store in the log. */
export function createFallback({
  clock,
  logger,
  url,
}: {
  clock: Clock;
  logger: Logger;
  url: string;
}): Fallback {
  let isAlone = false;
  let hasSaidSo = false;
  let retryAtMs = Number.NEGATIVE_INFINITY;
  let retryDelayMs = RETRY_BASE_MS;
  return {
    get isAlone() {
      return isAlone;
    },
    isRetryDue: () => isAlone && clock.monotonicMs() >= retryAtMs,
    begin(error) {
      isAlone = true;
      retryAtMs = clock.monotonicMs() + retryDelayMs * (1 + 0.2 * clock.random());
      retryDelayMs = Math.min(RETRY_CAP_MS, 2 * retryDelayMs);
      const message = `the shared throttle is out of reach, so this process paces its calls alone: ${plain(error.message)}`;
      if (hasSaidSo) logger.debug(message);
      else logger.warn(message);
      hasSaidSo = true;
    },
    end() {
      if (isAlone) logger.debug(`calls are paced together again through ${url}`);
      isAlone = false;
      retryDelayMs = RETRY_BASE_MS;
    },
    stay() {
      isAlone = true;
    },
  };
}
