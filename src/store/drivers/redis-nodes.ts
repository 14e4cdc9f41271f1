/**
 * Connections to Redis: one server, the primary that Sentinels name, or the nodes of a Cluster, found by following its own
 * answers. The client library reconnects nothing and repeats nothing (measured elsewhere: a client that sends a compare-and-set
 * again answers "lost" to its own success); a lost connection is made anew by the next call.
 * Invariant: a command is repeated only after a reply that says that it was not run there.
 */
import { createClient } from '@redis/client';
import { UnavailableError, UnsupportedError } from '../../base/errors.ts';
import { type Connection, createConnection, type Opening } from '../connection.ts';
import type { ServerAddress } from '../server-address.ts';
import { readTlsFiles } from '../tls-files.ts';
import { isWrongServer, parseRedirection } from './redis-errors.ts';

/** What is used of the client. */
export interface RedisClient {
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(channel: string, listener: () => void): Promise<void>;
  /** Takes this listener away and no other: the channel may have a new one by now. */
  unsubscribe(channel: string, listener: () => void): Promise<void>;
  /** Resolves when the connection has ended by itself. */
  readonly lost: Promise<void>;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

export interface RedisNodes {
  /** Runs on the node that has the name. `isAsking`: the first command sent, and only that, will be taken. */
  run<T>(
    name: string,
    signal: AbortSignal,
    action: (client: RedisClient, about: { isAsking: boolean }) => Promise<T>,
  ): Promise<T>;
  /** Runs on every node that has names of its own. */
  runOnAll<T>(signal: AbortSignal, action: (client: RedisClient) => Promise<T>): Promise<T[]>;
  /** A connection of its own, for subscriptions. */
  readonly listener: Connection<RedisClient>;
  close(): void;
}

const MAX_REDIRECTIONS = 8;
const MAX_KNOWN = 1024;

/** Connects to nothing yet. */
export function createRedisNodes(address: ServerAddress, options: { connectTimeoutMs: number }): RedisNodes {
  const openOne = (place: Place, withDatabase: boolean) =>
    openClient(address, { place, withDatabase, ...options });
  const home = () => createConnection<RedisClient>((onLost) => openHome({ address, onLost, openOne }));
  const main = home();
  const listener = home();
  const nodes = new Map<string, Connection<RedisClient>>();
  const known = new Map<string, string>();
  let lastPlace = address.hosts[0] as Place;

  const nodeAt = (place: Place): Connection<RedisClient> => {
    const id = `${place.host} ${place.port}`;
    const node =
      nodes.get(id) ??
      createConnection<RedisClient>((onLost) => {
        const opening = openOne(place, false);
        void opening.ready.then(({ lost }) => lost.then(onLost), onLost);
        return opening;
      });
    nodes.set(id, node);
    return node;
  };

  return {
    listener,
    async run(name, signal, action) {
      let node = nodes.get(known.get(name) ?? '') ?? main;
      let isAsking = false;
      for (let step = 0; step < MAX_REDIRECTIONS; step += 1) {
        const asked = node;
        try {
          return await asked.use(signal, (client) => {
            if (!isAsking) return action(client, { isAsking: false });
            // Both leave in one go; an error of the first shows in the second.
            client.sendCommand(['ASKING']).catch(() => undefined);
            return action(client, { isAsking: true });
          });
        } catch (error) {
          const redirection = parseRedirection(error);
          if (!redirection) {
            // The node may be gone or demoted: the next call asks from the beginning.
            known.delete(name);
            if (isWrongServer(error)) asked.renew();
            throw error;
          }
          lastPlace = { host: redirection.host || lastPlace.host, port: redirection.port };
          node = nodeAt(lastPlace);
          isAsking = redirection.isAsking;
          if (known.size >= MAX_KNOWN) known.clear();
          if (!isAsking) known.set(name, `${lastPlace.host} ${lastPlace.port}`);
        }
      }
      throw new UnavailableError(`${address.shown} sends ${name} from node to node`);
    },
    async runOnAll(signal, action) {
      const slots = await main.use(signal, (client) =>
        client.sendCommand(['CLUSTER', 'SLOTS']).catch((error: Error) => {
          if (/cluster support disabled|unknown command/i.test(error.message)) return null;
          throw error;
        }),
      );
      if (!Array.isArray(slots)) return [await main.use(signal, action)];
      const places = new Map<string, Place>();
      for (const slot of slots as [number, number, [string, number]][]) {
        const [host, port] = slot[2];
        places.set(`${host} ${port}`, { host: host || lastPlace.host, port });
      }
      return Promise.all([...places.values()].map((place) => nodeAt(place).use(signal, action)));
    },
    close() {
      for (const each of [main, listener, ...nodes.values()]) each.close();
    },
  };
}

/** The server of the URL; with Sentinels the primary that they name, asked for each time. */
function openHome(settings: {
  address: ServerAddress;
  onLost: () => void;
  openOne: (place: Place, withDatabase: boolean) => Opening<RedisClient>;
}): Opening<RedisClient> {
  const { address, onLost, openOne } = settings;
  const opened: Opening<RedisClient>[] = [];
  let isDestroyed = false;
  const open = (place: Place, withDatabase: boolean) => {
    if (isDestroyed) throw new UnavailableError(`${address.shown} was closed`);
    const opening = openOne(place, withDatabase);
    opened.push(opening);
    return opening;
  };
  const firstThatAnswers = async <T>(ask: (place: Place) => Promise<T>): Promise<T> => {
    let failure: unknown;
    for (const place of address.hosts) {
      try {
        return await ask(place);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  };
  const connect = async (): Promise<RedisClient> => {
    const { sentinel } = address.parameters;
    if (sentinel === undefined) return firstThatAnswers((place) => open(place, true).ready);
    const primary = await firstThatAnswers(async (place) => {
      const opening = open(place, false);
      try {
        const client = await opening.ready;
        const found = await client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', sentinel]);
        if (Array.isArray(found)) return { host: String(found[0]), port: Number(found[1]) };
      } finally {
        opening.destroy();
      }
      throw new UnsupportedError(
        `the sentinel ${place.host}:${place.port} knows no primary called ${sentinel}`,
        {
          hint: 'write the name that `sentinel monitor` gives it: redis://HOST:26379/0?sentinel=NAME',
        },
      );
    });
    return open(primary, true).ready;
  };
  const ready = connect();
  void ready.then(({ lost }) => lost.then(onLost), onLost);
  return {
    ready,
    destroy() {
      isDestroyed = true;
      for (const opening of opened) opening.destroy();
    },
  };
}

/** One client on one server. */
function openClient(
  address: ServerAddress,
  options: { place: Place; withDatabase: boolean; connectTimeoutMs: number },
): Opening<RedisClient> {
  const { place, withDatabase, connectTimeoutMs } = options;
  let destroy = () => {
    isDestroyed = true;
  };
  let isDestroyed = false;
  // The client forgets a socket that is still connecting: destroyed by then, it would greet a silent server for ever.
  const ending = new AbortController();
  const connect = async (): Promise<RedisClient> => {
    const tls = address.isTls ? { tls: true as const, ...(await readTlsFiles(address)) } : {};
    if (isDestroyed) throw new UnavailableError(`${address.shown} was closed`);
    const client = createClient({
      // RESP 2 greets without HELLO, which older servers and proxies refuse, repeating its arguments.
      RESP: 2,
      socket: {
        ...tls,
        host: place.host,
        port: place.port,
        connectTimeout: connectTimeoutMs,
        keepAliveInitialDelay: 5000,
        reconnectStrategy: false,
        signal: ending.signal,
      },
      ...(address.user === null ? {} : { username: address.user }),
      ...(address.password === null ? {} : { password: address.password }),
      ...(withDatabase && address.path !== '' ? { database: Number(address.path) } : {}),
      disableOfflineQueue: true,
      disableClientInfo: true,
      // The store's own deadline rules; the client's would only reject what waits to be written.
      commandOptions: { timeout: 0 },
    });
    const lost = new Promise<void>((resolve) => {
      // Each command is told its error itself; here it only shows that nothing more will come.
      client.on('error', () => {
        if (!client.isOpen) resolve();
      });
    });
    destroy = () => {
      client.destroy();
      ending.abort();
    };
    await client.connect();
    return {
      sendCommand: (args) => client.sendCommand(args),
      subscribe: (channel, hear) => client.subscribe(channel, hear),
      unsubscribe: (channel, hear) => client.unsubscribe(channel, hear),
      lost,
    };
  };
  return { ready: connect(), destroy: () => destroy() };
}
