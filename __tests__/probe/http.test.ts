import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { createHttpProbe } from '../../src/probe/http.ts';
import { type Connections, createConnections } from '../../src/probe/request.ts';
import { parseRetryAfter } from '../../src/probe/retry-after.ts';
import { parseTarget } from '../../src/probe/target.ts';
import { json, type Loopback, startLoopback, text } from './loopback.ts';

let server: Loopback;
let connections: Connections;
const signal = new AbortController().signal;

beforeEach(async () => {
  server = await startLoopback();
  connections = createConnections({ clock: systemClock });
});

afterEach(async () => {
  connections.close();
  await server.close();
});

function open(path = '/', headers: Record<string, string> = {}, origin = server.origin) {
  const target = parseTarget(`${origin}${path}`);
  if (!target.ok || target.value.kind !== 'http') throw new Error('not a URL');
  const probe = createHttpProbe({ id: 'h', target: target.value, connections, clock: systemClock, headers });
  return { ask: () => probe.probe({ signal }) };
}

describe('an http probe', () => {
  test.each<[number, string]>([
    [200, 'passing'],
    [204, 'passing'],
    [299, 'passing'],
    [304, 'critical'],
    [400, 'critical'],
    [401, 'critical'],
    [404, 'critical'],
    [429, 'warning'],
    [500, 'critical'],
    [503, 'critical'],
  ])('%d is %s', async (status, expected) => {
    server.answer(text('', { status }));
    expect(await open().ask()).toMatchObject({ status: expected, unreachable: false });
  });

  test('asks by GET, without caches, with the headers given', async () => {
    await open('/ready', { 'X-Token': 'abc' }).ask();
    expect(server.requests[0]).toMatchObject({
      method: 'GET',
      path: '/ready',
      headers: { 'cache-control': 'no-cache', 'x-token': 'abc' },
    });
  });

  test('user and password of the URL become Basic authorization', async () => {
    await open('/', {}, server.origin.replace('//', '//bob:s%40crt@')).ask();
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('bob:s@crt')}`);
  });

  test.each<[string, string, unknown]>([
    ['application/json', '{"schema":"42"}', { schema: '42' }],
    ['application/health+json', '{"a":1}', { a: 1 }],
    ['text/plain', '["a"]', ['a']],
    ['text/plain', 'OK', undefined],
    ['application/json', '"ok"', undefined],
    ['application/json', 'true', undefined],
    ['text/html', '{"schema":"42"}', undefined],
  ])('of %s %s the document is %j', async (type, body, document) => {
    server.answer(text(body, { type }));
    const result = await open().ask();
    expect(result).toMatchObject({ status: 'passing', hint: null });
    expect(result.body).toEqual(document);
  });

  test('JSON that breaks off, or is nested beyond reason, is passing but never ready', async () => {
    server.answer(text('{"schema":', { type: 'application/json' }));
    expect(await open().ask()).toMatchObject({ status: 'passing', hint: 'pending' });
    server.answer(text('['.repeat(30_000) + ']'.repeat(30_000), { type: 'application/json' }));
    expect(await open().ask()).toMatchObject({ status: 'passing', hint: 'pending' });
  });

  test('a failing answer is told with its first line, never with a secret it echoes', async () => {
    server.answer(text('db down for Bearer tok-123456\nmore', { status: 503 }));
    const { detail } = await open('/', { authorization: 'Bearer tok-123456' }).ask();
    expect(detail).toMatch(/^HTTP 503: db down for .*\*\*\*/);
    expect(detail).not.toContain('tok-123456');
  });

  test('a secret that the end of the line cuts through is not told in part', async () => {
    const secret = 'tok-0123456789abcdef';
    server.answer(text(`${'x'.repeat(110)}${secret}`, { status: 503 }));
    const { detail } = await open('/', { 'x-key': secret }).ask();
    expect(detail).toMatch(/^HTTP 503: x{110}\*\*\*$/);
  });

  test('asks conditionally once there is an ETag or a date, and a 304 is the answer before', async () => {
    server.answer((request, response) => {
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else json({ schema: '42' }, { headers: { etag: '"v1"' } })(request, response);
    });
    const probe = open();
    const first = await probe.ask();
    expect(await probe.ask()).toEqual(first);
    server.answer(json({ schema: '43' }, { headers: { 'last-modified': 'Tue, 01 Sep 2026 00:00:00 GMT' } }));
    expect((await probe.ask()).body).toEqual({ schema: '43' });
    await probe.ask();
    expect(server.requests.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      '"v1"',
      '"v1"',
      undefined,
    ]);
    expect(server.requests[3]?.headers['if-modified-since']).toBe('Tue, 01 Sep 2026 00:00:00 GMT');
  });

  test('a bad answer forgets the condition', async () => {
    const probe = open();
    server.answer(json({}, { headers: { etag: '"v1"' } }));
    await probe.ask();
    server.answer(text('', { status: 500 }));
    await probe.ask();
    await probe.ask();
    expect(server.requests[2]?.headers['if-none-match']).toBeUndefined();
  });

  test('all probes of an origin share one connection', async () => {
    await Promise.all([open('/a').ask(), open('/b').ask(), open('/c').ask()]);
    await open('/d').ask();
    expect(server.requests).toHaveLength(4);
    expect(server.connections).toBe(1);
  });

  test('a kept connection that the server dropped meanwhile is no failure', async () => {
    const probe = open();
    await probe.ask();
    server.dropConnections();
    expect(await probe.ask()).toMatchObject({ status: 'passing' });
  });

  test('a redirect within the origin is followed, a loop of them is not', async () => {
    server.answer((request, response) => {
      if (request.url === '/old') response.writeHead(302, { location: '/new' }).end();
      else json({ at: request.url })(request, response);
    });
    expect((await open('/old').ask()).body).toEqual({ at: '/new' });
    server.answer((_, response) => response.writeHead(307, { location: '/again' }).end());
    expect(await open('/old').ask()).toMatchObject({ status: 'critical', detail: 'more than 5 redirects' });
  });

  test('nobody there, no such name, a broken answer and a half one are unreachable, each with its reason', async () => {
    const dead = await startLoopback();
    await dead.close();
    expect(await open('/', {}, dead.origin).ask()).toMatchObject({
      unreachable: true,
      status: 'unknown',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await open('/', {}, `http://${'a'.repeat(64)}.invalid`).ask()).toMatchObject({
      unreachable: true,
    });
    server.answer((_, response) => void response.socket?.end('this is not HTTP\r\n\r\n'));
    expect(await open().ask()).toMatchObject({ detail: expect.stringContaining('not HTTP') });
    server.answer((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    expect(await open().ask()).toMatchObject({ unreachable: true });
    expect(await open('/', {}, server.origin.replace('http:', 'https:')).ask()).toMatchObject({
      unreachable: true,
      detail: expect.stringContaining('TLS'),
    });
  });

  test('Retry-After is passed on', async () => {
    server.answer(text('', { status: 429, headers: { 'retry-after': '7' } }));
    expect(await open().ask()).toMatchObject({ status: 'warning', retryAfterMs: 7000 });
  });
});

describe('Retry-After', () => {
  const date = 'Fri, 20 Nov 2026 12:00:00 GMT';
  test.each<[string, number | undefined]>([
    ['0', 0],
    ['120', 120_000],
    ['999999999', 3_600_000],
    ['Fri, 20 Nov 2026 12:00:30 GMT', 30_000],
    ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
  ])('%j is %p', (value, expected) => {
    expect(parseRetryAfter({ 'retry-after': value, date }, 0)).toBe(expected);
  });

  test('without a Date header the wall clock stands in', () => {
    const value = { 'retry-after': 'Fri, 20 Nov 2026 12:00:30 GMT' };
    expect(parseRetryAfter(value, Date.parse(date))).toBe(30_000);
  });
});
