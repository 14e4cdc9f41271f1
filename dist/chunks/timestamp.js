/** Timestamps as providers write them. Pure. What cannot be read is null: an unknown age protects, a guessed one deletes. */

const ISO_8601 = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
const EARLIEST_MS = Date.UTC(2000, 0, 1);

/** An ISO 8601 timestamp with a zone as epoch ms; null for anything else, for dates that no calendar has, and before 2000. */
function parseTimestamp(value         )                {
  const match = typeof value === 'string' ? ISO_8601.exec(value) : null;
  if (!match) return null;
  const [year, month, day] = match.slice(1, 4).map(Number)                            ;
  // The engine reads 30 February as 2 March.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return null;
  const ms = Date.parse(match[0]);
  // Zero values (1970, the year 1) mean "not set", never "very old".
  return ms >= EARLIEST_MS ? ms : null;
}

export { parseTimestamp as p };
