// A TCP proxy in front of a real engine that passes bytes or misbehaves as networks do. It knows no protocol: a "request" is
// what a client sends, a "reply" what the server sends after it.
import { connect, createServer, type Server, type Socket } from 'node:net';

export type ProxyFault =
  /** Bytes go through. */
  | { kind: 'pass' }
  /** Nothing goes through any more, in either direction, and nobody is told. */
  | { kind: 'blackhole' }
  /** The request reaches the server; the client's connection is reset at once. */
  | { kind: 'cut-after-request' }
  /** The request reaches the server; its reply is thrown away and the client's connection reset. */
  | { kind: 'cut-on-reply' }
  /** The request does not reach the server; the client's connection is reset. */
  | { kind: 'reset' }
  /** Bytes go through late. */
  | { kind: 'delay'; delayMs: number };

export interface FaultProxy {
  readonly port: number;
  /** What happens from now on, to open connections too. */
  set(fault: ProxyFault): void;
  /** Resets every open connection. */
  cutAll(): void;
  /** Leaves every open connection in a blackhole for good, as a firewall does that forgot them; new ones pass. */
  strandAll(): void;
  /** Resolves when the next bytes of a client have arrived here. */
  nextRequest(): Promise<void>;
  /** How many connections were made so far. */
  readonly connections: number;
  close(): Promise<void>;
}

/** A reset where that is still possible: node never closes a socket that is asked for one while it says goodbye already. */
function reset(socket: Socket): void {
  if (socket.writableEnded || socket.destroyed) socket.destroy();
  else socket.resetAndDestroy();
}

/** Starts a proxy for a server on this machine. Whoever starts it closes it. */
export async function startFaultProxy(serverPort: number): Promise<FaultProxy> {
  let fault: ProxyFault = { kind: 'pass' };
  let connections = 0;
  const pairs = new Set<{ client: Socket; upstream: Socket; isStranded: boolean }>();
  const waiting = new Set<() => void>();

  const server: Server = createServer((client) => {
    connections += 1;
    const upstream = connect(serverPort, '127.0.0.1');
    const pair = { client, upstream, isStranded: false };
    const isSilent = () => pair.isStranded || fault.kind === 'blackhole';
    pairs.add(pair);
    const cut = () => {
      pairs.delete(pair);
      reset(client);
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', cut);
      // In a blackhole even a goodbye does not arrive.
      socket.on('close', () => isSilent() || cut());
    }
    client.on('data', (chunk) => {
      for (const tell of waiting) tell();
      waiting.clear();
      if (isSilent()) return;
      if (fault.kind === 'reset') return cut();
      if (fault.kind === 'delay') return void setTimeout(() => upstream.write(chunk), fault.delayMs);
      if (fault.kind !== 'cut-after-request') return void upstream.write(chunk);
      upstream.write(chunk, () => {
        reset(client);
        // The server has it; that it hears of the end only afterwards is what makes the write land.
        setTimeout(cut, 50);
      });
    });
    upstream.on('data', (chunk) => {
      if (isSilent()) return;
      if (fault.kind === 'cut-on-reply' || fault.kind === 'cut-after-request') return cut();
      if (fault.kind === 'delay') return void setTimeout(() => client.write(chunk), fault.delayMs);
      client.write(chunk);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();

  const cutAll = () => {
    for (const { client, upstream } of pairs) {
      reset(client);
      upstream.destroy();
    }
    pairs.clear();
  };
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    set(next) {
      fault = next;
    },
    cutAll,
    strandAll() {
      for (const pair of pairs) pair.isStranded = true;
    },
    nextRequest: () => new Promise((resolve) => waiting.add(resolve)),
    get connections() {
      return connections;
    },
    async close() {
      cutAll();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
