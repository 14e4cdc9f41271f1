// The files a step writes for the runner (GITHUB_OUTPUT, GITHUB_STATE, GITHUB_ENV), read as the runner does: `NAME=VALUE` or
// `NAME<<DELIMITER`, lines at a line feed only. What it would refuse is an error here.
export function parseCommandFile(text: string): Map<string, string> {
  const values = new Map<string, string>();
  let at = 0;
  const readLine = (): string | null => {
    if (at >= text.length) return null;
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end);
    at = end < 0 ? text.length : end + 1;
    return line;
  };
  for (let line = readLine(); line !== null; line = readLine()) {
    if (line === '') continue;
    const [equals, heredoc] = [line.indexOf('='), line.indexOf('<<')];
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      values.set(line.slice(0, equals), line.slice(equals + 1));
      continue;
    }
    const [name, delimiter] = [line.slice(0, heredoc), line.slice(heredoc + 2)];
    if (heredoc < 1 || delimiter === '')
      throw new Error(`the runner refuses the line ${JSON.stringify(line)}`);
    const lines: string[] = [];
    for (let next = readLine(); next !== delimiter; next = readLine()) {
      if (next === null) throw new Error(`the runner finds no end of ${name}: ${delimiter}`);
      lines.push(next);
    }
    values.set(name, lines.join('\n'));
  }
  return values;
}

/** Names and defaults of an Action's inputs. Knows the shape that action.yml has here, not YAML. */
export function readActionInputs(yaml: string): Map<string, string> {
  const section = /^inputs:\n([\s\S]*?)^\S/m.exec(yaml)?.[1] ?? '';
  const inputs = new Map<string, string>();
  let name = '';
  for (const line of section.split('\n')) {
    const key = /^ {2}([a-z][a-z-]*):$/.exec(line)?.[1];
    if (key !== undefined) {
      name = key;
      inputs.set(name, '');
    }
    const value = /^ {4}default: (.*)$/.exec(line)?.[1];
    if (value !== undefined) inputs.set(name, value);
  }
  return inputs;
}
