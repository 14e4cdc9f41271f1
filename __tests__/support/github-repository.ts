// What the REST facade stands on: git's references and commits of one repository, kept by real git or in memory. Both answer
// alike; real git also has real races (its compare-and-swap may fail between the look and the move).
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';

export interface FacadeCommit {
  sha: string;
  message: string;
  tree: string;
  parents: string[];
}

export type FacadeMove = 'moved' | 'exists' | 'missing' | 'not-fast-forward' | 'raced' | 'invalid';

export interface GitBackend {
  isEmpty(): Promise<boolean>;
  readRef(ref: string): Promise<string | null>;
  listRefs(startingWith: string): Promise<{ ref: string; sha: string }[]>;
  readCommit(sha: string): Promise<FacadeCommit | null>;
  /** Null where tree or parent is unknown. */
  createCommit(commit: Omit<FacadeCommit, 'sha'>): Promise<FacadeCommit | null>;
  createRef(ref: string, sha: string): Promise<FacadeMove>;
  moveRef(ref: string, sha: string, force: boolean): Promise<FacadeMove>;
}

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const IDENTITY = 'lockstep-test <lockstep-test@example.invalid>';

/** Commits and references in two maps; fast enough for hundreds of jobs. */
export function createMemoryRepository(options: { empty?: boolean } = {}): GitBackend {
  const commits = new Map<string, FacadeCommit>();
  const refs = new Map<string, string>();

  const isAncestor = (old: string, sha: string): boolean => {
    for (let at: string | undefined = sha; at !== undefined; at = commits.get(at)?.parents[0]) {
      if (at === old) return true;
    }
    return false;
  };
  const add = (commit: Omit<FacadeCommit, 'sha'>): FacadeCommit => {
    const parents = commit.parents.map((parent) => `parent ${parent}\n`).join('');
    const body = `tree ${commit.tree}\n${parents}author ${IDENTITY} 0 +0000\ncommitter ${IDENTITY} 0 +0000\n\n${commit.message}`;
    const sha = createHash('sha1')
      .update(`commit ${Buffer.byteLength(body)}\0${body}`)
      .digest('hex');
    const made = { ...commit, sha };
    commits.set(sha, made);
    return made;
  };
  if (!options.empty)
    refs.set('refs/heads/main', add({ message: 'first', tree: EMPTY_TREE, parents: [] }).sha);

  return {
    isEmpty: async () => commits.size === 0,
    readRef: async (ref) => refs.get(ref) ?? null,
    listRefs: async (startingWith) =>
      [...refs].filter(([ref]) => ref.startsWith(startingWith)).map(([ref, sha]) => ({ ref, sha })),
    readCommit: async (sha) => commits.get(sha) ?? null,
    createCommit: async (commit) => {
      const isKnown = commit.tree === EMPTY_TREE && commit.parents.every((parent) => commits.has(parent));
      return isKnown ? add(commit) : null;
    },
    createRef: async (ref, sha) => {
      if (!commits.has(sha) || !/^refs\/[^/]+\/./.test(ref)) return 'invalid';
      if (refs.has(ref)) return 'exists';
      // As in git: a name cannot be a file and a directory at a time.
      const clashes = [...refs.keys()].some(
        (other) => other.startsWith(`${ref}/`) || ref.startsWith(`${other}/`),
      );
      if (clashes) return 'raced';
      refs.set(ref, sha);
      return 'moved';
    },
    moveRef: async (ref, sha, force) => {
      const old = refs.get(ref);
      if (old === undefined) return 'missing';
      if (!commits.has(sha)) return 'invalid';
      if (!force && !isAncestor(old, sha)) return 'not-fast-forward';
      refs.set(ref, sha);
      return 'moved';
    },
  };
}

/** A real bare repository in `directory`, which the caller removes. */
export function createRealRepository(directory: string, options: { empty?: boolean } = {}): GitBackend {
  mkdirSync(directory, { recursive: true });
  const env = {
    PATH: process.env['PATH'] ?? '',
    GIT_DIR: directory,
    GIT_CONFIG_NOSYSTEM: '1',
    HOME: directory,
    GIT_AUTHOR_NAME: 'lockstep-test',
    GIT_AUTHOR_EMAIL: 'lockstep-test@example.invalid',
    GIT_COMMITTER_NAME: 'lockstep-test',
    GIT_COMMITTER_EMAIL: 'lockstep-test@example.invalid',
  };
  execFileSync('git', ['init', '-q', '--bare', directory], { env });

  /** Standard output, or null where git said no. */
  const git = (args: string[], input?: string): Promise<string | null> =>
    new Promise((resolve) => {
      const child = execFile('git', args, { env, maxBuffer: 1 << 24 }, (error, stdout) =>
        resolve(error === null ? stdout : null),
      );
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input ?? '');
    });
  const commitTree = async (tree: string, parents: string[], message: string) => {
    const out = await git(['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent])], message);
    return out === null ? null : out.trim();
  };
  const started = options.empty
    ? Promise.resolve()
    : commitTree(EMPTY_TREE, [], 'first\n').then((sha) => git(['update-ref', 'refs/heads/main', sha ?? '']));
  // Looks need no process of git: nothing here packs references or objects, so each is a file of its own.
  const readRef = async (ref: string) => {
    const text = await readFile(join(directory, ref), 'utf8').catch(() => null);
    return text === null ? null : text.trim();
  };
  const readObject = async (sha: string) => {
    const bytes = await readFile(join(directory, 'objects', sha.slice(0, 2), sha.slice(2))).catch(() => null);
    return bytes === null ? null : inflateSync(bytes).toString('utf8');
  };
  let hasCommits = false;

  return {
    async isEmpty() {
      await started;
      hasCommits ||= (await git(['for-each-ref', '--count=1']))?.trim() !== '';
      return !hasCommits;
    },
    readRef,
    async listRefs(startingWith) {
      await started;
      const out = (await git(['for-each-ref', '--format=%(refname) %(objectname)'])) ?? '';
      return out
        .split('\n')
        .filter((line) => line.startsWith(startingWith))
        .map((line) => ({ ref: line.split(' ')[0] ?? '', sha: line.split(' ')[1] ?? '' }));
    },
    async readCommit(sha) {
      if (!/^[0-9a-f]{40}$/.test(sha)) return null;
      const object = await readObject(sha);
      if (!object?.startsWith('commit ')) return null;
      const raw = object.slice(object.indexOf('\0') + 1);
      const headers = raw.slice(0, raw.indexOf('\n\n'));
      return {
        sha,
        message: raw.slice(raw.indexOf('\n\n') + 2),
        tree: /^tree (\w+)/m.exec(headers)?.[1] ?? '',
        parents: [...headers.matchAll(/^parent (\w+)/gm)].map((match) => match[1] ?? ''),
      };
    },
    async createCommit({ message, tree, parents }) {
      await started;
      const sha = await commitTree(tree, parents, message);
      return sha === null ? null : { sha, message, tree, parents };
    },
    async createRef(ref, sha) {
      if ((await git(['update-ref', ref, sha, ''])) !== null) return 'moved';
      if ((await readRef(ref)) !== null) return 'exists';
      return (await git(['cat-file', '-e', sha])) === null ? 'invalid' : 'raced';
    },
    async moveRef(ref, sha, force) {
      const old = await readRef(ref);
      if (old === null) return 'missing';
      if (!force && (await git(['merge-base', '--is-ancestor', old, sha])) === null) {
        return 'not-fast-forward';
      }
      return (await git(['update-ref', ref, sha, old])) === null ? 'raced' : 'moved';
    },
  };
}
