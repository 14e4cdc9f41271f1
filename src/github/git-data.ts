/**
 * Git's database over REST: references and commits of one repository, answers checked and reduced to what is used. Trees and
 * blobs are never made: every commit stands on the empty tree, which git knows without its being stored.
 * NOT guaranteed: fresh reads. A refused move is told by its reason; what it means is decided by whoever asked.
 * Invariant: no reference is ever deleted or moved by force here, since a fast-forward is a compare-and-set only while
 * history moves forward alone.
 */
import { isJsonObject } from '../base/codec.ts';
import { AuthError, UnavailableError, UnsupportedError } from '../base/errors.ts';
import { classifyRefRefusal, type RefRefusal } from './answers.ts';
import type { GitHubClient, GitHubRead } from './client.ts';

/** The tree without entries, the same in every SHA-1 repository. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

export interface GitCommit {
  readonly sha: string;
  readonly message: string;
  readonly parents: readonly string[];
}

export interface GitRef {
  /** With the leading `refs/`. */
  readonly ref: string;
  readonly sha: string;
}

export type RefMove =
  | { readonly kind: 'moved' }
  | { readonly kind: 'refused'; readonly refusal: RefRefusal; readonly text: string };

export type CommitCreation =
  | { readonly kind: 'created'; readonly sha: string }
  | { readonly kind: 'refused'; readonly text: string };

interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** `ref` always has its leading `refs/`. Errors: those of the client; writes may end with IndeterminateError. */
export interface GitData {
  /** Null where there is no such reference (or no such repository: GitHub does not tell them apart). */
  readRef(ref: string, options?: CallOptions): Promise<string | null>;
  /** References whose name starts with the text. */
  listRefs(startingWith: string, options?: CallOptions): Promise<GitRef[]>;
  readCommit(sha: string, options?: CallOptions): Promise<GitCommit | null>;
  /** Makes a commit that nothing points to yet. Refused where a parent does not exist, say. */
  createCommit(
    commit: { message: string; parents: readonly string[] },
    options?: CallOptions,
  ): Promise<CommitCreation>;
  /** Makes a reference that must not exist. */
  createRef(target: GitRef, options?: CallOptions): Promise<RefMove>;
  /** Moves a reference forward: done only where its present commit is an ancestor of `sha`, or `sha` itself. */
  moveRef(target: GitRef, options?: CallOptions): Promise<RefMove>;
}

const EMPTY_HINT = 'push a first commit to it (a README will do)';
const ACCESS_HINT =
  'check OWNER/REPO, and that the token belongs to it with `contents: write` (a token that may not see a repository gets a 404)';

/** Git's database of one repository. */
export function createGitData(client: GitHubClient, repository: { owner: string; repo: string }): GitData {
  const name = `${repository.owner}/${repository.repo}`;
  const base = `/repos/${encodeURIComponent(repository.owner)}/${encodeURIComponent(repository.repo)}/git`;

  const object = (read: GitHubRead, what: string): unknown => {
    if (read.kind === 'found') return read.data;
    if (read.kind === 'missing') return null;
    if (classifyRefRefusal(read.text) === 'empty-repository') throw emptyRepository(name);
    throw new UnavailableError(
      `GitHub refused to read ${what} of ${name} (HTTP ${read.status}): ${read.text}`,
    );
  };

  const moved = (write: Awaited<ReturnType<GitHubClient['write']>>, { ref }: GitRef): RefMove => {
    if (write.kind === 'done') return { kind: 'moved' };
    if (write.status === 404) throw noAccess(name, `write ${ref}`);
    const refusal = classifyRefRefusal(write.text);
    if (refusal === 'empty-repository') throw emptyRepository(name);
    return { kind: 'refused', refusal, text: write.text };
  };

  return {
    async readRef(ref, options = {}) {
      const data = object(await client.read(`${base}/ref/${refPath(ref)}`, options), ref);
      return data === null ? null : parseRef(data, ref).sha;
    },
    async listRefs(startingWith, options = {}) {
      const path = `${base}/matching-refs/${refPath(startingWith)}`;
      const data = object(await client.read(path, options), startingWith);
      if (data === null) return [];
      if (!Array.isArray(data)) throw senseless(startingWith);
      return (data as unknown[]).map((item) => parseRef(item, startingWith));
    },
    async readCommit(sha, options = {}) {
      const data = object(await client.read(`${base}/commits/${encodeURIComponent(sha)}`, options), sha);
      return data === null ? null : parseCommit(data, sha);
    },
    async createCommit({ message, parents }, { signal } = {}) {
      // No author: GitHub then signs the commit itself, so that rules that demand signatures are met.
      const body = { message, tree: EMPTY_TREE, parents };
      const write = await client.write({ method: 'POST', path: `${base}/commits`, body, signal });
      if (write.kind === 'done') return { kind: 'created', sha: shaOf(write.data, 'a new commit') };
      if (write.status === 404) throw noAccess(name, 'create a commit');
      if (classifyRefRefusal(write.text) === 'empty-repository') throw emptyRepository(name);
      return { kind: 'refused', text: `HTTP ${write.status}: ${write.text}` };
    },
    async createRef(target, { signal } = {}) {
      // The body takes the name with `refs/`, the address without: the two are easily confused.
      const body = { ref: target.ref, sha: target.sha };
      return moved(await client.write({ method: 'POST', path: `${base}/refs`, body, signal }), target);
    },
    async moveRef(target, { signal } = {}) {
      const path = `${base}/refs/${refPath(target.ref)}`;
      const body = { sha: target.sha, force: false };
      return moved(await client.write({ method: 'PATCH', path, body, signal }), target);
    },
  };
}

function refPath(ref: string): string {
  return ref
    .replace(/^refs\//, '')
    .split('/')
    .map(encodeURIComponent)
    .join('/');
}

function shaOf(data: unknown, what: string): string {
  const sha = isJsonObject(data) ? data['sha'] : undefined;
  if (typeof sha !== 'string' || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(sha)) throw senseless(what);
  return sha;
}

function parseRef(data: unknown, what: string): GitRef {
  if (!isJsonObject(data) || typeof data['ref'] !== 'string') throw senseless(what);
  return { ref: data['ref'], sha: shaOf(data['object'], what) };
}

function parseCommit(data: unknown, what: string): GitCommit {
  const parents = isJsonObject(data) ? data['parents'] : undefined;
  const message = isJsonObject(data) ? data['message'] : undefined;
  if (typeof message !== 'string' || !Array.isArray(parents)) throw senseless(what);
  return {
    sha: shaOf(data, what),
    message,
    parents: (parents as unknown[]).map((parent) => shaOf(parent, what)),
  };
}

function senseless(what: string): UnavailableError {
  return new UnavailableError(`GitHub's answer about ${what} makes no sense`, {
    hint: 'check the API address: something else may be answering there',
  });
}

function emptyRepository(name: string): UnsupportedError {
  return new UnsupportedError(`the repository ${name} has no commit yet, so it cannot keep locks`, {
    hint: EMPTY_HINT,
  });
}

function noAccess(name: string, what: string): AuthError {
  return new AuthError(`GitHub has no repository ${name} for this token, or lets it not ${what}`, {
    hint: ACCESS_HINT,
  });
}
