/**
 * `lock`: the user's command under a lease. While it runs the lease renews itself; if it is lost all the same, the command is
 * ended (SIGTERM, 5 s later SIGKILL), since from then on another may work on the same thing.
 * NOT guaranteed: that nothing of the command happens after the loss; a paused machine notices late. What can refuse older
 * fencing tokens should (docs/guarantees.md).
 * Invariant: the lease is given back only after the command has ended.
 */

import { throwIfAborted } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';
import { ConfigError, type ConfigProblem, exitCodeOf, type LockstepError, toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { Lease } from '../lease/contract.ts';
import type { ChildEnd } from './child.ts';
import type { CommandContext } from './contract.ts';
import { attemptLock, createLockRequest, type LockRequest, respell } from './lock-attempt.ts';
import { createLockReport, type LockReport } from './lock-report.ts';
import { startUserCommand } from './user-command.ts';
import { createReleasers } from './wire.ts';

/** Runs one `lock`. ConfigError with every problem at once; all else is in the report and in the log. */
export async function runLock(
  context: CommandContext,
  resolved: ResolvedOptions<'lock'>,
): Promise<LockReport> {
  const { clock, logger } = context;
  const [file, ...args] = context.rest ?? [];
  const problems: ConfigProblem[] = file ? [] : [{ option: '--', message: NO_COMMAND }];
  const request = await createLockRequest(context, resolved, problems);
  const { name } = request;
  const shown = plain(name, 80);
  const startedMs = clock.monotonicMs();
  const releasers = createReleasers();
  try {
    const attempt = await attemptLock(context, request, releasers);
    const { waitedMs } = attempt;
    if (attempt.kind === 'busy') return reportBusy(context, request, attempt);
    const { lease } = attempt;
    logger[waitedMs >= 1000 ? 'info' : 'debug'](
      `the lock ${shown} is held with token ${lease.token} after ${formatDuration(waitedMs)}`,
    );
    const heldFromMs = clock.monotonicMs();
    try {
      const { end, isLost } = await runUnderLease(context, { lease, name, command: [file ?? '', ...args] });
      const interruption = context.signal.aborted ? exitCodeOf(context.signal.reason) : null;
      return createLockReport({
        outcome: isLost ? 'lost' : 'ran',
        name,
        fencingToken: lease.token,
        waitedMs,
        heldMs: Math.round(clock.monotonicMs() - heldFromMs),
        childExitCode: end.exitCode,
        exitCode: interruption ?? (isLost ? 8 : end.exitCode),
      });
    } finally {
      await giveBack(lease, context);
    }
  } catch (thrown) {
    const error = toError(thrown);
    if (error instanceof ConfigError) throw respell(error, resolved);
    return describeFailure(context, { name, error, waitedMs: Math.round(clock.monotonicMs() - startedMs) });
  } finally {
    await releasers.close();
  }
}

const NO_COMMAND = 'is missing: write the command to run after it, as in lockstep lock NAME -- COMMAND';

interface HeldRun {
  readonly lease: Lease;
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

/** Starts the command and waits for its end, whatever comes. `isLost`: it may have gone on without the lease. */
async function runUnderLease(
  context: CommandContext,
  { lease, name, command }: HeldRun,
): Promise<{ end: ChildEnd; isLost: boolean }> {
  // Who was interrupted while it was being obtained starts nothing any more.
  throwIfAborted(context.signal);
  lease.assertHeld();
  const { child, handBack } = startUserCommand(context, {
    command,
    env: { LOCKSTEP_LOCK_NAME: name, LOCKSTEP_FENCING_TOKEN: String(lease.token) },
  });
  // Its result is that of `ended`.
  const onLost = () => void child.terminate().catch(() => undefined);
  lease.signal.addEventListener('abort', onLost, { once: true });
  try {
    const end = await child.ended;
    // Asked anew: of a process that was stopped together with its command no timer has run yet.
    return { end, isLost: lease.signal.aborted || lease.validForMs() <= 0 };
  } finally {
    lease.signal.removeEventListener('abort', onLost);
    handBack();
  }
}

/** What the store says to this changes nothing: the command has ended, and the lease would run out by itself. */
async function giveBack(lease: Lease, { logger }: CommandContext): Promise<void> {
  try {
    logger.debug(`${lease.key} was given back: ${await lease.release()}`);
  } catch (error) {
    logger.warn(`${lease.key} could not be given back and will run out by itself: ${toError(error).message}`);
  }
}

/** The report of an attempt that met another holder, told in the log. */
export function reportBusy(
  { logger }: CommandContext,
  { name, whenBusy, values }: LockRequest,
  { holder, waitedMs }: { holder: string; waitedMs: number },
): LockReport {
  const what = `the lock ${plain(name, 80)} is held by ${holder}`;
  if (whenBusy === 'skip') {
    logger.info(`${what}; skipped`);
    return createLockReport({ outcome: 'skipped', name, waitedMs, holder, exitCode: 0 });
  }
  const waited = whenBusy === 'wait' ? `, also after ${formatDuration(values.timeoutMs)}` : '';
  logger.error(`${what}${waited}; nothing was run`);
  return createLockReport({ outcome: 'busy', name, waitedMs, holder, exitCode: 4 });
}

/** The report of an attempt that failed, told in the log. Bugs are thrown on: those are the host's to show. */
export function describeFailure(
  { logger }: CommandContext,
  { name, error, waitedMs }: { name: string; error: Error; waitedMs: number },
): LockReport {
  const exitCode = exitCodeOf(error);
  if (exitCode === 1) throw error;
  logger.error(plain(error.message, 2000));
  const { hint } = error as Partial<LockstepError>;
  if (hint) logger.error(plain(hint, 1000));
  return createLockReport({ outcome: exitCode === 8 ? 'lost' : 'failed', name, waitedMs, exitCode });
}
