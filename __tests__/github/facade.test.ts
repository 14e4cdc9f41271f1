// The sandbox itself: real git and the model answer alike, as the published document allows, and the hard sides of the API
// are there. Spoken to with bare fetch, so that no client of ours is between.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type FacadeOptions, type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { checkAnswer, checkRequest, minimalAnswer } from '../support/github-openapi.ts';
import { createMemoryRepository, createRealRepository } from '../support/github-repository.ts';

const TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

interface Spoken {
  status: number;
  body: Record<string, unknown> & { sha?: string; message?: string };
  headers: Headers;
}

async function start(backend: 'git' | 'memory', options: Partial<FacadeOptions> & { empty?: boolean } = {}) {
  const { empty = false, ...more } = options;
  const directory = backend === 'git' ? await mkdtemp(join(tmpdir(), 'lockstep-facade-')) : null;
  const git = directory ? createRealRepository(directory, { empty }) : createMemoryRepository({ empty });
  const facade = await startGitHubFacade({ git, ...more });
  endings.push(async () => {
    await facade.close();
    if (directory) await rm(directory, { recursive: true, force: true });
  });
  return facade;
}

async function speak(
  facade: GitHubFacade,
  line: string,
  more: { body?: unknown; token?: string; etag?: string } = {},
): Promise<Spoken> {
  const [method = '', path = ''] = line.split(' ');
  const response = await fetch(`${facade.apiUrl}/repos/octo/demo${path}`, {
    method,
    headers: {
      authorization: `Bearer ${more.token ?? 'token-1'}`,
      ...(more.etag === undefined ? {} : { 'if-none-match': more.etag }),
    },
    ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
  });
  const text = await response.text();
  const body = (text === '' ? {} : JSON.parse(text)) as Spoken['body'];
  return { status: response.status, body, headers: response.headers };
}

async function commit(facade: GitHubFacade, message: string, parents: string[] = []): Promise<string> {
  const { body } = await speak(facade, 'POST /git/commits', { body: { message, tree: TREE, parents } });
  return body.sha ?? '';
}

describe.each(['git', 'memory'] as const)('the sandbox over %s', (backend) => {
  test('answers every turn of a reference as the real one does', async () => {
    const facade = await start(backend);
    const [one, rival] = [await commit(facade, 'one\n'), await commit(facade, 'rival\n')];
    const two = await commit(facade, 'two\n', [one]);
    const said: string[] = [];
    const say = async (line: string, body?: unknown) => {
      const { status, body: answer } = await speak(facade, line, { body });
      said.push(`${line.replace(/%2F/g, '/')} ${status} ${answer.message ?? ''}`.trim());
    };
    const ref = 'refs/lockstep/a/@';
    await say('GET /git/ref/lockstep%2Fa%2F%40');
    await say('PATCH /git/refs/lockstep/a/@', { sha: one, force: false });
    await say('POST /git/refs', { ref, sha: one });
    await say('POST /git/refs', { ref, sha: one });
    await say('POST /git/refs', { ref, sha: rival });
    await say('PATCH /git/refs/lockstep%2Fa%2F@', { sha: rival, force: false });
    await say('PATCH /git/refs/lockstep/a/@', { sha: two, force: false });
    await say('PATCH /git/refs/lockstep/a/@', { sha: two, force: false });
    await say('PATCH /git/refs/lockstep/a/@', { sha: one, force: false });
    await say('GET /git/ref/lockstep/a/@');
    await say('POST /git/refs', { ref: 'refs/lockstep/b', sha: 'dead'.repeat(10) });
    await say('POST /git/commits', { message: 'x', tree: TREE, parents: ['0'.repeat(40)] });
    await say(`GET /git/commits/${'0'.repeat(40)}`);
    await say('GET /git/matching-refs/lockstep/a');
    await say('GET /git/matching-refs/nothing');
    expect(said).toEqual([
      'GET /git/ref/lockstep/a/%40 404 Not Found',
      'PATCH /git/refs/lockstep/a/@ 422 Reference does not exist',
      'POST /git/refs 201',
      'POST /git/refs 422 Reference already exists',
      'POST /git/refs 422 Reference already exists',
      'PATCH /git/refs/lockstep/a/@ 422 Update is not a fast forward',
      'PATCH /git/refs/lockstep/a/@ 200',
      'PATCH /git/refs/lockstep/a/@ 200',
      'PATCH /git/refs/lockstep/a/@ 422 Update is not a fast forward',
      'GET /git/ref/lockstep/a/@ 200',
      'POST /git/refs 422 Object does not exist',
      'POST /git/commits 422 Parent SHA does not exist or is not a commit object',
      `GET /git/commits/${'0'.repeat(40)} 404 Not Found`,
      'GET /git/matching-refs/lockstep/a 200',
      'GET /git/matching-refs/nothing 200',
    ]);
    expect(facade.violations).toEqual([]);
  });

  test('gives the message of a commit back as it was', async () => {
    const facade = await start(backend);
    const message = 'lockstep a\n\n{"v":"\\u0000 é 漢 🦑"}\n';
    const { body } = await speak(facade, `GET /git/commits/${await commit(facade, message)}`);
    expect(body).toMatchObject({ message, tree: { sha: TREE }, parents: [] });
  });

  test('of an empty repository says so', async () => {
    const facade = await start(backend, { empty: true });
    for (const line of ['GET /git/ref/lockstep/a', 'GET /git/matching-refs/lockstep']) {
      expect(await speak(facade, line)).toMatchObject({
        status: 409,
        body: { message: 'Git Repository is empty.' },
      });
    }
    expect(facade.violations).toEqual([]);
  });

  test('lets exactly one of many creations win', async () => {
    const facade = await start(backend);
    const shas = await Promise.all(Array.from({ length: 6 }, (_, n) => commit(facade, `${n}\n`)));
    const answers = await Promise.all(
      shas.map((sha) => speak(facade, 'POST /git/refs', { body: { ref: 'refs/lockstep/x', sha } })),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 422, 422, 422, 422, 422]);
  });
});

