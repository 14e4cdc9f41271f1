// Runs two things in turn, many times, in one process, and compares medians: a machine that is busy is busy for both, so the
// ratio holds where the milliseconds do not.
export interface Comparison {
  readonly medianMs: number;
  readonly baselineMs: number;
  readonly ratio: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export async function timed(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

/** Interleaved pairs: subject, baseline, subject, baseline … after one warm-up of each. */
export async function compare(options: {
  rounds: number;
  subject: () => Promise<unknown>;
  baseline: () => Promise<unknown>;
}): Promise<Comparison> {
  await options.subject();
  await options.baseline();
  const subject: number[] = [];
  const baseline: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    subject.push(await timed(options.subject));
    baseline.push(await timed(options.baseline));
  }
  const [medianMs, baselineMs] = [median(subject), median(baseline)];
  return { medianMs, baselineMs, ratio: medianMs / baselineMs };
}

/** A Markdown table on standard output. */
export function printTable(title: string, rows: readonly Readonly<Record<string, string | number>>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const lines = [
    `### ${title}`,
    '',
    `| ${columns.join(' | ')} |`,
    `| ${columns.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${columns.map((column) => row[column] ?? '').join(' | ')} |`),
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
