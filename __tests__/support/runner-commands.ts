// How the Actions runner reads a step's standard streams: lines (also at a bare carriage return), commands at a line's start
// (`::name k=v::data`) and old-style ones anywhere in it (`##[name k=v;…]data`). The runner compares with its culture, for
// which zero-width characters do not exist, and then cuts by position: both readings are tried here.
export interface WorkflowCommand {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
  /** The line it came from. */
  readonly line: string;
}

const REGISTERED = new Set([
  'add-mask',
  'add-matcher',
  'add-path',
  'debug',
  'echo',
  'endgroup',
  'error',
  'group',
  'notice',
  'remove-matcher',
  'save-state',
  'set-env',
  'set-output',
  'stop-commands',
  'warning',
]);

const IGNORABLE = /\p{Default_Ignorable_Code_Point}/u;

/** Lines as a stream reader of the runner gives them. */
export function splitLines(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The command in a line, or null. */
export function parseCommand(line: string): WorkflowCommand | null {
  for (const find of [findExactly, findLoosely]) {
    const command = parseNew(line, find) ?? parseOld(line, find);
    if (command) return command;
  }
  return null;
}

type Find = (text: string, wanted: string, from: number) => number;

const findExactly: Find = (text, wanted, from) => text.indexOf(wanted, from);

/** As a comparison that skips characters without a width does: where the match begins. */
const findLoosely: Find = (text, wanted, from) => {
  for (let start = from; start < text.length; start += 1) {
    let [at, matched] = [start, 0];
    while (at < text.length && matched < wanted.length) {
      const char = text[at] as string;
      if (char === wanted[matched]) matched += 1;
      else if (matched === 0 || !IGNORABLE.test(char)) break;
      at += 1;
    }
    if (matched === wanted.length) return start;
  }
  return -1;
};

function parseNew(line: string, find: Find): WorkflowCommand | null {
  const text = line.trimStart();
  if (find(text, '::', 0) !== 0) return null;
  const end = find(text, '::', 2);
  if (end < 0) return null;
  const data = decode(text.slice(end + 2), { '\r': '%0D', '\n': '%0A', '%': '%25' });
  const head = text.slice(2, end);
  return build({ head, separator: ',', data, line });
}

function parseOld(line: string, find: Find): WorkflowCommand | null {
  const start = find(line, '##[', 0);
  const end = start < 0 ? -1 : line.indexOf(']', start);
  if (end < 0) return null;
  const escapes = { ';': '%3B', '\r': '%0D', '\n': '%0A', ']': '%5D', '%': '%25' };
  return build({
    head: line.slice(start + 3, end),
    separator: ';',
    data: decode(line.slice(end + 1), escapes),
    line,
  });
}

function build(parts: {
  head: string;
  separator: string;
  data: string;
  line: string;
}): WorkflowCommand | null {
  const [, name = '', rest = ''] = /^([^ ]*)(?: (.*))?$/s.exec(parts.head) ?? [];
  if (!REGISTERED.has(name.toLowerCase())) return null;
  const pairs = rest.split(parts.separator).map((pair) => pair.trim().split(/=(.*)/s));
  const properties = Object.fromEntries(
    pairs.filter(([key, value]) => key && value !== undefined) as [string, string][],
  );
  return { name: name.toLowerCase(), properties, data: parts.data, line: parts.line };
}

function decode(text: string, escapes: Readonly<Record<string, string>>): string {
  return Object.entries(escapes).reduce((rest, [char, code]) => rest.replaceAll(code, char), text);
}
