/** Durations as users write them: a number and a unit, always. A bare number is ambiguous and therefore refused. */

const UNIT_MS: Readonly<Record<string, number>> = Object.freeze({
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
});

/** A parsed value, or what is wrong with the text in words that follow the option's name. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string };

/** `90s`, `15m`, `12h`, `7d`, `500ms`, `1.5h` → milliseconds. At most 10 years. */
export function parseDuration(text: string): Parsed<number> {
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
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const units: [string, number][] = [
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
