/**
 * Requests to etcd's JSON gateway over node's own HTTP, which sends each request once. A request leaves only after its
 * connection stands, so that an endpoint which cannot be reached is certainly no write, and the next one may be tried.
 * NOT guaranteed: that a reused connection is still good; a write on one that breaks is in doubt, as everywhere.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isJsonObject, type JsonObject } from '../../base/codec.ts';
import { hasCode, UnavailableError } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import type { ServerAddress } from '../server-address.ts';
import { readTlsFiles } from '../tls-files.ts';
import { isTokenStale, parseRefusal } from './etcd-answers.ts';

/** A body that goes on: one JSON object per line. */
export interface EtcdStream {
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  destroy(): void;
}

export interface EtcdGateway {
  /** EtcdRefusal for any answer but a good one; otherwise the connection's own error. */
  post(path: string, body: JsonObject, call: Call): Promise<JsonObject>;
  /** Calls back for each line. Resolves when the stream has begun; `signal` ends only the wait for that. */
  stream(
    path: string,
    about: { body: JsonObject; hear: (line: JsonObject) => void; signal: AbortSignal },
  ): Promise<EtcdStream>;
  close(): void;
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const READ_CALL = { sending: () => undefined };

/** Connects to nothing yet. */
export function createEtcdGateway(address: ServerAddress): EtcdGateway {
  const { hosts, isTls, user, password } = address;
  const open = new Set<ClientRequest>();
  const agentOptions = { keepAlive: true, keepAliveMsecs: 5000, scheduling: 'lifo' as const };
  let agent: Promise<HttpAgent> | null = null;
  let token: string | null = null;
  let isAuthOff = false;
  let first = 0;
  let isClosed = false;

  const agentOf = (): Promise<HttpAgent> => {
    agent ??= isTls
      ? readTlsFiles(address).then((files) => new HttpsAgent({ ...agentOptions, ...files }))
      : Promise.resolve(new HttpAgent(agentOptions));
    agent.catch(() => {
      agent = null;
    });
    return agent;
  };

  /** One request to one endpoint; `isReached` tells afterwards whether its connection stood. */
  const ask = async (
    about: { at: number; path: string; text: string },
    call: Call,
    onReached: () => void,
  ): Promise<IncomingMessage> => {
    const shared = await agentOf();
    if (isClosed) throw new UnavailableError(`${address.shown} was closed`);
    const { host, port } = hosts[about.at % hosts.length] as ServerAddress['hosts'][number];
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(about.text),
      // A member that has lost its leader then ends a stream, which would otherwise stay open and silent.
      'grpc-metadata-hasleader': 'true',
      ...(token === null ? {} : { authorization: token }),
    };
    return new Promise((resolve, reject) => {
      const { signal } = call;
      const send = isTls ? requestHttps : requestHttp;
      const request = send({ host, port, path: about.path, method: 'POST', headers, agent: shared });
      open.add(request);
      const onAbort = () => request.destroy(new UnavailableError('given up'));
      const leave = () => {
        signal.removeEventListener('abort', onAbort);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      request.once('close', () => {
        open.delete(request);
        leave();
      });
      request.on('error', reject);
      request.once('response', resolve);
      const depart = () => {
        try {
          onReached();
          call.sending();
          request.end(about.text);
        } catch (error) {
          request.destroy(error as Error);
        }
      };
      request.once('socket', (socket) => {
        socket.setNoDelay(true);
        if (socket.connecting) socket.once(isTls ? 'secureConnect' : 'connect', depart);
        else depart();
      });
    });
  };

  /** The first endpoint that can be reached. */
  const reach = async (path: string, body: JsonObject, call: Call): Promise<IncomingMessage> => {
    const text = JSON.stringify(body);
    const start = first;
    for (let step = 0; ; step += 1) {
      let isReached = false;
      const at = start + step;
      try {
        return await ask({ at, path, text }, call, () => {
          isReached = true;
        });
      } catch (error) {
        // Whoever did not answer is asked last next time.
        if (first === at) first = (at + 1) % hosts.length;
        const isLast = step + 1 >= hosts.length;
        if (isReached || isLast || call.signal.aborted || hasCode(error, 'unsupported')) throw error;
      }
    }
  };

  const answerOf = async (path: string, body: JsonObject, call: Call): Promise<JsonObject> => {
    const response = await reach(path, body, call);
    const text = await readAll(response);
    const answer: unknown = response.statusCode === 200 ? JSON.parse(text) : null;
    if (isJsonObject(answer)) return answer;
    throw parseRefusal(response.statusCode ?? 0, text);
  };

  const authenticate = async (signal: AbortSignal) => {
    if (user === null || token !== null || isAuthOff) return;
    const credentials = { name: user, password: password ?? '' };
    try {
      const answer = await answerOf('/v3/auth/authenticate', credentials, { ...READ_CALL, signal });
      token = String(answer['token']);
    } catch (error) {
      // A server that asks nobody who they are lets us in as it lets everybody in.
      if (!(error instanceof Error) || !/authentication is not enabled/i.test(error.message)) throw error;
      isAuthOff = true;
    }
  };

  return {
    async post(path, body, call) {
      await authenticate(call.signal);
      try {
        return await answerOf(path, body, call);
      } catch (error) {
        if (!isTokenStale(error) || user === null) throw error;
        token = null;
        isAuthOff = false;
        await authenticate(call.signal);
        return answerOf(path, body, call);
      }
    },
    async stream(path, { body, hear, signal }) {
      await authenticate(signal);
      const beginning = new AbortController();
      const onAbort = () => beginning.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        const response = await reach(path, body, { ...READ_CALL, signal: beginning.signal });
        if (response.statusCode !== 200) {
          const refusal = parseRefusal(response.statusCode ?? 0, await readAll(response));
          if (isTokenStale(refusal)) token = null;
          throw refusal;
        }
        const ended = new Promise<void>((resolve) => response.once('close', resolve));
        readLines(response, hear);
        return { ended, destroy: () => void response.destroy() };
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    close() {
      isClosed = true;
      for (const request of open) request.destroy(new UnavailableError(`${address.shown} was closed`));
      agent?.then(
        (opened) => opened.destroy(),
        () => undefined,
      );
    },
  };
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new UnavailableError('an answer of etcd has no end');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Hands over each whole line that is a JSON object; a broken one ends the stream. */
function readLines(response: IncomingMessage, hear: (line: JsonObject) => void): void {
  let rest = '';
  response.setEncoding('utf8');
  response.on('error', () => {
    // The close that follows tells whoever waits.
  });
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      try {
        const value: unknown = JSON.parse(line);
        if (isJsonObject(value)) hear(value);
      } catch (error) {
        response.destroy(error as Error);
      }
    }
  });
}
