/**
 * What every floor below the hosts logs to. A host decides where lines go and how they look; text from outside must have
 * passed `base/text.ts` before it comes here.
 */

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Logger {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
}

/** Drops everything. */
export const nullLogger: Logger = Object.freeze({ error: drop, warn: drop, info: drop, debug: drop });

function drop(): void {
  // Nothing is wanted.
}

/** A logger that passes on what is at least as important as `level`. */
export function createLogger(level: LogLevel, write: (level: LogLevel, message: string) => void): Logger {
  const most = LOG_LEVELS.indexOf(level);
  const at = (own: LogLevel) => (message: string) => {
    if (LOG_LEVELS.indexOf(own) <= most) write(own, message);
  };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}
