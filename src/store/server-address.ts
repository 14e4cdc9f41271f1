/**
 * Addresses of engines, as pure functions: what is wrong with a URL is said while the configuration is read, before anything
 * is opened. Invariant: neither `shown` nor a problem carries a user, a password or a parameter.
 */
import type { Parsed } from '../base/duration.ts';
import { plain } from '../base/text.ts';

/** One server, or several that stand for one store. */
export interface ServerAddress {
  readonly isTls: boolean;
  readonly user: string | null;
  readonly password: string | null;
  /** At least one. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** Without the leading slash; decoded. */
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** For people. */
  readonly shown: string;
}

interface ServerScheme {
  /** As it is written: `redis`, `rediss`. */
  readonly scheme: string;
  readonly isTls: boolean;
  readonly defaultPort: number;
  /** The parameters it takes after `?`. */
  readonly parameters: readonly string[];
  /** Says what is wrong with the path; null where nothing is. */
  checkPath(path: string): string | null;
}

/** Files for TLS: a private authority, a client's certificate and its key. */
const TLS_PARAMETERS = ['ca', 'cert', 'key'];

const REDIS = {
  defaultPort: 6379,
  checkPath: (path: string) =>
    /^\d{0,5}$/.test(path) ? null : 'names a database that is no number; write redis://HOST:6379/0',
};

const ETCD = {
  defaultPort: 2379,
  checkPath: (path: string) => (path === '' ? null : 'has a path; write etcd://HOST:2379 and --namespace'),
};

const SCHEMES: readonly ServerScheme[] = [
  { ...REDIS, scheme: 'redis', isTls: false, parameters: ['sentinel'] },
  { ...REDIS, scheme: 'rediss', isTls: true, parameters: ['sentinel', ...TLS_PARAMETERS] },
  { ...ETCD, scheme: 'etcd', isTls: false, parameters: [] },
  { ...ETCD, scheme: 'etcds', isTls: true, parameters: TLS_PARAMETERS },
];

/** `redis[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…][/DB]`, `etcd[s]://…`: `url` with its scheme in small letters. */
export function parseServerUrl(url: string): Parsed<ServerAddress> {
  const fail = (problem: string): Parsed<ServerAddress> => ({ ok: false, problem });
  const colon = url.indexOf(':');
  const found = SCHEMES.find(({ scheme }) => scheme === url.slice(0, colon));
  if (!found) return fail('names no known kind of server');
  const { scheme, defaultPort } = found;
  const example = `write ${scheme}://HOST:${defaultPort}`;
  const [, authority, rawPath = '', query = ''] =
    /^\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url.slice(colon + 1)) ?? [];
  if (authority === undefined) {
    return fail(`is no address of a server; ${example}, with / ? # in a password written as %2F %3F %23`);
  }
  const at = authority.lastIndexOf('@');
  const credentials = parseCredentials(at < 0 ? '' : authority.slice(0, at));
  const path = decode(rawPath);
  if (!credentials || path === null) return fail('has a % that is not followed by two hex digits');

  const hosts: { host: string; port: number }[] = [];
  for (const text of authority.slice(at + 1).split(',')) {
    const [, bracketed, bare, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*))(?::(.*))?$/.exec(text) ?? [];
    const host = bracketed ?? bare;
    if (host === undefined) return fail(`names a host that is none: ${plain(text, 80)}; ${example}`);
    if (host === '') return fail(`names no host; ${example}`);
    const number = port === undefined ? defaultPort : Number(port);
    if (!/^\d{1,5}$/.test(port ?? '1') || number < 1 || number > 65_535) {
      return fail(`names a port that is none: ${plain(port ?? '', 20)}; ${example}`);
    }
    hosts.push({ host, port: number });
  }

  const parameters = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(parameters).find((name) => !found.parameters.includes(name));
  if (unknown !== undefined) {
    const known = found.parameters.length > 0 ? `it takes ${found.parameters.join(', ')}` : 'it takes none';
    return fail(`has an unknown parameter: ${plain(unknown, 40)}; ${known}`);
  }
  const problem = found.checkPath(path);
  if (problem) return fail(problem);
  const names = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const shown = plain(`${scheme}://${names}${path === '' ? '' : `/${path}`}`, 512);
  return {
    ok: true,
    value: Object.freeze({ isTls: found.isTls, ...credentials, hosts, path, parameters, shown }),
  };
}

/** `postgres[ql]://…` as its client takes it; everything after `?` is the client's. */
export function parsePostgresUrl(url: string): Parsed<{ readonly shown: string }> {
  const fail = (problem: string): Parsed<{ shown: string }> => ({ ok: false, problem });
  const example = 'write postgres://USER:PASSWORD@HOST:5432/DATABASE';
  if (!/^postgres(ql)?:\/\//.test(url)) return fail(`is no address of a server; ${example}`);
  const authority = /^[a-z]+:\/\/([^/?#]*)/.exec(url)?.[1] ?? '';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const port = /:([^:\]]*)$/.exec(host)?.[1];
  if (host.includes(',')) return fail(`names several hosts, which the client cannot take; ${example}`);
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)) {
    return fail(`names a port that is none: ${plain(port, 20)}; ${example}`);
  }
  let parsed: URL;
  try {
    // Without a host (a socket's folder comes as a parameter) a URL may have no user; the placeholder is never shown.
    parsed = new URL(url.replace(/@(?=[/?]|$)/, '@socket'));
  } catch {
    return fail(`is no URL; ${example}, with / ? # @ in a password written as %2F %3F %23 %40`);
  }
  if (parsed.hash !== '') return fail('has a #; in a password write %23');
  const given = parsed.searchParams.get('host');
  if (host === '' && !given) return fail(`names no host; ${example}`);
  const isDecodable = [parsed.username, parsed.password, parsed.pathname].every(
    (text) => decode(text) !== null,
  );
  if (!isDecodable) return fail('has a % that is not followed by two hex digits');
  const where = given ?? host;
  return { ok: true, value: Object.freeze({ shown: plain(`postgres://${where}${parsed.pathname}`, 512) }) };
}

function parseCredentials(text: string): Pick<ServerAddress, 'user' | 'password'> | null {
  const colon = text.indexOf(':');
  const user = decode(colon < 0 ? text : text.slice(0, colon));
  const password = decode(colon < 0 ? '' : text.slice(colon + 1));
  if (user === null || password === null) return null;
  return { user: user || null, password: password || null };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    // Malformed escapes: the caller says so.
    return null;
  }
}