describe('the hard sides of the API', () => {
  test('an ETag belongs to one token, and a 304 is not counted', async () => {
    const facade = await start('memory', { budget: { perRepository: 10 } });
    const line = 'GET /git/ref/heads/main';
    const first = await speak(facade, line);
    const etag = first.headers.get('etag') ?? '';
    const own = await speak(facade, line, { etag });
    const foreign = await speak(facade, line, { etag, token: 'token-2' });
    expect([first.status, own.status, foreign.status]).toEqual([200, 304, 200]);
    expect(foreign.headers.get('etag')).not.toBe(etag);
    expect([first, own, foreign].map(({ headers }) => headers.get('x-ratelimit-used'))).toEqual([
      '1',
      '1',
      '2',
    ]);
    expect(facade.countOf(({ isCounted }) => isCounted)).toBe(2);
  });

  test('budgets end in a 403 with the headers of it, per token and per repository', async () => {
    const facade = await start('memory', { budget: { perToken: 1, perRepository: 2 } });
    const statuses: number[] = [];
    for (const token of ['token-1', 'token-1', 'token-2']) {
      statuses.push((await speak(facade, 'GET /git/ref/heads/main', { token })).status);
    }
    expect(statuses).toEqual([200, 403, 403]);
    const { headers } = await speak(facade, 'GET /git/ref/heads/main');
    expect(headers.get('x-ratelimit-remaining')).toBe('0');
  });

  test('the budget is told without being spent', async () => {
    const facade = await start('memory', { budget: { perRepository: 10 } });
    await speak(facade, 'GET /git/ref/heads/main');
    const headers = { authorization: 'Bearer token-1' };
    for (let round = 0; round < 2; round += 1) {
      const body: unknown = await (await fetch(`${facade.apiUrl}/rate_limit`, { headers })).json();
      expect(body).toMatchObject({ resources: { core: { limit: 10, remaining: 9, used: 1 } } });
    }
    expect(facade.violations).toEqual([]);
  });

  test('a read-only token reads and does not write, and a bad one does neither', async () => {
    const facade = await start('memory', { readOnlyTokens: ['token-fork'] });
    const body = { message: 'x', tree: TREE, parents: [] };
    expect(await speak(facade, 'GET /git/ref/heads/main', { token: 'token-fork' })).toMatchObject({
      status: 200,
    });
    expect(await speak(facade, 'POST /git/commits', { token: 'token-fork', body })).toMatchObject({
      status: 403,
      body: { message: 'Resource not accessible by integration' },
    });
    expect(await speak(facade, 'GET ', { token: 'bad' })).toMatchObject({ status: 401 });
  });

  test('runs, jobs, checks and deployments are answered as the document has them', async () => {
    const facade = await start('memory');
    const { world } = facade;
    world.runs.set(7, { status: 'in_progress', conclusion: null, attempt: 1 });
    world.jobs.set(70, {
      id: 70,
      name: 'build',
      status: 'completed',
      conclusion: 'success',
      runId: 7,
      runAttempt: 1,
    });
    world.checkRuns.push({ ref: 'main', name: 'ci', status: 'completed', conclusion: 'success' });
    world.deployments.push({ id: 5, environment: 'staging', states: ['queued', 'success'] });
    const bodies = [];
    for (const line of [
      'GET /actions/runs/7',
      'GET /actions/runs/7/attempts/1/jobs',
      'GET /actions/jobs/70',
      'GET /commits/main/check-runs?check_name=ci',
      'GET /deployments?environment=staging',
      'GET /deployments/5/statuses',
      'GET ',
    ]) {
      bodies.push((await speak(facade, line)).body);
    }
    expect(bodies).toMatchObject([
      { id: 7, run_attempt: 1, status: 'in_progress' },
      { total_count: 1, jobs: [{ id: 70, name: 'build' }] },
      { id: 70, run_id: 7, status: 'completed' },
      { total_count: 1, check_runs: [{ name: 'ci', conclusion: 'success' }] },
      [{ id: 5, environment: 'staging' }],
      [{ state: 'success' }, { state: 'queued' }],
      {},
    ]);
    expect(facade.violations).toEqual([]);
  });
});

describe('the judge', () => {
  const operation = 'GET /repos/{owner}/{repo}/git/ref/{ref}';
  test('accepts the smallest answer of an operation', () => {
    expect(checkAnswer(operation, { status: 200, body: { ...minimalAnswer(operation, 200) } })).toEqual([]);
  });
  test.each([
    ['a field is missing', { status: 200, body: { ref: 'x' } }],
    ['a field has another type', { status: 200, body: { ...minimalAnswer(operation, 200), ref: 1 } }],
    ['the operation never answers so', { status: 418, body: {} }],
  ])('complains where %s', (_, answer) => {
    expect(checkAnswer(operation, answer)).not.toEqual([]);
  });
  test('complains about a request that the API would not take', () => {
    const patch = 'PATCH /repos/{owner}/{repo}/git/refs/{ref}';
    expect(checkRequest(patch, { sha: 'x', force: false })).toEqual([]);
    expect(checkRequest(patch, { sha: 'x', force: 'false' })).not.toEqual([]);
    expect(checkRequest(patch, {})).not.toEqual([]);
  });
});
