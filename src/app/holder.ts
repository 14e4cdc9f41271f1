/**
 * Who we are, as others see it in a lease: run, attempt, job and index on a runner, user@host:pid elsewhere. Two jobs of one
 * matrix never look alike (the common complaint about lock actions). Carries no credential.
 */
import { plain } from '../base/text.ts';
import type { HolderInfo } from '../lease/contract.ts';
import type { CommandContext, Who } from './contract.ts';

export interface HolderOptions {
  /** The user's own text, option `holder`. */
  readonly holder?: string | undefined;
  readonly jobIndex?: number | undefined;
  /** The check run's id, for evidence by job. */
  readonly jobId?: string | undefined;
}

/** The holder of this process. */
export async function createHolder(context: CommandContext, options: HolderOptions): Promise<HolderInfo> {
  const { env, process } = context;
  const who = await process.who();
  const run = env['GITHUB_RUN_ID'];
  const attempt = env['GITHUB_RUN_ATTEMPT'];
  const url = runUrl(context, options.jobId);
  return {
    text: plain(options.holder ?? defaultText(context, who, options)),
    host: who.host,
    pid: process.pid,
    ...(context.isRunner && run ? { run } : {}),
    ...(context.isRunner && attempt ? { attempt } : {}),
    ...(context.isRunner && options.jobId ? { job: options.jobId } : {}),
    ...(url ? { url } : {}),
  };
}

function defaultText(
  { env, isRunner, process }: CommandContext,
  { user, host }: Who,
  { jobIndex }: HolderOptions,
): string {
  const run = env['GITHUB_RUN_ID'];
  if (!isRunner || !run) return `${user}@${host}:${process.pid}`;
  const parts = [`run ${run}`];
  if (env['GITHUB_RUN_ATTEMPT']) parts.push(`attempt ${env['GITHUB_RUN_ATTEMPT']}`);
  if (env['GITHUB_JOB']) parts.push(`job ${env['GITHUB_JOB']}`);
  parts.push(jobIndex === undefined ? `pid ${process.pid} on ${host}` : `index ${jobIndex}`);
  return parts.join(', ');
}

function runUrl({ env, isRunner }: CommandContext, jobId: string | undefined): string | null {
  const [server, repository, run] = [
    env['GITHUB_SERVER_URL'],
    env['GITHUB_REPOSITORY'],
    env['GITHUB_RUN_ID'],
  ];
  if (!isRunner || !server || !repository || !run) return null;
  const runPage = `${server}/${repository}/actions/runs/${run}`;
  return jobId ? `${runPage}/job/${jobId}` : runPage;
}
