/**
 * `doctor --live`: tries in a real repository what lockstep relies on and nobody could verify without one, and prints the raw
 * answers. A line is `ok` where the answer is the one lockstep was built for, a warning where it is another one that it copes
 * with, a problem where it could not work.
 * Invariants: about 20 requests and half a minute at most; only references below the prefix, named after this very try, are
 * written, and the last line says how to remove them.
 */
import { UnsupportedError } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { classifyRefRefusal } from '../github/answers.ts';
import type { GitHubClient, GitHubWrite } from '../github/client.ts';
import { EMPTY_TREE } from '../github/git-data.ts';
import { parseRepository } from '../github/repository.ts';
import type { StoreAddress } from '../store/open.ts';
import type { CommandContext } from './contract.ts';
import { type DoctorCheck, examine, NOT_TRIED } from './doctor-command-check.ts';
import { tryCache, tryRuns } from './doctor-command-live-runner.ts';
import type { StoreParts } from './wire.ts';

/** Runs every try, one after the other, as GitHub asks for. */
export async function checkLive(
  context: CommandContext,
  what: {
    parts: StoreParts;
    address: StoreAddress;
    resolved: ResolvedOptions<'doctor'>;
    signal: AbortSignal;
  },
): Promise<DoctorCheck[]> {
  const { address, resolved, signal } = what;
  const { github } = what.parts;
  const repository = parseRepository(address.location);
  if (!github || !repository.ok) {
    const tried = 'facts about GitHub';
    return [{ ...NOT_TRIED, name: 'live', tried, found: `${address.url} is not a GitHub store` }];
  }
  const { owner, repo } = repository.value;
  const prefix = `${resolved.values.refPrefix}/doctor/${createNonce().slice(0, 8)}`;
  const bench = createBench({ github, base: `/repos/${owner}/${repo}/git`, signal });
  const checks = await tryReferences(bench, prefix);
  const runner = { github, repository: `${owner}/${repo}`, jobId: resolved.values.jobId, signal };
  checks.push(...(await tryRuns(context, runner)), await tryCache(context, signal));
  if (bench.made.length > 0) {
    checks.push({
      ...NOT_TRIED,
      name: 'left behind',
      tried: 'name what these tries made',
      found: bench.made.join(', '),
      hint: `remove them with: git push origin ${bench.made.map((ref) => `:${ref}`).join(' ')}`,
    });
  }
  return checks;
}

interface Bench {
  commit(parents: readonly string[]): Promise<string>;
  create(ref: string, sha: string): Promise<GitHubWrite>;
  move(ref: string, sha: string): Promise<GitHubWrite>;
  read(ref: string): Promise<{ sha: string | null; changed: boolean }>;
  /** What is left of the budget by the last answer. */
  remaining(): number | null;
  readonly made: string[];
}

