import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { createHerokuReleaseProbe } from '../../src/probe/heroku-release.ts';
import { type Connections, createConnections } from '../../src/probe/request.ts';
import { json, type Loopback, startLoopback, text } from './loopback.ts';

const signal = new AbortController().signal;
describe('heroku-release', () => {
  let server: Loopback;
  let connections: Connections;

  beforeEach(async () => {
    server = await startLoopback();
    connections = createConnections({ clock: systemClock });
  });

  afterEach(async () => {
    connections.close();
    await server.close();
  });

  const open = () => {
    const target = { kind: 'heroku-release', app: 'my-app' } as const;
    const credentials = { apiUrl: `${server.origin}/`, apiKey: 'HRKU-secret' };
    const probe = createHerokuReleaseProbe({
      id: 'r',
      target,
      ...credentials,
      connections,
      clock: systemClock,
    });
    return () => probe.probe({ signal });
  };

  test.each<[string, object]>([
    ['succeeded', { status: 'passing', hint: null }],
    ['pending', { status: 'warning', hint: 'pending' }],
    ['failed', { status: 'critical', hint: 'fatal' }],
    ['expired', { status: 'critical' }],
  ])('a latest release that %s', async (status, expected) => {
    server.answer(json([{ version: 7, status }], { status: 206 }));
    expect(await open()()).toMatchObject({ ...expected, detail: `release v7 ${status}` });
  });

  test('the latest is the highest version, in whatever order they come', async () => {
    server.answer(
      json([
        { version: 9, status: 'succeeded' },
        { version: 10, status: 'failed' },
      ]),
    );
    expect((await open()()).detail).toBe('release v10 failed');
  });

  test('asks for one release, newest first, of version 3 of the API', async () => {
    server.answer(json([]));
    await open()();
    expect(server.requests[0]).toMatchObject({
      path: '/apps/my-app/releases',
      headers: {
        accept: 'application/vnd.heroku+json; version=3',
        authorization: 'Bearer HRKU-secret',
        range: 'version ..; order=desc,max=1',
      },
    });
  });

  test('an app without a release exists, but nobody judged it yet', async () => {
    server.answer(json([]));
    expect(await open()()).toMatchObject({ status: 'unknown', absent: 'check', hint: 'pending' });
  });

  test.each<[number, object]>([
    [401, { status: 'critical', hint: 'fatal', unreachable: false }],
    [403, { status: 'critical', hint: 'fatal', unreachable: false }],
    [404, { status: 'critical', absent: 'upstream', unreachable: false }],
    [429, { status: 'warning', unreachable: false }],
    [500, { unreachable: true }],
    [503, { unreachable: true }],
  ])('HTTP %d', async (status, expected) => {
    server.answer(json({ id: 'x', message: 'about HRKU-secret' }, { status }));
    const result = await open()();
    expect(result).toMatchObject(expected);
    expect(result.detail).not.toContain('HRKU-secret');
  });

  test('a key that the end of the message cuts through is not told in part', async () => {
    server.answer(json({ message: `${'x'.repeat(112)}HRKU-secret` }, { status: 400 }));
    expect((await open()()).detail).toMatch(/x\*\*\*$/);
  });

  test.each([['{}'], ['[{"status":"succeeded"}]'], ['[{"version":1}]'], ['oops']])(
    'an answer of %s says nothing about the app',
    async (body) => {
      server.answer(text(body));
      expect(await open()()).toMatchObject({ unreachable: true });
    },
  );

  test('an unchanged answer costs a 304', async () => {
    server.answer((request, response) => {
      if (request.headers['if-none-match'] === 'W/"1"') response.writeHead(304).end();
      else json([{ version: 1, status: 'succeeded' }], { headers: { etag: 'W/"1"' } })(request, response);
    });
    const ask = open();
    const first = await ask();
    expect(await ask()).toEqual(first);
    expect(server.requests[1]?.headers['if-none-match']).toBe('W/"1"');
  });
});
