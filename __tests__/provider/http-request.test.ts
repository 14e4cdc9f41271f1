import * as http from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { createHttpClient, type HttpCall } from '../../src/provider/http-request.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(url: string, clock = systemClock) {
  const client = createHttpClient({ baseUrl: new URL(url), clock, timeoutMs: 5000 });
  cleanups.push(() => client.close());
  return (call: Partial<HttpCall> = {}) =>
    client.send({
      method: 'GET',
      path: '/apps',
      headers: {},
      maxBodyBytes: 1000,
      signal: new AbortController().signal,
      ...call,
    });
}

/** A server that answers each connection with these bytes, and what it was sent. */
async function rawServer(answer: string, { hangUp = true } = {}) {
  const seen: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    cleanups.push(() => socket.destroy());
    socket.on('data', (data) => {
      seen.push(data.toString());
      socket.write(answer);
      if (hangUp) socket.end();
    });
  });
  return { url: await listen(server), seen };
}

describe('a whole answer', () => {
  test('comes with status, headers and body', async () => {
    const url = await listen(
      http.createServer((request, response) => {
        response.writeHead(206, { 'Next-Range': 'id ]1..' });
        response.end(`${request.method} ${request.url} ${String(request.headers['x-own'])}`);
      }),
    );
    const send = clientOf(`${url}/prefix/`);
    expect(await send({ method: 'DELETE', path: '/apps/1', headers: { 'x-own': 'yes' } })).toMatchObject({
      status: 206,
      headers: { 'next-range': 'id ]1..' },
      body: 'DELETE /prefix/apps/1 yes',
      problem: null,
    });
  });

  test('leaves its connection for the next request', async () => {
    let connections = 0;
    const server = http.createServer((_request, response) => response.end('x'));
    server.on('connection', () => {
      connections += 1;
    });
    const send = clientOf(await listen(server));
    await send();
    await send();
    expect(connections).toBe(1);
  });

  test('that is a redirect is an answer like any other: nothing is followed', async () => {
    const requests: (string | undefined)[] = [];
    const url = await listen(
      http.createServer((request, response) => {
        requests.push(request.url);
        response.writeHead(302, { location: '/elsewhere' });
        response.end();
      }),
    );
    expect(await clientOf(url)()).toMatchObject({ status: 302, problem: null });
    expect(requests).toEqual(['/apps']);
  });
});

describe('an answer that is not whole', () => {
  test.each([
    ['a connection closed at once', '', null],
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n', null],
    ['half a header', 'HTTP/1.1 200 OK\r\nContent-Le', null],
    ['less than announced', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"id":', 200],
    ['chunks without an end', 'HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n', 404],
  ])('%s has a problem and no body', async (_what, bytes, status) => {
    const { url, seen } = await rawServer(bytes);
    const exchange = await clientOf(url)();
    expect(exchange).toMatchObject({ status, body: '', problem: expect.any(String) });
    expect(seen).toHaveLength(1);
  });

  test('one byte too long is cut off, though its status and headers stand', async () => {
    const url = await listen(
      http.createServer((_request, response) => {
        response.writeHead(429, { 'retry-after': '7' });
        response.end('x'.repeat(1001));
      }),
    );
    const send = clientOf(url);
    expect(await send()).toMatchObject({
      status: 429,
      headers: { 'retry-after': '7' },
      body: '',
      problem: 'the answer is larger than 1000 bytes',
    });
    expect(await send({ maxBodyBytes: 1001 })).toMatchObject({ problem: null });
  });

  test('an endless body ends at the limit', async () => {
    const url = await listen(
      http.createServer((_request, response) => {
        const pump = () => {
          while (response.write('x'.repeat(500)));
          response.once('drain', pump);
        };
        response.on('error', () => undefined);
        pump();
      }),
    );
    expect(await clientOf(url)()).toMatchObject({ status: 200, problem: expect.stringContaining('larger') });
  });

  test('a refused connection is told by its code', async () => {
    const server = createServer();
    const url = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await clientOf(url)()).toEqual({
      status: null,
      headers: {},
      body: '',
      problem: 'the connection was refused (ECONNREFUSED)',
    });
  });

  test('a header that no request may carry is not sent', async () => {
    const { url, seen } = await rawServer('');
    const exchange = await clientOf(url)({ headers: { authorization: 'Bearer secret\nx' } });
    expect(exchange.problem).toMatch(/cannot be sent/);
    expect(exchange.problem).not.toContain('secret');
    expect(seen).toEqual([]);
  });
});

describe('waiting', () => {
  test.each([
    ['no answer at all', '', null],
    ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"id":', 200],
  ])('ends after the time for one request: %s', async (_what, bytes, status) => {
    const { url, seen } = await rawServer(bytes, { hangUp: false });
    const clock = createManualClock();
    const pending = clientOf(url, clock)();
    while (seen.length === 0) await settle();
    for (let turn = 0; turn < 20; turn += 1) await settle();
    await clock.advance(5000);
    expect(await pending).toMatchObject({ status, problem: 'no complete answer within 5 s' });
    expect(clock.pendingTimers).toBe(0);
  });

  test('ends with the caller’s own reason, and leaves no timer', async () => {
    const { url, seen } = await rawServer('', { hangUp: false });
    const clock = createManualClock();
    const controller = new AbortController();
    const reason = new Error('enough');
    const pending = clientOf(url, clock)({ signal: controller.signal });
    const rejected = expect(pending).rejects.toBe(reason);
    while (seen.length === 0) await settle();
    controller.abort(reason);
    await rejected;
    expect(clock.pendingTimers).toBe(0);
  });

  test('an answer leaves no timer', async () => {
    const { url } = await rawServer('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
    const clock = createManualClock();
    await clientOf(url, clock)();
    expect(clock.pendingTimers).toBe(0);
  });
});
