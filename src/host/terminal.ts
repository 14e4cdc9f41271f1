/**
 * What a terminal can show: colours where wanted, tables, one live block that redraws in place. Pure except for the stream it
 * is given. Text from outside has passed base/text.ts before it comes here; widths assume one column per code point, which
 * holds for everything lockstep itself prints.
 */

export interface TerminalStyle {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** Styles for a stream; without colours every function returns its text. */
export function createStyle(options: { colors: boolean }): TerminalStyle {
  const wrap = (open: number, close: number) => (text: string) =>
    options.colors ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
  };
}

/** Whether to colour: NO_COLOR and FORCE_COLOR decide where set, otherwise whether a person is looking. */
export function wantsColors(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR'] && env['FORCE_COLOR'] !== '0') return true;
  return isTerminal && env['TERM'] !== 'dumb';
}

/** The width as seen: escape sequences take no column. */
export function visibleWidth(text: string): number {
  return Array.from(text.replace(/\u001b\[[0-9;]*m/g, '')).length;
}

/** Rows of cells as aligned lines; numbers (cells that begin with a digit and end a column named in `right`) to the right. */
export function renderTable(
  rows: readonly (readonly string[])[],
  options: { right?: readonly number[]; indent?: string } = {},
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => visibleWidth(row[column] ?? ''))),
  );
  return rows.map((row) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? '';
      const space = ' '.repeat(Math.max(0, width - visibleWidth(cell)));
      return options.right?.includes(column) ? space + cell : cell + space;
    });
    return `${options.indent ?? ''}${cells.join('  ')}`.trimEnd();
  });
}

/** A block of lines that is redrawn in place. */
export interface LiveBlock {
  draw(lines: readonly string[]): void;
  /** Leaves the last picture standing. */
  finish(): void;
}

/** Redraws on a terminal; elsewhere draws nothing, since a log keeps every frame. */
export function createLiveBlock(stream: { write(text: string): unknown; isTerminal: boolean }): LiveBlock {
  let drawn = 0;
  return {
    draw(lines) {
      if (!stream.isTerminal) return;
      const up = drawn > 0 ? `\u001b[${drawn}A` : '';
      stream.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`);
      drawn = lines.length;
    },
    finish() {
      drawn = 0;
    },
  };
}
