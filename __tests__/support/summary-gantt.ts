// Reads the Mermaid gantt of a job summary with the grammar that the timelines keep to, strictly: a line that Mermaid could
// take for something else (a comment, a directive, a click, a second colon) is an error.
export interface GanttBar {
  readonly label: string;
  readonly tags: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
}

export interface Gantt {
  readonly sections: readonly { readonly title: string; readonly bars: readonly GanttBar[] }[];
}

const HEAD = [
  /^gantt$/,
  /^ {2}dateFormat HH:mm:ss\.SSS$/,
  /^ {2}axisFormat %[\w.:%]+$/,
  /^ {2}todayMarker off$/,
];
const SECTION = /^ {2}section ([\w ]+)$/;
const BAR =
  /^ {2}([\p{L}\p{N} ._/,…·-]+) :((?:active|done|crit), )?(\d\d:\d\d:\d\d\.\d{3}), (\d\d:\d\d:\d\d\.\d{3})$/u;

/** The one chart of a summary. Throws where there is none, more than one, or one that is not plain. */
export function readGantt(summary: string): Gantt {
  const blocks = [...summary.matchAll(/^```mermaid\n([\s\S]*?)\n```$/gm)].map(([, body = '']) => body);
  if (blocks.length !== 1 || blocks[0] === undefined)
    throw new Error(`${blocks.length} charts in ${summary}`);
  const lines = blocks[0].split('\n');
  for (const [at, form] of HEAD.entries())
    if (!form.test(lines[at] ?? '')) throw new Error(`no head of a gantt: ${lines[at]}`);
  const sections: { title: string; bars: GanttBar[] }[] = [];
  for (const line of lines.slice(HEAD.length)) {
    const title = SECTION.exec(line)?.[1];
    const [, label, tag = '', start, end] = BAR.exec(line) ?? [];
    if (title !== undefined) sections.push({ title, bars: [] });
    else if (label === undefined || start === undefined || end === undefined || sections.length === 0)
      throw new Error(`not a bar: ${line}`);
    else
      sections.at(-1)?.bars.push({
        label: label.trim(),
        tags: tag === '' ? [] : [tag.slice(0, -2)],
        startMs: parseTime(start),
        endMs: parseTime(end),
      });
  }
  for (const { label, startMs, endMs } of sections.flatMap(({ bars }) => bars))
    if (endMs <= startMs) throw new Error(`${label} ends before it starts`);
  return { sections };
}

function parseTime(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(':').map(Number);
  return Math.round((hours * 3600 + minutes * 60 + seconds) * 1000);
}