/** The calls themselves, without the driver's patience: the raw answers are what is wanted. */
function createBench(parts: { github: GitHubClient; base: string; signal: AbortSignal }): Bench {
  const { github, base, signal } = parts;
  const made: string[] = [];
  const path = (ref: string) =>
    ref
      .replace(/^refs\//, '')
      .split('/')
      .map(encodeURIComponent)
      .join('/');
  return {
    made,
    async commit(parents) {
      const body = { message: `lockstep doctor ${createNonce()}\n`, tree: EMPTY_TREE, parents };
      const written = await github.write({ method: 'POST', path: `${base}/commits`, body, signal });
      const sha = written.kind === 'done' ? (written.data as { sha?: unknown }).sha : null;
      if (typeof sha === 'string') return sha;
      throw new UnsupportedError(`no commit on the empty tree: ${describe(written)}`);
    },
    async create(ref, sha) {
      const written = await github.write({
        method: 'POST',
        path: `${base}/refs`,
        body: { ref, sha },
        signal,
      });
      if (written.kind === 'done' && !made.includes(ref)) made.push(ref);
      return written;
    },
    move: (ref, sha) =>
      github.write({
        method: 'PATCH',
        path: `${base}/refs/${path(ref)}`,
        body: { sha, force: false },
        signal,
      }),
    async read(ref) {
      const read = await github.read(`${base}/ref/${path(ref)}`, { signal });
      if (read.kind !== 'found') return { sha: null, changed: true };
      const { object } = read.data as { object?: { sha?: string } };
      return { sha: object?.sha ?? null, changed: read.changed };
    },
    remaining: () => github.rate()?.remaining ?? null,
  };
}

async function tryReferences(bench: Bench, prefix: string): Promise<DoctorCheck[]> {
  const checks: DoctorCheck[] = [];
  const attempt = async (tried: string, look: Parameters<typeof examine<string>>[1]) => {
    const { check, value } = await examine<string>({ name: 'live', tried }, look);
    checks.push(check);
    return value;
  };
  const ref = `${prefix}/register`;
  const first = await attempt(`create ${ref} at a commit on the empty tree`, async () => {
    const sha = await bench.commit([]);
    const created = await bench.create(ref, sha);
    if (created.kind === 'done') return { found: "created: a namespace of one's own works", value: sha };
    return { ...problem(created), hint: 'use --ref-prefix refs/heads/lockstep' };
  });
  if (first === null) return checks;
  await attempt('create it a second time', async () =>
    expectRefusal(await bench.create(ref, await bench.commit([])), 'already-exists'),
  );
  const second = await attempt('move it to a child of its commit', async () => {
    const sha = await bench.commit([first]);
    const moved = await bench.move(ref, sha);
    return moved.kind === 'done' ? { found: 'moved', value: sha } : problem(moved);
  });
  if (second === null) return checks;
  await attempt('read it right after', async () => {
    const { sha } = await bench.read(ref);
    return sha === second
      ? { found: 'the new commit' }
      : { status: 'warning', found: `an older state: ${sha ?? 'none'}` };
  });
  await attempt('move it to the commit it is at', async () => {
    const moved = await bench.move(ref, second);
    return moved.kind === 'done'
      ? { found: 'accepted: a repeated move does no harm' }
      : { status: 'warning', found: describe(moved) };
  });
  await attempt('move it to a commit beside it', async () =>
    expectRefusal(await bench.move(ref, await bench.commit([first])), 'not-fast-forward'),
  );
  await attempt('move a reference that does not exist', async () =>
    expectRefusal(await bench.move(`${prefix}/none`, second), 'no-such-ref'),
  );
  await attempt('move it to two children at the same moment', async () => {
    const [left, right] = [await bench.commit([second]), await bench.commit([second])];
    const answers = await Promise.all([bench.move(ref, left), bench.move(ref, right)]);
    const won = answers.filter(({ kind }) => kind === 'done').length;
    const found = answers.map(describe).join(' | ');
    if (won === 1) return { found };
    // Both done would be two owners; none is only a second try.
    return won === 0 ? { status: 'warning', found } : { status: 'problem', found, exitCode: 1 };
  });
  await attempt('read it twice, the second time with its ETag', async () => {
    await bench.read(ref);
    const before = bench.remaining();
    const { changed } = await bench.read(ref);
    const after = bench.remaining();
    if (changed) return { status: 'warning', found: 'no 304 came: every look costs a request' };
    if (before === null || after === null) return { found: '304; this server has no limits' };
    const cost = before - after;
    return cost === 0
      ? { found: '304, not counted' }
      : {
          status: 'warning',
          found: `304, but ${cost} requests were counted meanwhile (by this or by another job)`,
        };
  });
  return checks;
}

/** A refusal whose text lockstep knows; another text only costs a read. */
function expectRefusal(
  written: GitHubWrite,
  expected: ReturnType<typeof classifyRefRefusal>,
): Pick<DoctorCheck, 'status' | 'found'> {
  if (written.kind === 'done')
    return { status: 'problem', found: 'accepted, which would let two own one lease' };
  const isKnown = classifyRefRefusal(written.text) === expected;
  return { status: isKnown ? 'ok' : 'warning', found: describe(written) };
}

function problem(written: GitHubWrite): Pick<DoctorCheck, 'status' | 'found' | 'exitCode'> {
  return { status: 'problem', found: describe(written), exitCode: 6 };
}

function describe(written: GitHubWrite): string {
  return written.kind === 'done' ? 'done' : `HTTP ${written.status}: ${plain(written.text)}`;
}
