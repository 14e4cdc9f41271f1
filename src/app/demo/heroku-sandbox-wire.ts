/**
 * The socket side of the Heroku sandbox: reads a request, sends an answer, and plays a fault on the way out.
 * Invariant: an answer that no fault touches is complete, with its length, and leaves the connection usable.
 */
import type * as http from 'node:http';
import type { SandboxAct } from './heroku-sandbox-faults.ts';
import type { SandboxAnswer, SandboxCall } from './heroku-sandbox-routes.ts';

const MAX_REQUEST_BYTES = 1024 * 1024;

/** Reads the request to its end. A body that is not JSON, or is too long, counts as none. */
export async function readCall(
  request: http.IncomingMessage,
): Promise<SandboxCall & { query: URLSearchParams }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_REQUEST_BYTES) chunks.push(chunk);
  }
  const url = new URL(request.url ?? '/', 'http://sandbox');
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    // Most requests have no body at all; a route that needs one refuses.
    body = undefined;
  }
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    range: singleHeader(request, 'range'),
    body,
  };
}

/** A request header, or null. */
export function singleHeader(request: http.IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

/** Sends the answer as JSON; a string body goes as it is. */
export function sendAnswer(response: http.ServerResponse, answer: SandboxAnswer): void {
  const text = encode(answer.body);
  const type = typeof answer.body === 'string' ? 'text/html; charset=utf-8' : 'application/json';
  response.writeHead(answer.status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    ...answer.headers,
  });
  response.end(text);
}

/** Sends what is left of the answer after the fault. */
export function playAct(
  response: http.ServerResponse,
  { act, answer }: { act: SandboxAct | null; answer: SandboxAnswer },
): void {
  if (act?.kind === 'hang') return;
  if (act?.kind === 'reset') response.socket?.resetAndDestroy();
  else if (act?.kind === 'truncate') truncate(response, { answer, end: act.end });
  else sendAnswer(response, answer);
}

/** What the fault makes of the true answer; `previousPage` is the last page that was sent. */
export function alterAnswer(
  answer: SandboxAnswer,
  { act, previousPage }: { act: SandboxAct | null; previousPage: readonly unknown[] },
): SandboxAnswer {
  if (act?.kind === 'answer') {
    const headers = Object.fromEntries(
      Object.entries(act.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    // A body that is JSON goes as JSON, anything else as a page of HTML.
    return { ...answer, status: act.status, headers, body: decode(act.body ?? '') };
  }
  if (act?.kind === 'next-range') {
    const { 'next-range': _replaced, ...headers } = answer.headers;
    if (act.value !== null) headers['next-range'] = act.value;
    return { ...answer, status: 206, headers };
  }
  if (act?.kind === 'overlap' && Array.isArray(answer.body))
    return { ...answer, body: [...previousPage.slice(-act.count), ...(answer.body as unknown[])] };
  return answer;
}

function truncate(
  response: http.ServerResponse,
  { answer, end }: { answer: SandboxAnswer; end: 'body' | 'connection' },
): void {
  const text = encode(answer.body);
  const half = text.slice(0, Math.floor(text.length / 2));
  const announced = end === 'body' ? half : text;
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(announced),
    ...answer.headers,
  });
  if (end === 'body') response.end(half);
  else response.write(half, () => response.socket?.destroy());
}

function encode(body: unknown): string {
  if (body === undefined) return '';
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: sent as the text it is.
    return text;
  }
}
