/**
 * `unlock --force`: frees a lock whoever holds it, by the protocol: the tombstone's token is higher, so the old holder's is
 * refused wherever tokens are checked. NOT guaranteed: that the old holder has stopped; it notices at its next renewal.
 */

import { withTimeout } from '../base/deadline.ts';
import { ConfigError, type ConfigProblem, UnavailableError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { CommandContext } from './contract.ts';
import { createHolder } from './holder.ts';
import { lockKey } from './lock-attempt.ts';
import type { UnlockReport } from './lock-report.ts';
import { createReleasers, openStoreParts, requireStore } from './wire.ts';

/** Runs one `unlock`. ConfigError with every problem at once; errors of the store end it with their own exit code. */
export async function runUnlock(
  context: CommandContext,
  resolved: ResolvedOptions<'unlock'>,
): Promise<UnlockReport> {
  const { values } = resolved;
  const { name } = values;
  const problems: ConfigProblem[] = [...resolved.problems];
  if (!values.force && !problems.some(({ option }) => option === resolved.spellingOf('force'))) {
    problems.push({ option: resolved.spellingOf('force'), message: NOT_FORCED });
  }
  const address = requireStore(context, resolved, problems);
  if (problems.length > 0 || !address || name === null) throw new ConfigError(problems);
  const releasers = createReleasers();
  try {
    const { manager } = await openStoreParts(context, { address, values, releasers });
    const holder = await createHolder(context, { holder: values.holder ?? undefined });
    const fencingToken = await withTimeout(
      {
        clock: context.clock,
        timeoutMs: values.timeoutMs,
        waitingFor: 'the store',
        parent: context.signal,
        onTimeout: () => new UnavailableError(`the store did not free the lock ${plain(name, 80)} in time`),
      },
      (signal) => manager.forceRelease(lockKey(values.namespace, name), { holder, signal }),
    );
    const outcome = fencingToken === null ? 'free' : 'freed';
    return { format: 1, command: 'unlock', outcome, name, fencingToken, exitCode: 0 };
  } finally {
    await releasers.close();
  }
}

const NOT_FORCED =
  'is required: the holder may still be at work, and its token is refused from now on. A holder that died is replaced without it';
