import { describe, expect, test } from '@jest/globals';
import { createGitHubClient } from '../../src/github/client.ts';
import { parseRepository } from '../../src/github/repository.ts';
import { openStore, parseStoreUrl } from '../../src/store/open.ts';
import { startGitHubFacade } from '../support/github-facade.ts';
import { createMemoryRepository } from '../support/github-repository.ts';
import { createManualClock } from '../support/manual-clock.ts';

const parse = (text: string) => parseStoreUrl(text, { cwd: '/', env: {}, platform: 'linux' });

describe('a GitHub store URL', () => {
  test('names a repository, and brings the defaults of a store that is dear to ask', () => {
    expect(parse('github:octo/demo.js')).toEqual({
      ok: true,
      value: {
        scheme: 'github',
        url: 'github:octo/demo.js',
        location: 'octo/demo.js',
        defaults: { pollMs: 15_000, leaseMs: 600_000 },
      },
    });
  });

  test.each([
    'github:',
    'github:octo',
    'github:octo/',
    'github:octo/demo/more',
    'github://octo/demo',
    'github:octo/..',
    'github:o cto/x',
  ])('%s is refused', (text) => {
    expect(parse(text)).toEqual({ ok: false, problem: expect.stringContaining('github:OWNER/REPO') });
  });

  test('is not opened without a token', async () => {
    const parsed = parse('github:octo/demo');
    if (!parsed.ok) throw new Error(parsed.problem);
    await expect(openStore(parsed.value, { clock: createManualClock() })).rejects.toMatchObject({
      code: 'auth',
    });
  });

  test('opens a store on the client it is given, below the prefix it is given', async () => {
    const git = createMemoryRepository();
    const facade = await startGitHubFacade({ git });
    const clock = createManualClock();
    const client = createGitHubClient({ apiUrl: facade.apiUrl, token: 'token-1', clock, userAgent: 'test' });
    const parsed = parse('github:octo/demo');
    if (!parsed.ok) throw new Error(parsed.problem);
    const store = await openStore(parsed.value, { clock, github: { client, refPrefix: 'refs/elsewhere' } });
    expect(await store.compareAndSet('default/lock/x', null, 'v')).toMatchObject({ ok: true });
    expect(await git.readRef('refs/elsewhere/default/lock/x/@')).not.toBeNull();
    expect(client.counts.sent).toBe(2);
    await store.close();
    await facade.close();
  });
});

describe('a repository name', () => {
  test.each(['octo/demo', 'o/.github', 'octo-org/a_b.c', 'user_enterprise/x'])('%s', (text) => {
    const [owner, repo] = text.split('/');
    expect(parseRepository(text)).toEqual({ ok: true, value: { owner, repo } });
  });
});
