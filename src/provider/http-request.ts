/**
 * One HTTP request, one exchange: what came back as values, whatever went wrong. Never retries, never follows a redirect
 * (so a credential reaches only the origin it was given for), never reads more than it was told to.
 * NOT guaranteed: that a request without an answer was not applied. Invariant: `send` throws only the caller's own
 * cancellation; everything the network does is an exchange with a `problem`.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { abortReason, type Clock, throwIfAborted } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';

/** Header names in lower case; one value each. */
export type HttpHeaders = Readonly<Record<string, string>>;

export interface HttpCall {
  method: 'GET' | 'DELETE';
  /** Starts with a slash; already URL-encoded; joined to the base URL's own path. */
  path: string;
  headers: HttpHeaders;
  /** A longer body is not read to its end: the exchange has a problem. */
  maxBodyBytes: number;
  signal: AbortSignal;
}

export interface HttpExchange {
  /** Null where no answer arrived. */
  readonly status: number | null;
  readonly headers: HttpHeaders;
  /** Empty where there is a problem: half a body says nothing. */
  readonly body: string;
  /** Why the answer is missing or incomplete, in words without secrets; null where it arrived whole. */
  readonly problem: string | null;
}

export interface HttpClient {
  /** Rejects only with the signal's reason. */
  send(call: HttpCall): Promise<HttpExchange>;
  /** Ends idle connections. */
  close(): void;
}

export interface HttpClientOptions {
  /** `http:` or `https:`; its path is a prefix of every call's. */
  baseUrl: URL;
  clock: Clock;
  /** From sending to the last byte of the body. */
  timeoutMs: number;
}

// Shorter than the 5 s after which many servers end an idle connection: a request sent into a closing one is doubtful.
const IDLE_CONNECTION_MS = 4000;

/** A client for one origin, with connections kept alive between calls. The caller closes it. */
export function createHttpClient({ baseUrl, clock, timeoutMs }: HttpClientOptions): HttpClient {
  const transport = baseUrl.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS });
  const prefix = baseUrl.pathname.replace(/\/+$/, '');
  return {
    async send(call) {
      throwIfAborted(call.signal);
      return await exchange(
        () =>
          transport.request({
            agent,
            protocol: baseUrl.protocol,
            // A bracketed IPv6 literal is a URL's spelling; a socket wants it bare.
            hostname: baseUrl.hostname.replace(/^\[(.*)\]$/, '$1'),
            port: baseUrl.port,
            method: call.method,
            path: `${prefix}${call.path}`,
            headers: call.headers,
          }),
        { call, clock, timeoutMs },
      );
    },
    close: () => agent.destroy(),
  };
}

function exchange(
  start: () => http.ClientRequest,
  { call, clock, timeoutMs }: { call: HttpCall; clock: Clock; timeoutMs: number },
): Promise<HttpExchange> {
  return new Promise((resolve, reject) => {
    let status: number | null = null;
    let headers: HttpHeaders = {};
    const chunks: Buffer[] = [];
    let size = 0;
    let isSettled = false;

    let request: http.ClientRequest;
    try {
      request = start();
    } catch (error) {
      // Node refuses characters that no header may carry; nothing was sent.
      resolve({
        status,
        headers,
        body: '',
        problem: `the request cannot be sent: ${describeFailure(error as Error)}`,
      });
      return;
    }
    const timer = clock.startTimer(timeoutMs, () =>
      settle(`no complete answer within ${formatDuration(timeoutMs)}`),
    );
    const onAbort = () => settle('cancelled');
    const settle = (problem: string | null) => {
      if (isSettled) return;
      isSettled = true;
      timer.cancel();
      call.signal.removeEventListener('abort', onAbort);
      // A connection with an unread rest must not go back to the agent.
      if (problem !== null) request.destroy();
      if (call.signal.aborted) return reject(abortReason(call.signal));
      const body = problem === null ? Buffer.concat(chunks).toString('utf8') : '';
      resolve({ status, headers, body, problem });
    };

    call.signal.addEventListener('abort', onAbort, { once: true });
    // Stays attached after settling: destroying a request may still report an error.
    request.on('error', (error) => settle(describeFailure(error)));
    request.on('response', (response) => {
      status = response.statusCode ?? null;
      headers = singleHeaders(response.headers);
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > call.maxBodyBytes) settle(`the answer is larger than ${call.maxBodyBytes} bytes`);
        else chunks.push(chunk);
      });
      response.on('error', (error) => settle(describeFailure(error)));
      response.on('end', () => settle(response.complete ? null : 'the answer broke off'));
    });
    request.end();
  });
}

function singleHeaders(raw: http.IncomingHttpHeaders): HttpHeaders {
  const single: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) if (typeof value === 'string') single[name] = value;
  return single;
}

const FAILURES: Readonly<Record<string, string>> = Object.freeze({
  ECONNRESET: 'the connection was reset',
  ECONNREFUSED: 'the connection was refused',
  EPIPE: 'the connection was closed',
  ENOTFOUND: 'the host name could not be resolved',
  EAI_AGAIN: 'the host name could not be resolved',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network is unreachable',
});

// Node's own messages may quote what was sent; codes do not.
function describeFailure(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return 'the connection failed';
  return `${FAILURES[code] ?? 'the connection failed'} (${code})`;
}
