import { describe, expect, test } from '@jest/globals';
import { AuthError, UnavailableError } from '../../src/base/errors.ts';
import { createGithubCheckProbe } from '../../src/probe/github-check.ts';
import { createGithubDeploymentProbe } from '../../src/probe/github-deployment.ts';
import type { GithubAnswer, GithubReader } from '../../src/probe/github-reader.ts';

const signal = new AbortController().signal;
type Script = (path: string, etag: string | null) => Partial<GithubAnswer>;

function readerOf(script: Script) {
  const asked: { path: string; etag: string | null }[] = [];
  const reader: GithubReader = {
    async get(path, { etag }) {
      asked.push({ path, etag });
      return { status: 200, body: null, etag: null, retryAfterMs: null, ...script(path, etag) };
    },
  };
  return { asked, reader };
}

describe('github-check', () => {
  const open = (script: Script) => {
    const { asked, reader } = readerOf(script);
    const target = { kind: 'github-check', name: 'build (20)', ref: 'feature/x' } as const;
    const probe = createGithubCheckProbe({ id: 'g', target, reader, repository: 'o/r' });
    return { asked, ask: () => probe.probe({ signal }) };
  };
  const runs = (...pairs: [string, string | null][]) => ({
    body: {
      total_count: pairs.length,
      check_runs: pairs.map(([status, conclusion]) => ({ status, conclusion })),
    },
  });

  test.each<[string, string | null, string]>([
    ['completed', 'success', 'passing'],
    ['completed', 'neutral', 'passing'],
    ['completed', 'skipped', 'passing'],
    ['queued', null, 'warning'],
    ['in_progress', null, 'warning'],
    ['waiting', null, 'warning'],
    ['completed', 'failure', 'critical'],
    ['completed', 'cancelled', 'critical'],
    ['completed', 'timed_out', 'critical'],
    ['completed', 'action_required', 'critical'],
    ['completed', 'stale', 'critical'],
    ['completed', 'startup_failure', 'critical'],
    ['completed', null, 'critical'],
  ])('%s %s is %s', async (status, conclusion, expected) => {
    expect(await open(() => runs([status, conclusion])).ask()).toMatchObject({ status: expected });
  });

  test('several runs of the name roll up to the worst', async () => {
    const script = () => runs(['completed', 'success'], ['completed', 'failure'], ['queued', null]);
    expect(await open(script).ask()).toMatchObject({ status: 'critical', detail: 'failure' });
  });

  test('no such check is unknown, an unknown ref is missing', async () => {
    expect(await open(() => runs()).ask()).toMatchObject({ status: 'unknown', absent: null });
    expect(await open(() => ({ status: 422, body: { message: 'No commit found' } })).ask()).toMatchObject({
      status: 'critical',
      absent: 'upstream',
      detail: 'GitHub: HTTP 422: No commit found',
    });
  });

  test('names and refs are escaped in the path', async () => {
    const { asked, ask } = open(() => runs());
    await ask();
    expect(asked[0]?.path).toBe(
      '/repos/o/r/commits/feature%2Fx/check-runs?check_name=build%20(20)&filter=latest&per_page=100',
    );
  });

  test('an unchanged answer is asked for with its ETag and costs a 304', async () => {
    const { asked, ask } = open((_, etag) =>
      etag === 'e1' ? { status: 304 } : { ...runs(['completed', 'success']), etag: 'e1' },
    );
    const first = await ask();
    expect(await ask()).toEqual(first);
    expect(asked.map(({ etag }) => etag)).toEqual([null, 'e1']);
  });

  test.each<[string, Script]>([
    [
      'no answer',
      () => {
        throw new UnavailableError('timeout');
      },
    ],
    [
      'a refused token',
      () => {
        throw new AuthError('bad token');
      },
    ],
    ['a limit', () => ({ status: 403, retryAfterMs: 9000 })],
    ['an outage', () => ({ status: 502 })],
    ['an answer that makes no sense', () => ({ body: [] })],
  ])('%s is unreachable', async (_, script) => {
    expect(await open(script).ask()).toMatchObject({ unreachable: true, status: 'unknown' });
  });
});

describe('github-deployment', () => {
  const open = (script: Script) => {
    const { asked, reader } = readerOf(script);
    const target = { kind: 'github-deployment', environment: 'prod eu' } as const;
    const probe = createGithubDeploymentProbe({ id: 'd', target, reader, repository: 'o/r' });
    return { asked, ask: () => probe.probe({ signal }) };
  };
  const latest =
    (statuses: unknown): Script =>
    (path) =>
      path.includes('/statuses') ? { body: statuses } : { body: [{ id: 42 }] };

  test.each<[string, string]>([
    ['success', 'passing'],
    ['in_progress', 'warning'],
    ['queued', 'warning'],
    ['pending', 'warning'],
    ['failure', 'critical'],
    ['error', 'critical'],
    ['inactive', 'critical'],
    ['something new', 'unknown'],
  ])('%s is %s', async (state, expected) => {
    const { asked, ask } = open(latest([{ state }]));
    expect(await ask()).toMatchObject({ status: expected });
    expect(asked.map(({ path }) => path)).toEqual([
      '/repos/o/r/deployments?environment=prod%20eu&per_page=1',
      '/repos/o/r/deployments/42/statuses?per_page=1',
    ]);
  });

  test('a deployment without a status is on its way; no deployment is unknown', async () => {
    expect(await open(latest([])).ask()).toMatchObject({ status: 'warning', hint: 'pending' });
    expect(await open(() => ({ body: [] })).ask()).toMatchObject({ status: 'unknown', absent: null });
  });

  test.each<[string, Script]>([
    ['no list', () => ({ body: {} })],
    ['a deployment without an id', () => ({ body: [{}] })],
    ['no statuses', latest({})],
    ['a status without a state', latest([{ state: 1 }])],
  ])('%s is unreachable', async (_, script) => {
    expect(await open(script).ask()).toMatchObject({ unreachable: true });
  });
});
