const ISO_8601 = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

const EARLIEST_MS = Date.UTC(2e3, 0, 1);

function parseTimestamp(value) {
 const match = typeof value === "string" ? ISO_8601.exec(value) : null;
 if (!match) return null;
 const [year, month, day] = match.slice(1, 4).map(Number);
 if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return null;
 const ms = Date.parse(match[0]);
 return ms >= EARLIEST_MS ? ms : null;
}

export { parseTimestamp as p };
