/**
 * `lock` for a whole test run: a lease agent holds it, since the runner's own timers starve in synchronous tests, and gives it
 * back when the runner has ended in whatever way. Tests find `LOCKSTEP_LOCK_NAME` and `LOCKSTEP_FENCING_TOKEN` in their
 * environment. NOT guaranteed: that the lock is held to the end; a loss is told at once where the runner's loop turns, and in
 * teardown at the latest.
 */
import type { CommandContext } from '../app/contract.ts';
import { createLockRequest, respell } from '../app/lock-attempt.ts';
import { reportBusy } from '../app/lock-command.ts';
import { createLockReport } from '../app/lock-report.ts';
import { formatDuration } from '../base/duration.ts';
import { ConfigError, LeaseLostError, toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { type AgentAnswer, type AgentHold, holdWithAgent } from './agent-parent.ts';
import type { HookOutcome } from './hook-contract.ts';

/** Rejects as `attemptLock` does. Whoever gets the outcome calls its `release`. */
export async function runLockSection(context: CommandContext, given: unknown): Promise<HookOutcome> {
  const resolved = given as ResolvedOptions<'lock'>;
  const request = await createLockRequest(context, resolved);
  const { name } = request;
  const shown = plain(name, 80);
  const answer = await hold(context, request, resolved);
  if (answer.kind === 'busy') {
    const report = reportBusy(context, request, answer);
    return { report, summary: `${shown} is held by ${answer.holder}`, level: 'info' };
  }
  const { token: fencingToken, waitedMs, signal } = answer.hold;
  process.env['LOCKSTEP_LOCK_NAME'] = name;
  process.env['LOCKSTEP_FENCING_TOKEN'] = String(fencingToken);
  const onLost = () =>
    context.logger.error(`the lock ${shown} is lost: ${plain(toError(signal.reason).message, 500)}`);
  signal.addEventListener('abort', onLost, { once: true });
  return {
    report: createLockReport({ outcome: 'ran', name, fencingToken, waitedMs, exitCode: 0 }),
    summary: `${shown} is held with token ${fencingToken} after ${formatDuration(waitedMs)}`,
    level: 'info',
    release: () => release(answer.hold, { shown, onLost }),
  };
}

async function hold(
  context: CommandContext,
  request: Awaited<ReturnType<typeof createLockRequest>>,
  resolved: ResolvedOptions<'lock'>,
): Promise<AgentAnswer> {
  try {
    return await holdWithAgent(context, { request });
  } catch (error) {
    throw error instanceof ConfigError ? respell(error, resolved) : error;
  }
}

async function release(
  held: AgentHold,
  { shown, onLost }: { shown: string; onLost: () => void },
): Promise<void> {
  delete process.env['LOCKSTEP_LOCK_NAME'];
  delete process.env['LOCKSTEP_FENCING_TOKEN'];
  held.signal.removeEventListener('abort', onLost);
  if ((await held.release()) !== 'already-lost') return;
  throw new LeaseLostError(
    `the lock ${shown} was lost while the tests ran; another may have worked at the same time`,
  );
}
