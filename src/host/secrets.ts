/** Which values of a host's world are secrets, so that its logger can hide them wherever they turn up. */

/** Variables whose value is a credential. */
const SECRET_NAMES = [
  'HEROKU_API_KEY',
  'GITHUB_TOKEN',
  'ACTIONS_RUNTIME_TOKEN',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
];

/** All of the text: a script in which a URL occurs is none. */
const URL_WITH_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/([^\s/@:]*:([^\s/@]+)@)\S+$/i;
/** `postgres://postgres:postgres@localhost` is in every second workflow, and its password in many harmless texts. */
const MIN_LONE_PASSWORD = 12;

/** Credentials in the environment and in store URLs (`redis://user:password@host`, `postgres://host/db?password=…`). */
export function secretsOf(
  env: Readonly<Record<string, string | undefined>>,
  texts: readonly (string | null | undefined)[],
): string[] {
  const fromNames = SECRET_NAMES.map((name) => env[name]);
  const fromUrls = texts
    .filter(hasUrl)
    .flatMap((text) => [
      /^(?:--store=)?[a-z]+:\/\/[^/@]*:([^/@]+)@/.exec(text)?.[1],
      /^(?:--store=)?[a-z]+:\/\/[^?]*\?(?:[^&]*&)*password=([^&#]+)/.exec(text)?.[1],
    ]);
  const found = [...fromUrls, ...Object.values(env).filter(hasUrl).flatMap(passwordIn)];
  const all = [...fromNames, ...found, ...found.map((text) => text && decodeOrKeep(text))];
  return all.filter((value): value is string => typeof value === 'string' && value !== '');
}

/** Most texts are sorted out by this, before any pattern is compiled. */
function hasUrl(text: string | null | undefined): text is string {
  return text?.includes('://') === true;
}

/** Of a variable like `DATABASE_URL`: what fails likes to print it. The password with its place in the URL, a long one alone. */
function passwordIn(value: string): string[] {
  const [, pair, password = ''] = URL_WITH_PASSWORD.exec(value) ?? [];
  if (pair === undefined) return [];
  return password.length < MIN_LONE_PASSWORD ? [pair] : [pair, password];
}

/** The text without its URL-encoding, where it has one. */
export function decodeOrKeep(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not URL-encoded: then it stands for itself.
    return text;
  }
}
