/**
 * Everything that came from outside (app names, holders, outputs, URLs, error bodies) passes here before it reaches a
 * log, a summary or a terminal. Invariant: the result is one line, without control characters, and carries no known secret.
 */

// C0, DEL, C1, line and paragraph separators, and the bidirectional controls that can reorder what a reader sees.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
const MAX_PLAIN = 256;

/** One printable line: control characters become visible escapes, the rest is cut at `max` characters with `…`. */
function plain(text        , max = MAX_PLAIN)         {
  const cut = text.length > max ? `${text.slice(0, max - 1)}…` : text;
  return cut.replace(UNSAFE, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Replaces every known secret (4 characters or longer) in a text by `***`, in plain, URL-encoded and base64 form. */
function createRedactor(secrets                  )                           {
  const forms = new Set        ();
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

/** Durations as users write them: a number and a unit, always. A bare number is ambiguous and therefore refused. */

const UNIT_MS                                   = Object.freeze({
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
});

/** A parsed value, or what is wrong with the text in words that follow the option's name. */
                                                                                

/** `90s`, `15m`, `12h`, `7d`, `500ms`, `1.5h` → milliseconds. At most 10 years. */
function parseDuration(text        )                 {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  const unitMs = match?.[2] === undefined ? undefined : UNIT_MS[match[2]];
  if (!match || unitMs === undefined) {
    const bare = /^\d+(\.\d+)?$/.test(text);
    return {
      ok: false,
      problem: bare
        ? `a duration needs a unit; write ${text}s, ${text}m, ${text}h or ${text}d`
        : 'is not a duration; write a number and a unit, such as 90s, 15m, 12h or 7d',
    };
  }
  const ms = Math.round(Number(match[1]) * unitMs);
  if (ms > 3650 * 86_400_000) return { ok: false, problem: 'is longer than ten years' };
  return { ok: true, value: ms };
}

/** Milliseconds as a person reads them, two units at most: `90 ms`, `4.2 s`, `15 m`, `2 h 5 m`, `3 d`. */
function formatDuration(ms        )         {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const units                     = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ];
  const first = units.findIndex(([, unitMs]) => ms >= unitMs);
  let leftMs = ms;
  const parts = units.slice(first, first + 2).map(([name, unitMs]) => {
    const count = Math.floor(leftMs / unitMs);
    leftMs -= count * unitMs;
    return count > 0 ? `${count} ${name}` : '';
  });
  return parts.filter(Boolean).join(' ');
}

export { parseDuration as a, createRedactor as c, formatDuration as f, plain as p };
