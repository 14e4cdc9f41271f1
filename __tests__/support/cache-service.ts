// The cache service of GitHub Actions (version 2) on loopback, as far as the real @actions/cache client needs it: reservations,
// uploads, look-ups by prefix in the order of scopes, downloads. With what makes the real one hard: 409 on a second save,
// read-only tokens, limits, errors, reservations that hang, blobs that end half way. Every call is written down.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const SERVICE = '/twirp/github.actions.results.api.v1.CacheService/';

export type CacheMethod =
  | 'CreateCacheEntry'
  | 'FinalizeCacheEntryUpload'
  | 'GetCacheEntryDownloadURL'
  | 'upload'
  | 'download';

export type CacheFault =
  | { kind: 'status'; status: number; retryAfterSeconds?: number }
  /** The connection stays open and silent; a reservation is made all the same. */
  | { kind: 'hang' }
  /** Half of the blob, then the end. */
  | { kind: 'truncate' };

export interface CacheEntry {
  readonly key: string;
  readonly version: string;
  readonly scope: string;
  /** Finalized: others can see it. */
  readonly isReady: boolean;
  readonly blob: Buffer | null;
}

/** What a token may do. The first scope is the own one, where it writes; all are read, in this order. */
export interface CacheGrant {
  readonly scopes: readonly string[];
  readonly isReadOnly?: boolean;
}

export interface CacheService {
  url: string;
  log: { method: CacheMethod; status: number; key: string }[];
  entries: CacheEntry[];
  plan: (method: CacheMethod) => CacheFault | undefined;
  /** The variables a runner gives to the step of an Action. */
  variables(token?: string): Record<string, string>;
  countOf(method: CacheMethod): number;
  close(): Promise<void>;
}

/** Starts a service; the caller closes it. Tokens without a grant read and write `refs/heads/main`. */
export async function startCacheService(
  options: { grants?: Readonly<Record<string, CacheGrant>> } = {},
): Promise<CacheService> {
  const { grants = {} } = options;
  const service: CacheService = {
    url: '',
    log: [],
    entries: [],
    plan: () => undefined,
    variables: (token = 'runtime-token') => ({
      ACTIONS_RESULTS_URL: `${service.url}/`,
      ACTIONS_RUNTIME_TOKEN: token,
      ACTIONS_CACHE_SERVICE_V2: 'True',
      GITHUB_SERVER_URL: 'https://github.com',
    }),
    countOf: (method) => service.log.filter((each) => each.method === method).length,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  const answer = (response: ServerResponse, status: number, body: unknown, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
    return status;
  };
  const find = (scope: string, version: string, matches: (key: string) => boolean) =>
    service.entries.findLast(
      (entry) => entry.isReady && entry.scope === scope && entry.version === version && matches(entry.key),
    );

  const call = (method: CacheMethod, exchange: Exchange): number => {
    const { response, token, body } = exchange;
    const { scopes, isReadOnly = false } = grants[token] ?? { scopes: ['refs/heads/main'] };
    const [own = ''] = scopes;
    const { key = '', version = '', restore_keys: restoreKeys = [] } = body;
    if (method === 'GetCacheEntryDownloadURL') {
      for (const scope of scopes) {
        const wanted = [
          (name: string) => name === key,
          ...restoreKeys.map((prefix) => (name: string) => name.startsWith(prefix)),
        ];
        const found = wanted.map((matches) => find(scope, version, matches)).find((entry) => entry);
        if (!found) continue;
        const at = service.entries.indexOf(found);
        return answer(response, 200, {
          ok: true,
          signed_download_url: `${service.url}/blob/${at}?sig=download-secret`,
          matched_key: found.key,
        });
      }
      return answer(response, 200, { ok: false, signed_download_url: '', matched_key: '' });
    }
    if (isReadOnly) {
      return answer(response, 403, { code: 'permission_denied', msg: 'cache write denied: read-only' });
    }
    const present = service.entries.findIndex(
      (entry) => entry.scope === own && entry.key === key && entry.version === version,
    );
    if (method === 'CreateCacheEntry') {
      if (present >= 0) {
        return answer(response, 409, { code: 'already_exists', msg: 'cache entry already exists' });
      }
      service.entries.push({ key, version, scope: own, isReady: false, blob: null });
      const at = service.entries.length - 1;
      return answer(response, 200, {
        ok: true,
        signed_upload_url: `${service.url}/blob/${at}?sig=upload-secret`,
      });
    }
    const entry = service.entries[present];
    if (!entry?.blob) return answer(response, 404, { code: 'not_found', msg: 'no such upload' });
    service.entries[present] = { ...entry, isReady: true };
    return answer(response, 200, { ok: true, entry_id: String(present + 1) });
  };

  const serveBlob = (method: CacheMethod, exchange: Exchange): number => {
    const { request, response, raw } = exchange;
    const at = Number(/^\/blob\/(\d+)/.exec(request.url ?? '')?.[1] ?? -1);
    const entry = service.entries[at];
    if (!entry) return answer(response, 404, {});
    if (method === 'download') {
      response.writeHead(200, { 'content-length': entry.blob?.length ?? 0 });
      response.end(request.method === 'HEAD' ? undefined : entry.blob);
      return 200;
    }
    service.entries[at] = { ...entry, blob: raw };
    const date = new Date().toUTCString();
    return answer(
      response,
      201,
      {},
      { etag: '"1"', 'last-modified': date, date, 'x-ms-version': '2023-11-03' },
    );
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const path = request.url ?? '';
    const isCall = path.startsWith(SERVICE);
    const method = (
      isCall ? path.slice(SERVICE.length) : request.method === 'PUT' ? 'upload' : 'download'
    ) as CacheMethod;
    const body = isCall ? (JSON.parse(raw.toString('utf8')) as CallBody) : {};
    const token = /^bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const exchange = { request, response, token, body, raw };
    const fault = service.plan(method);
    const note = (status: number) => service.log.push({ method, status, key: body.key ?? '' });
    if (fault?.kind === 'status') {
      const { status, retryAfterSeconds } = fault;
      const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
      note(answer(response, status, { code: 'unavailable', msg: 'so it is planned' }, headers));
    } else if (fault?.kind === 'hang') {
      note(0);
    } else if (fault?.kind === 'truncate') {
      const blob = service.entries[Number(/\d+/.exec(path)?.[0] ?? -1)]?.blob ?? raw;
      response.writeHead(200, { 'content-length': blob.length });
      response.write(blob.subarray(0, blob.length / 2));
      setImmediate(() => response.destroy());
      note(200);
    } else note(isCall ? call(method, exchange) : serveBlob(method, exchange));
  };

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return service;
}

interface CallBody {
  key?: string;
  version?: string;
  restore_keys?: string[];
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  token: string;
  body: CallBody;
  raw: Buffer;
}
