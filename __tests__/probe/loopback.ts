// A real HTTP server on loopback that remembers what it was asked, for tests of probes.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Loopback {
  readonly origin: string;
  /** What was asked so far, in order. */
  readonly requests: { method: string; path: string; headers: IncomingMessage['headers'] }[];
  /** How many connections were ever opened. */
  readonly connections: number;
  answer(handler: Handler): void;
  /** Ends the kept connections without a word, as a server does after its keep-alive time. */
  dropConnections(): void;
  close(): Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export async function startLoopback(handler: Handler = json({})): Promise<Loopback> {
  let current = handler;
  let connections = 0;
  const sockets = new Set<Socket>();
  const requests: Loopback['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers });
    current(request, response);
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connections() {
      return connections;
    },
    answer(next) {
      current = next;
    },
    dropConnections() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers JSON. */
export function json(
  body: unknown,
  options: { status?: number; headers?: Record<string, string> } = {},
): Handler {
  return text(JSON.stringify(body), { ...options, type: 'application/json' });
}

export function text(
  body: string,
  {
    status = 200,
    type = 'text/plain',
    headers = {},
  }: { status?: number; type?: string; headers?: Record<string, string> } = {},
): Handler {
  return (_, response) => {
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(body);
  };
}
