/** Which values of a host's world are secrets, so that its logger can hide them wherever they turn up. */

/** Variables whose value is a credential. */
const SECRET_NAMES = [
  'HEROKU_API_KEY',
  'GITHUB_TOKEN',
  'ACTIONS_RUNTIME_TOKEN',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
];

/** Credentials in the environment and in store URLs (`redis://user:password@host`, `postgres://host/db?password=…`). */
export function secretsOf(
  env: Readonly<Record<string, string | undefined>>,
  texts: readonly (string | null | undefined)[],
): string[] {
  const fromNames = SECRET_NAMES.map((name) => env[name]);
  const fromUrls = texts.flatMap((text) => [
    /^(?:--store=)?[a-z]+:\/\/[^/@]*:([^/@]+)@/.exec(text ?? '')?.[1],
    /^(?:--store=)?[a-z]+:\/\/[^?]*\?(?:[^&]*&)*password=([^&#]+)/.exec(text ?? '')?.[1],
  ]);
  const all = [...fromNames, ...fromUrls, ...fromUrls.map((text) => text && decodeOrKeep(text))];
  return all.filter((value): value is string => typeof value === 'string' && value !== '');
}

function decodeOrKeep(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not URL-encoded: then it stands for itself.
    return text;
  }
}
