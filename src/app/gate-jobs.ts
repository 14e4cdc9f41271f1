/** Wires the jobs API to the gate, where there is one: a run of GitHub Actions, a token, and the members' jobs named. */
import type { JobsEvidence } from '../gate/ports.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepository } from '../github/repository.ts';
import type { CommandContext } from './contract.ts';
import { openGitHub } from './wire.ts';

/** `client` is the store's own, if it has one: they share a budget. Null where nobody can be asked about jobs. */
export async function openGateJobs(
  context: CommandContext,
  options: { client: GitHubClient | null; jobName: string | null; run: string; attempt: number },
): Promise<JobsEvidence | null> {
  const { env, isRunner, logger } = context;
  const repository = parseRepository(env['GITHUB_REPOSITORY'] ?? '');
  if (!isRunner || options.run !== env['GITHUB_RUN_ID'] || !repository.ok) return null;
  const client = options.client ?? (await openGitHub(context));
  if (!client) return null;
  const { createGitHubJobs } = await import('../evidence/github-jobs.ts');
  return createGitHubJobs({ ...options, client, repository: repository.value, logger });
}
