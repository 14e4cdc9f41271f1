import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { createGitHubClient, type GitHubClient, type GitHubClientOptions } from '../../src/github/client.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';

const TOKEN = 'ghs_a-very-secret-token';

interface Sent {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: unknown;
}
type Step = Response | Error | 'hang';

/** A client whose server answers by script; a request beyond the script fails the test. */
function start(steps: Step[], options: Partial<GitHubClientOptions> = {}) {
  const sent: Sent[] = [];
  const clock = createManualClock();
  const answer = async (url: string, init: RequestInit): Promise<Response> => {
    sent.push({
      url,
      method: init.method ?? '',
      headers: init.headers as Record<string, string>,
      body: init.body === undefined ? null : (JSON.parse(init.body as string) as unknown),
    });
    const step = steps.shift();
    if (step === undefined) throw new Error('one request too many');
    if (step === 'hang') return new Promise<Response>(() => undefined);
    if (step instanceof Error) throw step;
    return step;
  };
  const client = createGitHubClient({
    apiUrl: 'https://ghe.example/api/v3/',
    token: TOKEN,
    userAgent: 'lockstep-test',
    clock,
    fetch: answer as typeof fetch,
    ...options,
  });
  return { client, sent, clock };
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  const bare = status === 304 || status === 204;
  return new Response(bare ? null : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  });
}

/** The error of fetch: a TypeError with the reason one cause deep. */
function failure(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(`${code} ${TOKEN}`), { code }) });
}

/** Settles a promise while time passes. */
async function outcome<T>(clock: ManualClock, promise: Promise<T>): Promise<T | Error> {
  const settled = promise.catch((error: unknown) => error as Error);
  await clock.advance(60_000);
  return settled;
}

const create = (client: GitHubClient) => client.write({ method: 'POST', path: '/x', body: { ref: 'r' } });

describe('a request', () => {
  test('goes below the path prefix of the server, with token, version and agent', async () => {
    const { client, sent } = start([json(200, { a: 1 })]);
    expect(await client.read('/repos/o/r/git/ref/lockstep/a/%40')).toEqual({
      kind: 'found',
      data: { a: 1 },
      changed: true,
    });
    expect(sent).toMatchObject([
      { url: 'https://ghe.example/api/v3/repos/o/r/git/ref/lockstep/a/%40', method: 'GET' },
    ]);
    expect(sent[0]?.headers).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
      'x-github-api-version': '2022-11-28',
      'user-agent': expect.stringContaining('lockstep-test'),
    });
  });

  test('carries a body of plain JSON', async () => {
    const { client, sent } = start([json(201, {})]);
    await client.write({ method: 'PATCH', path: '/x', body: { sha: 's', force: false } });
    expect(sent).toMatchObject([{ method: 'PATCH', body: { sha: 's', force: false } }]);
  });

  test('that is aborted before it is sent is not sent', async () => {
    const { client, sent } = start([]);
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(client.read('/x', { signal })).rejects.toBe(reason);
    await expect(client.write({ method: 'POST', path: '/x', body: {}, signal })).rejects.toBe(reason);
    expect(sent).toEqual([]);
  });

  test.each([301, 302, 307, 308])('that is redirected (%d) is not followed', async (status) => {
    const { client, sent } = start([json(status, {}, { location: 'https://elsewhere.example/' })]);
    await expect(client.read('/x')).rejects.toMatchObject({ code: 'unsupported' });
    expect(sent).toHaveLength(1);
  });

  test('over the network: whoever a redirect names is not asked, with or without the token', async () => {
    const asked: string[] = [];
    const serve = async (name: string, answer: RequestListener) => {
      const server = createServer((request, response) => {
        asked.push(`${name} ${request.method}`);
        answer(request, response);
      });
      await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
      return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    };
    const elsewhere = await serve('elsewhere', (_, response) => response.end('{}'));
    const api = await serve('api', ({ method }, response) => {
      response.writeHead(method === 'GET' ? 302 : 307, { location: `${elsewhere.url}/x` }).end();
    });
    try {
      const given = { apiUrl: api.url, token: TOKEN, userAgent: 'lockstep-test', clock: systemClock };
      const client = createGitHubClient(given);
      await expect(client.read('/x')).rejects.toMatchObject({ code: 'unsupported' });
      const post = client.write({ method: 'POST', path: '/x', body: {} });
      await expect(post).rejects.toMatchObject({ code: 'unsupported' });
      expect(asked).toEqual(['api GET', 'api POST']);
    } finally {
      for (const { server } of [api, elsewhere]) {
        server.close();
        server.closeAllConnections();
      }
    }
  });
});

