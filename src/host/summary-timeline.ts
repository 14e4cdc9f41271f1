/**
 * A timeline as a Mermaid gantt chart. Pure. GitHub draws it in the job summary; where Mermaid is missing its text still reads.
 * Invariant: a label consists of letters, digits and a few harmless signs and never stands at the start of a line's grammar,
 * so no name can end a task, open a section or become a directive.
 */

export interface TimelineBar {
  /** Lower-case word in front of the name: what happened. Never from outside. */
  readonly word: string;
  /** May come from outside; cut and cleaned here. */
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly kind: 'normal' | 'done' | 'trouble';
}

export interface TimelineSection {
  /** Never from outside. */
  readonly title: string;
  readonly bars: readonly TimelineBar[];
}

const MAX_LABEL = 44;
const TAGS = { normal: 'active, ', done: 'done, ', trouble: 'crit, ' } as const;

/** The chart as a fenced block; empty where there is nothing to draw. Times are ms since the step began. */
export function renderTimeline(sections: readonly TimelineSection[]): string {
  const drawn = sections.filter((section) => section.bars.length > 0);
  if (drawn.length === 0) return '';
  const endMs = Math.max(...drawn.flatMap((section) => section.bars.map((bar) => bar.endMs)));
  return [
    '```mermaid',
    'gantt',
    '  dateFormat HH:mm:ss.SSS',
    `  axisFormat ${axisFormat(endMs)}`,
    '  todayMarker off',
    ...drawn.flatMap(({ title, bars }) => [
      `  section ${title}`,
      ...bars.map((bar) => `  ${renderBar(bar, endMs)}`),
    ]),
    '```',
  ].join('\n');
}

function renderBar({ word, name, startMs, endMs, kind }: TimelineBar, lastMs: number): string {
  // A bar narrower than a hair is drawn as a hair, so that it can be seen and pointed at.
  const shownEndMs = Math.max(endMs, startMs + Math.max(1, lastMs / 200));
  return `${word} ${cleanLabel(name)} :${TAGS[kind]}${timeOf(startMs)}, ${timeOf(shownEndMs)}`;
}

/** What Mermaid's grammar cannot trip over. */
export function cleanLabel(text: string): string {
  const cut = text.length > MAX_LABEL ? `${text.slice(0, MAX_LABEL - 1)}…` : text;
  return cut.replace(/[^\p{L}\p{N} ._/,…-]/gu, '·');
}

function timeOf(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const pad = (value: number, digits: number) => String(value).padStart(digits, '0');
  const seconds = Math.floor(whole / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${pad(Math.min(h, 23), 2)}:${pad(m, 2)}:${pad(s, 2)}.${pad(whole % 1000, 3)}`;
}

function axisFormat(endMs: number): string {
  if (endMs < 10_000) return '%S.%L';
  return endMs < 3_600_000 ? '%M:%S' : '%H:%M';
}
