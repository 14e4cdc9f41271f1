import { i as invariant } from './errors.js';

/**
 * Keys: `<namespace>/<kind>/<name…>`, each segment escaped into `[a-z0-9._~-]` so that it is safe as a file name, on
 * case-insensitive file systems too. Escaping is injective: two names never share a key. In a git ref a key goes by
 * `formatRefPath`, since git refuses `~`.
 */

const SAFE = /[a-z0-9._-]/;

/** One segment: bytes outside `[a-z0-9._-]` become `~hh`; so do a leading dot, each `..`'s second dot, and a final `.lock`'s dot. */
function escapeSegment(text        )         {
  invariant(text.length > 0, 'a key segment is empty');
  let escaped = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const char = String.fromCharCode(byte);
    const dotNeedsEscape = char === '.' && (escaped === '' || escaped.endsWith('.'));
    escaped += SAFE.test(char) && !dotNeedsEscape ? char : `~${byte.toString(16).padStart(2, '0')}`;
  }
  if (escaped.endsWith('.lock')) escaped = `${escaped.slice(0, -5)}~2elock`;
  // git refuses a component that ends in a dot.
  return escaped.endsWith('.') ? `${escaped.slice(0, -1)}~2e` : escaped;
}

/** The inverse of {@link escapeSegment}; text that no segment has comes back as it is. */
function unescapeSegment(segment        )         {
  const bytes = segment.replace(/~([0-9a-f]{2})/g, (_, hex        ) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Joins raw segments into a key. */
function createKey(...segments                   )         {
  return segments.map(escapeSegment).join('/');
}

/** The raw segments of a key. */
function splitKey(key        )           {
  return key.split('/').map(unescapeSegment);
}

const REF_LEAF = '/@';

/**
 * The key as the end of a git ref's name: `~` becomes `=`, which git takes and no key has, and a leaf that no segment can be
 * called keeps `a` and `a/b` apart, which git could not hold side by side.
 */
function formatRefPath(key        )         {
  return key.replaceAll('~', '=') + REF_LEAF;
}

/** The inverse of {@link formatRefPath}; null for a ref that no key has. */
function parseRefPath(path        )                {
  return path.endsWith(REF_LEAF) ? path.slice(0, -REF_LEAF.length).replaceAll('=', '~') : null;
}

export { createKey as c, formatRefPath as f, parseRefPath as p, splitKey as s };
