/**
 * Whether this run comes from a stranger: a pull request from a fork, or one of Dependabot's, which GitHub treats alike. There
 * the token may only read and secrets are empty, and that is no mistake of whoever wrote the workflow.
 * NOT a permission check: an administrator can grant more. It only tells how a missing permission is to be read.
 * Source: GitHub's documentation of `pull_request` and of Dependabot's restrictions; `pull_request_target` has full rights.
 */
import { readFile } from 'node:fs/promises';

const RESTRICTED_EVENTS = ['pull_request', 'pull_request_review', 'pull_request_review_comment'];
const DEPENDABOT_EVENTS = [...RESTRICTED_EVENTS, 'push', 'create', 'deployment', 'deployment_status'];

/** Reads the event's payload where the event's kind leaves it open. */
export async function isForkPullRequest(env: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  const event = env['GITHUB_EVENT_NAME'] ?? '';
  if (env['GITHUB_ACTOR'] === 'dependabot[bot]' && DEPENDABOT_EVENTS.includes(event)) return true;
  const path = env['GITHUB_EVENT_PATH'];
  if (!path || !RESTRICTED_EVENTS.includes(event)) return false;
  try {
    return comesFromFork(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // Without a payload nobody says that it is a fork: then a missing credential is the mistake it usually is.
    return false;
  }
}

/** Judges a payload: the head's repository is another one than the base's, or is gone. */
export function comesFromFork(payload: unknown): boolean {
  const pull = field(payload, 'pull_request');
  if (pull === undefined || pull === null) return false;
  const head = field(field(pull, 'head'), 'repo');
  // A fork that was deleted meanwhile is null here.
  if (head === null) return true;
  const [headName, baseName] = [
    field(head, 'full_name'),
    field(field(field(pull, 'base'), 'repo'), 'full_name'),
  ];
  // `fork` alone does not tell: a repository that is itself a fork has pull requests of its own.
  if (typeof headName === 'string' && typeof baseName === 'string') return headName !== baseName;
  return field(head, 'fork') === true;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
