/**
 * TARGET texts as users write them, parsed once and before any request: `https://…`, `command:…`, `check:NAME`,
 * `github-check:NAME@REF`, `github-deployment:ENVIRONMENT`, `heroku-release:APP`. Pure.
 * Invariant: neither a problem nor a display repeats a credential, a query value or a command's arguments.
 */
import type { Parsed } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import { splitWords } from '../base/words.ts';

export type Target =
  | {
      readonly kind: 'http';
      /** Without user, password and fragment. */
      readonly url: string;
      readonly credentials: { readonly user: string; readonly password: string } | null;
    }
  | { readonly kind: 'command'; readonly file: string; readonly args: readonly string[] }
  | { readonly kind: 'check'; readonly name: string }
  | { readonly kind: 'github-check'; readonly name: string; readonly ref: string }
  | { readonly kind: 'github-deployment'; readonly environment: string }
  | { readonly kind: 'heroku-release'; readonly app: string };

const FORMS =
  'https://…, http://…, command:…, check:NAME, github-check:NAME@REF, github-deployment:ENVIRONMENT or heroku-release:APP';
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f]/;
const HEROKU_APP = /^([a-z][a-z0-9-]{1,28}[a-z0-9]|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** One TARGET, or what is wrong with it in words that follow the option's name. */
export function parseTarget(text: string): Parsed<Target> {
  const trimmed = text.trim();
  const scheme = /^([a-z][a-z-]*):/i.exec(trimmed)?.[1]?.toLowerCase();
  const rest = scheme === undefined ? '' : trimmed.slice(scheme.length + 1);
  if (scheme === undefined) return problem(`is not a target; write ${FORMS}`);
  if (scheme !== 'command' && UNPRINTABLE.test(trimmed)) return problem('contains a control character');
  switch (scheme) {
    case 'http':
    case 'https':
      return parseHttp(trimmed);
    case 'command':
      return parseCommand(rest);
    case 'check':
      return rest === ''
        ? problem('needs a name: check:NAME')
        : { ok: true, value: { kind: 'check', name: rest } };
    case 'github-check':
      return parseGithubCheck(rest);
    case 'github-deployment':
      return rest === ''
        ? problem('needs an environment: github-deployment:ENVIRONMENT')
        : { ok: true, value: { kind: 'github-deployment', environment: rest } };
    case 'heroku-release':
      return HEROKU_APP.test(rest)
        ? { ok: true, value: { kind: 'heroku-release', app: rest } }
        : problem("needs an app's name or id: heroku-release:APP");
    default:
      return problem(`has the unknown kind "${plain(scheme, 40)}"; write ${FORMS}`);
  }
}

/** The target as people may see it: no user, no password, no query value, no argument. */
export function displayTarget(target: Target): string {
  switch (target.kind) {
    case 'http': {
      const url = new URL(target.url);
      const names = [...url.searchParams.keys()].map((name) => `${name}=***`).join('&');
      return plain(`${url.origin}${url.pathname}${names === '' ? '' : `?${names}`}`);
    }
    case 'command':
      return plain(`command:${target.file}${target.args.length > 0 ? ' …' : ''}`);
    case 'check':
      return plain(`check:${target.name}`);
    case 'github-check':
      return plain(`github-check:${target.name}@${target.ref}`);
    case 'github-deployment':
      return plain(`github-deployment:${target.environment}`);
    case 'heroku-release':
      return plain(`heroku-release:${target.app}`);
  }
}

/**
 * Displays that tell several targets apart: two that look alike without their secrets get `#2`, `#3` … in the order given.
 */
export function displayTargets(targets: readonly Target[]): string[] {
  const seen = new Map<string, number>();
  return targets.map((target) => {
    const display = displayTarget(target);
    const count = (seen.get(display) ?? 0) + 1;
    seen.set(display, count);
    return count === 1 ? display : `${display}#${count}`;
  });
}

function parseHttp(text: string): Parsed<Target> {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The parser's own message repeats the text, password included.
    return problem('is not a URL');
  }
  let credentials: { user: string; password: string } | null = null;
  try {
    if (url.username !== '' || url.password !== '')
      credentials = {
        user: decodeURIComponent(url.username),
        password: decodeURIComponent(url.password),
      };
  } catch {
    return problem('has a user or password that is not URL-encoded (write % as %25)');
  }
  if (credentials?.user.includes(':'))
    return problem('has a colon in its user name, which Basic authorization cannot carry');
  url.username = '';
  url.password = '';
  url.hash = '';
  return { ok: true, value: { kind: 'http', url: url.href, credentials } };
}

function parseCommand(text: string): Parsed<Target> {
  const trimmed = text.trim();
  const words = trimmed.startsWith('[') ? parseWordList(trimmed) : splitWords(trimmed);
  if (!words.ok) return words;
  const [file, ...args] = words.value;
  if (file === undefined || file === '') return problem('needs a command: command:PROGRAM ARGUMENTS…');
  if (words.value.some((word) => word.includes('\0'))) return problem('contains a NUL character');
  return { ok: true, value: { kind: 'command', file, args } };
}

function parseWordList(text: string): Parsed<string[]> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return problem('starts with [ but is not a JSON list of strings');
  }
  return Array.isArray(value) && value.every((word) => typeof word === 'string')
    ? { ok: true, value }
    : problem('is a JSON list, but not only of strings');
}

function parseGithubCheck(rest: string): Parsed<Target> {
  // The last @, since a check's name may contain one and a ref hardly ever does.
  const at = rest.lastIndexOf('@');
  const name = rest.slice(0, Math.max(0, at));
  const ref = rest.slice(at + 1);
  return name === '' || ref === ''
    ? problem('needs a name and a ref: github-check:NAME@REF')
    : { ok: true, value: { kind: 'github-check', name, ref } };
}

function problem(text: string): { ok: false; problem: string } {
  return { ok: false, problem: text };
}
