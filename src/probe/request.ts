/**
 * One bounded GET: a time limit that includes the body, a body limit, no redirect followed, no retry but one (a kept
 * connection that the server had closed meanwhile). One connection per origin, kept alive and shared by all who ask through
 * the same Connections; requests to one origin queue for it. NOT guaranteed: that an answer comes; then it says why not.
 * Invariant: the limit starts when the connection is ours, so a slow neighbour in the queue never makes another one fail.
 */
import http from 'node:http';
import https from 'node:https';
import { abortReason, type Clock, type Timer, throwIfAborted } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';

export interface GetRequest {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export type GetAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Lower-case names; of a repeated header the values joined. */
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      /** The body went on beyond the limit; `body` is its beginning. */
      readonly cut: boolean;
    }
  /** Nothing usable came: name, connection, TLS, time limit, broken answer. */
  | { readonly kind: 'no-answer'; readonly detail: string };

export interface Connections {
  /** Rejects only with the signal's reason. The URL carries no credentials. */
  get(url: URL, request: GetRequest): Promise<GetAnswer>;
  /** Ends idle and busy connections. */
  close(): void;
}

export interface ConnectionsOptions {
  readonly clock: Clock;
  /** For one try, body included. */
  readonly timeoutMs?: number;
  readonly bodyLimitBytes?: number;
}

/** Body bytes read at most. */
export const BODY_LIMIT_BYTES = 64 * 1024;
const TIMEOUT_MS = 5000;

/** The shared connections of one opener; whoever creates them closes them. */
export function createConnections(options: ConnectionsOptions): Connections {
  const settings = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 };
  const agents = { http: new http.Agent(settings), https: new https.Agent(settings) };
  return {
    async get(url, request) {
      throwIfAborted(request.signal);
      const first = await send(url, request, { ...options, agents });
      if (first !== 'stale-connection') return first;
      const second = await send(url, request, { ...options, agents });
      return second === 'stale-connection'
        ? { kind: 'no-answer', detail: 'the connection was reset' }
        : second;
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

interface SendOptions extends ConnectionsOptions {
  readonly agents: { readonly http: http.Agent; readonly https: https.Agent };
}

function send(url: URL, { headers, signal }: GetRequest, options: SendOptions) {
  const { clock, timeoutMs = TIMEOUT_MS, bodyLimitBytes = BODY_LIMIT_BYTES, agents } = options;
  return new Promise<GetAnswer | 'stale-connection'>((resolve, reject) => {
    let timer: Timer | null = null;
    let settled = false;
    const request =
      url.protocol === 'https:'
        ? https.request(url, { method: 'GET', headers, agent: agents.https })
        : http.request(url, { method: 'GET', headers, agent: agents.http });
    const settle = (act: () => void) => {
      if (settled) return;
      settled = true;
      timer?.cancel();
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const giveUp = (detail: string) => {
      settle(() => resolve({ kind: 'no-answer', detail }));
      request.destroy();
    };
    const onAbort = () => {
      settle(() => reject(abortReason(signal)));
      request.destroy();
    };
    const onError = (error: Error & { code?: string }) => {
      // The server may close a kept connection just as we use it; nobody had read this request.
      if (request.reusedSocket && error.code === 'ECONNRESET') settle(() => resolve('stale-connection'));
      else giveUp(describeFailure(error, url));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    request.on('error', onError);
    request.on('socket', () => {
      timer ??= clock.startTimer(timeoutMs, () =>
        giveUp(`no complete answer within ${formatDuration(timeoutMs)}`),
      );
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const finish = (cut: boolean) =>
        settle(() =>
          resolve({
            kind: 'answer',
            status: response.statusCode ?? 0,
            headers: flatten(response.headers),
            body: Buffer.concat(chunks).subarray(0, bodyLimitBytes).toString('utf8'),
            cut,
          }),
        );
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes <= bodyLimitBytes) return;
        finish(true);
        request.destroy();
      });
      response.on('end', () => finish(false));
      response.on('error', onError);
      response.on('aborted', () => giveUp('the connection ended in the middle of the answer'));
    });
    request.end();
  });
}

function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  return flat;
}

function describeFailure(error: Error & { code?: string }, url: URL): string {
  const code = error.code ?? 'no code';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name ${url.hostname} is not known (${code})`;
  if (code === 'ECONNREFUSED') return `the connection to ${url.host} was refused (${code})`;
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)|EPROTO/.test(code)) return `TLS: ${code}`;
  if (code.startsWith('HPE_')) return `the answer is not HTTP (${code})`;
  return `the connection failed (${code})`;
}
