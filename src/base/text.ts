/**
 * Everything that came from outside (app names, holders, outputs, URLs, error bodies) passes here before it reaches a
 * log, a summary or a terminal. Invariant: the result is one line, without control characters, and carries no known secret.
 */

// C0, DEL, C1, line and paragraph separators, and the bidirectional controls that can reorder what a reader sees.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
const MAX_PLAIN = 256;

/** One printable line: control characters become visible escapes, the rest is cut at `max` characters with `…`. */
export function plain(text: string, max = MAX_PLAIN): string {
  const cut = text.length > max ? `${text.slice(0, max - 1)}…` : text;
  return cut.replace(UNSAFE, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** For a line of a GitHub log: additionally breaks `::command::` and `##[command]`, which the runner parses. */
export function forWorkflowLog(text: string, max = MAX_PLAIN): string {
  return plain(text, max)
    .replace(/:(?=:)/g, ':\u200b')
    .replaceAll('##[', '#\u200b#[');
}

/** For a cell or line of GitHub Markdown: no markup, no mention, no link, no pipe. */
export function forMarkdown(text: string, max = MAX_PLAIN): string {
  return plain(text, max)
    .replace(/[&<>\\`*_{}[\]()#+!|~$:@]/g, (char) => `&#${char.charCodeAt(0)};`)
    .replace(/\b(https?|www)(?=[.:&])/gi, '$1\u200b');
}

/** Replaces every known secret (4 characters or longer) in a text by `***`, in plain, URL-encoded and base64 form. */
export function createRedactor(secrets: Iterable<string>): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < 4) continue;
    forms.add(secret);
    forms.add(encodeURIComponent(secret));
    forms.add(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
  }
  // The longest first, so that a secret that contains another one goes whole.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}
