/** Names of GitHub repositories as users write them. Checked before anything is sent, so that a typo is a message, not a 404. */
import type { Parsed } from '../base/duration.ts';

export interface RepositoryName {
  readonly owner: string;
  readonly repo: string;
}

/** `OWNER/REPO`; GitHub's own rules for both parts, leniently. */
export function parseRepository(text: string): Parsed<RepositoryName> {
  const match = /^([A-Za-z0-9][A-Za-z0-9_-]{0,99})\/([A-Za-z0-9._-]{1,100})$/.exec(text);
  const [, owner, repo] = match ?? [];
  if (owner === undefined || repo === undefined || repo === '.' || repo === '..') {
    return { ok: false, problem: 'is not a repository; write OWNER/REPO' };
  }
  return { ok: true, value: { owner, repo } };
}