describe('a read', () => {
  test('is conditional where the path was read before, and a 304 is what was known and not counted', async () => {
    const { client, sent } = start([
      json(200, { a: 1 }, { etag: 'W/"one"' }),
      json(304, null),
      json(200, { a: 2 }),
    ]);
    await client.read('/x');
    expect(await client.read('/x')).toEqual({ kind: 'found', data: { a: 1 }, changed: false });
    expect(await client.read('/y')).toEqual({ kind: 'found', data: { a: 2 }, changed: true });
    expect(sent.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, 'W/"one"', undefined]);
    expect(client.counts).toEqual({ sent: 3, notModified: 1, writes: 0, throttled: 0, forbidden: 0 });
  });

  test.each<[string, Step]>([
    ['a 5xx', json(502, { message: 'Bad Gateway' })],
    ['a reset', failure('ECONNRESET')],
    ['no connection', failure('ECONNREFUSED')],
    ['a body that is no JSON', new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['half a body', new Response('{"a":', { headers: { 'content-type': 'application/json' } })],
  ])('is tried again after %s', async (_, step) => {
    const { client, clock, sent } = start([step, json(200, { a: 1 })]);
    expect(await outcome(clock, client.read('/x'))).toMatchObject({ kind: 'found' });
    expect(sent).toHaveLength(2);
  });

  test('is given up after a few tries, as unavailable', async () => {
    const { client, clock, sent } = start([failure('ECONNRESET'), json(500, {}), 'hang']);
    expect(await outcome(clock, client.read('/x'))).toMatchObject({ code: 'unavailable' });
    expect(sent).toHaveLength(3);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([401, 403])('is not tried again after a %d', async (status) => {
    const { client, clock, sent } = start([
      json(status, { message: 'Resource not accessible by integration' }),
    ]);
    expect(await outcome(clock, client.read('/x'))).toMatchObject({ code: 'auth', retryable: false });
    expect(sent).toHaveLength(1);
  });

  test('of what is not there is missing, and a refusal is a value', async () => {
    const { client } = start([
      json(404, { message: 'Not Found' }),
      json(409, { message: 'Git Repository is empty.' }),
    ]);
    expect(await client.read('/x')).toEqual({ kind: 'missing' });
    expect(await client.read('/x')).toEqual({
      kind: 'refused',
      status: 409,
      text: 'Git Repository is empty.',
    });
  });
});

describe('a write', () => {
  test.each<[string, Step]>([
    ['a 500', json(500, { message: 'Server Error' })],
    ['a 502', json(502, {})],
    ['a 503', json(503, {})],
    ['a reset', failure('ECONNRESET')],
    ['an end of the connection', failure('UND_ERR_SOCKET')],
    ['silence', 'hang'],
    ['half a body', new Response('{"a":', { status: 201, headers: { 'content-type': 'application/json' } })],
  ])('is never sent again, and after %s its outcome is open', async (_, step) => {
    const { client, clock, sent } = start([step]);
    expect(await outcome(clock, create(client))).toMatchObject({ code: 'indeterminate' });
    expect(sent).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each(['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT', 'CERT_HAS_EXPIRED'])(
    'that found no connection (%s) was certainly not applied',
    async (code) => {
      const { client, clock, sent } = start([failure(code)]);
      expect(await outcome(clock, create(client))).toMatchObject({ code: 'unavailable' });
      expect(sent).toHaveLength(1);
    },
  );

  test('that is aborted after sending has an open outcome', async () => {
    const { client, clock } = start(['hang']);
    const abort = new AbortController();
    const reason = new Error('enough');
    const write = client.write({ method: 'POST', path: '/x', body: {}, signal: abort.signal });
    const settled = write.catch((error: unknown) => error);
    await clock.advance(1);
    abort.abort(reason);
    expect(await settled).toMatchObject({ code: 'indeterminate', cause: reason });
  });

  test.each([404, 409, 422])('that is refused with %d is a value', async (status) => {
    const { client } = start([json(status, { message: 'Reference update failed' })]);
    expect(await create(client)).toEqual({ kind: 'refused', status, text: 'Reference update failed' });
  });
});

describe('a limit', () => {
  test('is told with its end on the own clock, and nothing is sent before', async () => {
    const { client, clock, sent } = start([
      json(403, { message: 'secondary rate limit' }, { 'retry-after': '30' }),
      json(201, {}),
    ]);
    await clock.advance(1_000);
    await expect(create(client)).rejects.toMatchObject({ code: 'throttled', retryAtMs: 31_000 });
    await clock.advance(29_000);
    await expect(client.read('/x')).rejects.toMatchObject({ code: 'throttled', retryAtMs: 31_000 });
    expect(sent).toHaveLength(1);
    await clock.advance(1_000);
    expect(await create(client)).toMatchObject({ kind: 'done' });
    expect(client.counts).toEqual({ sent: 2, notModified: 0, writes: 2, throttled: 1, forbidden: 0 });
  });

  test('that names no end lasts a minute, then longer each time, until an answer is none', async () => {
    const bare = () => json(429, { message: 'slow down' });
    const { client, clock } = start([bare(), bare(), json(200, {}), bare()]);
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const result = await client.read('/x').catch((error: unknown) => error as { retryAtMs?: number });
      const waitMs = 'retryAtMs' in result ? (result.retryAtMs ?? 0) - clock.monotonicMs() : 0;
      waits.push(waitMs);
      await clock.advance(waitMs);
    }
    expect(waits).toEqual([60_000, 120_000, 0, 60_000]);
  });

  test('of the hour is told before it is reached, per budget', async () => {
    const rate = (resource: string, remaining: string) => ({
      'x-ratelimit-limit': '1000',
      'x-ratelimit-remaining': remaining,
      'x-ratelimit-resource': resource,
    });
    const { client } = start([
      json(200, {}, rate('core', '41')),
      json(200, { data: {} }, rate('graphql', '7')),
    ]);
    expect(client.rate()).toBeNull();
    await client.read('/x');
    await client.graphql({ query: '{x}', variables: {} });
    expect(client.rate()).toMatchObject({ limit: 1000, remaining: 41 });
    expect(client.rate('graphql')).toMatchObject({ remaining: 7 });
  });
});

describe('what the answers told besides', () => {
  test('how often the token was not permitted, and how far the clock there is ahead', async () => {
    const { client, clock } = start([
      json(403, { message: 'Resource not accessible by integration' }),
      json(200, {}, { date: new Date(Date.UTC(2026, 0, 1, 0, 0, 42)).toUTCString() }),
    ]);
    expect(client.serverAheadMs).toBeNull();
    await expect(create(client)).rejects.toMatchObject({ code: 'auth' });
    expect(client.counts).toMatchObject({ forbidden: 1, throttled: 0 });
    await outcome(clock, client.read('/x'));
    expect(client.serverAheadMs).toBe(42_000);
  });
});

describe('a GraphQL request', () => {
  test('goes beside the REST API of an Enterprise server, and its data is the value', async () => {
    const { client, sent } = start([json(200, { data: { a: 1 } })]);
    expect(await client.graphql({ query: '{a}', variables: { b: 2 } })).toEqual({
      kind: 'done',
      data: { a: 1 },
    });
    expect(sent).toMatchObject([
      { url: 'https://ghe.example/api/graphql', body: { query: '{a}', variables: { b: 2 } } },
    ]);
  });

  test.each<[string, object, object]>([
    ['the limit', { type: 'RATE_LIMITED', message: 'x' }, { code: 'throttled' }],
    ['a missing permission', { type: 'FORBIDDEN', message: 'x' }, { code: 'auth' }],
    ['a timeout', { message: 'Something went wrong' }, { code: 'indeterminate' }],
  ])('that fails inside HTTP 200 by %s is an error', async (_, error, expected) => {
    const { client } = start([json(200, { data: null, errors: [error] })]);
    await expect(client.graphql({ query: 'x', variables: {} })).rejects.toMatchObject(expected);
  });

  test('that is refused inside HTTP 200 is a value', async () => {
    const { client } = start([
      json(200, { data: null, errors: [{ type: 'STALE_DATA', message: 'moved on' }] }),
    ]);
    expect(await client.graphql({ query: 'x', variables: {} })).toMatchObject({
      kind: 'refused',
      status: 200,
    });
  });
});

describe('the token', () => {
  test.each<[string, Step]>([
    ['a refusal that repeats it', json(403, { message: `no ${TOKEN}` })],
    ['an error that repeats it', failure('ECONNRESET')],
    ['a redirect', json(302, { message: TOKEN })],
    ['a bad token', json(401, { message: `Bad credentials: ${TOKEN}` })],
  ])('is in no error: %s', async (_, step) => {
    const { client, clock } = start([step, failure('ECONNREFUSED'), failure('ECONNREFUSED')]);
    const error = await outcome(clock, client.read('/x'));
    const chain: unknown[] = [];
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      chain.push(at.message, at.stack, Object.entries(at));
    expect(chain.length).toBeGreaterThan(0);
    expect(JSON.stringify(chain)).not.toContain(TOKEN);
  });
});
