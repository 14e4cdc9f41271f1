/**
 * Pieces of a job summary: GitHub Markdown from values. Pure. Text from outside passes `forMarkdown` in the callers, here only
 * structure is made. Invariant: `fitSummary` keeps under what the runner takes (1 MiB a step, more and it shows nothing).
 */

const MAX_SUMMARY_BYTES = 900_000;

/** A table; cells are Markdown already. Columns named in `right` are aligned to the right. */
export function renderMarkdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (right.includes(column) ? '---:' : '---'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** A part that is folded until somebody wants it. */
export function renderDetails(title: string, body: string): string {
  // GitHub reads Markdown inside HTML only after an empty line.
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;
}

/** Paragraphs, without the empty ones. */
export function joinParts(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Cuts what is too long after a whole line, and says so. */
export function fitSummary(markdown: string): string {
  if (Buffer.byteLength(markdown) <= MAX_SUMMARY_BYTES) return markdown;
  const head = Buffer.from(markdown).subarray(0, MAX_SUMMARY_BYTES).toString('utf8');
  // An open block would swallow the note.
  const cut = head.slice(0, head.lastIndexOf('\n'));
  const isInFence = (cut.match(/^```/gm) ?? []).length % 2 === 1;
  return `${cut}${isInFence ? '\n```' : ''}\n\nThis summary was cut; the output \`result-file\` names a file with all of it.\n`;
}
