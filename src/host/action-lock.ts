/**
 * `lock` and `unlock` as steps. With `run` the script runs under the lock inside this step. Without it the lock is held until
 * the end of the job: a lease agent keeps it between main and post, and post ends the agent.
 * NOT guaranteed: that the lock is still held when post comes. If it was lost in between, post fails with 8, and so does
 * `lockstep assert` in any step after the loss.
 * Invariant: what post needs is saved before the agent is told to stay; a main that dies before leaves nothing held.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CommandContext } from '../app/contract.ts';
import { createLockRequest, respell } from '../app/lock-attempt.ts';
import { describeFailure, reportBusy, runLock } from '../app/lock-command.ts';
import { createLockReport, type LockReport, type UnlockReport } from '../app/lock-report.ts';
import { runUnlock } from '../app/unlock-command.ts';
import { formatDuration } from '../base/duration.ts';
import { ConfigError, toError } from '../base/errors.ts';
import { forMarkdown, plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { holdWithAgent } from './agent-parent.ts';
import { parseAgentEnd } from './agent-protocol.ts';
import { askToGiveBack } from './agent-socket.ts';
import type { ActionCommand, ActionStep, HeldLease } from './contract.ts';
import { describeUnlock } from './terminal-lock.ts';

/** A socket's path has room for about 100 bytes; `/agent` and the folder's own name come on top. */
const MAX_FOLDER_BYTES = 70;

/** One value per part of a step, main or post. */
export function createLockAction(): ActionCommand {
  const errors: string[] = [];
  /** A person needs one annotation that says all: what the command calls an error waits for the closing sentence. */
  const quiet = (context: CommandContext): CommandContext => ({
    ...context,
    logger: { ...context.logger, error: (message) => void errors.push(message) },
  });
  const describe = (report: LockReport, show: typeof plain) => {
    const why = SAYS_ALL.includes(report.outcome) ? [] : errors.map((each) => show(each, 1000));
    return [describeLock(report, show), ...why].join(' → ');
  };
  return {
    run(context, resolved, step) {
      const options = resolved as ResolvedOptions<'lock'>;
      const { run } = options.values;
      return run === null ? holdUntilPost(quiet(context), options, step) : runScript(quiet(context), options);
    },
    renderLog(report) {
      const lock = report as LockReport;
      return [...(SAYS_ALL.includes(lock.outcome) ? errors : []), describe(lock, plain)];
    },
    renderSummary: (report) => `### lockstep lock\n\n${describe(report as LockReport, forMarkdown)}\n`,
    giveBack: (held, context) => giveBack(held, quiet(context)),
  };
}

/** Outcomes of which the sentence tells everything. */
const SAYS_ALL: readonly LockReport['outcome'][] = ['ran', 'skipped', 'busy'];

export const unlockAction: ActionCommand = Object.freeze({
  run: (context, resolved) => runUnlock(context, resolved as ResolvedOptions<'unlock'>),
  renderLog: (report) => [describeUnlock(report as UnlockReport)],
  renderSummary: (report) =>
    `### lockstep unlock\n\n${describeUnlock(report as UnlockReport, forMarkdown)}\n`,
} satisfies ActionCommand);

/** As a `run:` step does it: bash, ending at the first error; the script in a file of its own, since it may hold secrets. */
async function runScript(context: CommandContext, resolved: ResolvedOptions<'lock'>): Promise<LockReport> {
  const folder = await mkdtemp(join(context.env['RUNNER_TEMP'] || tmpdir(), 'lockstep-'));
  try {
    const script = join(folder, 'script.sh');
    await writeFile(script, resolved.values.run ?? '', { mode: 0o600 });
    const rest = ['bash', '--noprofile', '--norc', '-eo', 'pipefail', script];
    return await runLock({ ...context, rest }, resolved);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function holdUntilPost(
  context: CommandContext,
  resolved: ResolvedOptions<'lock'>,
  step: ActionStep,
): Promise<LockReport> {
  const { clock } = context;
  const request = await createLockRequest(context, resolved);
  const { name } = request;
  const startedMs = clock.monotonicMs();
  const temp = context.env['RUNNER_TEMP'] || tmpdir();
  const parent = Buffer.byteLength(temp) <= MAX_FOLDER_BYTES ? temp : tmpdir();
  // Only this user may enter it.
  const folder = await mkdtemp(join(parent, 'lockstep-'));
  let isKept = false;
  try {
    const workerPid = process.ppid > 1 ? process.ppid : null;
    const answer = await holdWithAgent(context, { request, stay: { folder, workerPid } });
    if (answer.kind === 'busy') return reportBusy(context, request, answer);
    const { hold } = answer;
    const { token: fencingToken, waitedMs, socket } = hold;
    if (socket)
      step.keep({ command: 'lock', name, socketPath: socket.path, nonce: socket.nonce, fencingToken });
    step.exportVariable('LOCKSTEP_LOCK_NAME', name);
    step.exportVariable('LOCKSTEP_FENCING_TOKEN', String(fencingToken));
    await hold.letStay();
    isKept = true;
    return createLockReport({ outcome: 'ran', name, fencingToken, waitedMs, exitCode: 0 });
  } catch (thrown) {
    const error = toError(thrown);
    if (error instanceof ConfigError) throw respell(error, resolved);
    const waitedMs = Math.round(clock.monotonicMs() - startedMs);
    return describeFailure(context, { name, error, waitedMs });
  } finally {
    if (!isKept) await rm(folder, { recursive: true, force: true });
  }
}

async function giveBack(held: HeldLease, { clock, logger }: CommandContext): Promise<LockReport> {
  const { name, fencingToken, socketPath, nonce } = held;
  const folder = dirname(socketPath);
  const end = (await askToGiveBack({ path: socketPath, nonce }, clock)) ?? (await readEnd(folder));
  // Ours by its name: a path from the step's state is not taken at its word. On Windows there is no folder to remove.
  if (/^lockstep-[^/\\]+$/.test(folder.split('/').at(-1) ?? ''))
    await rm(folder, { recursive: true, force: true });
  const isLost = end?.outcome !== 'released';
  if (isLost) {
    const gone = 'its lease agent is gone, so nobody can say until when it was held';
    logger.error(`the lock ${plain(name, 80)} was lost: ${plain(end?.message ?? gone, 500)}`);
  }
  return createLockReport({
    outcome: isLost ? 'lost' : 'ran',
    name,
    fencingToken,
    heldMs: end?.heldMs ?? 0,
    exitCode: isLost ? 8 : 0,
  });
}

/** What an agent whose lease was lost left behind; null where it left nothing. */
async function readEnd(folder: string) {
  try {
    return parseAgentEnd(await readFile(join(folder, 'end.json'), 'utf8'));
  } catch {
    // It was killed, or never was: then nothing is known.
    return null;
  }
}

function describeLock(report: LockReport, show: (text: string, max?: number) => string = plain): string {
  const { outcome, name, fencingToken, waitedMs, heldMs, childExitCode, holder } = report;
  const shown = `The lock ${show(name, 80)}`;
  switch (outcome) {
    case 'ran':
      if (childExitCode === null && heldMs === 0)
        return `${shown} is held with token ${fencingToken} until the end of the job, after ${formatDuration(waitedMs)}.`;
      return `${shown} was held for ${formatDuration(heldMs)} with token ${fencingToken}${childExitCode === null ? '' : `; the script ended with ${childExitCode}`}.`;
    case 'skipped':
      return `${shown} is held by ${show(holder ?? 'somebody else')}; skipped.`;
    case 'busy':
      return `${shown} is held by ${show(holder ?? 'somebody else')} and was not obtained in ${formatDuration(waitedMs)}.`;
    case 'lost':
      return `${shown} was lost while it was needed (token ${fencingToken ?? 'none'}): another may have worked at the same time.`;
    case 'failed':
      return `${shown} was not obtained (exit code ${report.exitCode}).`;
  }
}
