import { describe, expect, test } from '@jest/globals';
import { parseArguments } from '../../src/config/arguments.ts';
import { COMMAND_NAMES } from '../../src/config/commands.ts';
import { HELP_COLUMNS, renderHelp } from '../../src/config/help.ts';
import { isFrom, kebabCase } from '../../src/config/option-spec.ts';
import { isPositional, optionsOf } from '../../src/config/options.ts';
import { resolveOptions } from '../../src/config/resolve.ts';

const pages = [null, ...COMMAND_NAMES].map((command) => [command ?? 'lockstep', command] as const);

test.each(pages)('help of %s is plain text, not too wide, one newline at its end', (_, command) => {
  const text = renderHelp(command);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(HELP_COLUMNS + 6);
  expect(text).not.toContain('`');
  expect(text).toMatch(/[^\n]\n$/);
  expect(text).not.toMatch(/ \n/);
});

test('the overview lists every command and nothing else', () => {
  const listed = /Commands\n([\s\S]*?)\n\n/.exec(renderHelp(null))?.[1] ?? '';
  const names = listed.split('\n').flatMap((line) => /^ {2}(\w+)/.exec(line)?.[1] ?? []);
  expect(names).toEqual([...COMMAND_NAMES]);
});

describe.each(COMMAND_NAMES)('help of %s', (command) => {
  test('has every flag once, aligned', () => {
    const text = renderHelp(command);
    for (const spec of optionsOf(command).filter((each) => isFrom(each, 'flag'))) {
      const label = isPositional(command, spec.name) ? spec.name.toUpperCase() : `--${kebabCase(spec.name)}`;
      const lines = text.split('\n').filter((line) => new RegExp(`^  (-., )?${label}( |$)`).test(line));
      expect(lines).toHaveLength(1);
    }
  });

  test('gives examples that are right', async () => {
    const examples = renderHelp(command).match(/^ {2}lockstep .*$/gm) ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const argv = [...example.matchAll(/'([^']*)'|(\S+)/g)]
        .map((match) => match[1] ?? match[2] ?? '')
        .slice(1);
      const parsed = parseArguments(argv);
      expect(parsed.command).toBe(command);
      const { problems } = await resolveOptions({ command, host: 'cli', flags: parsed.flags });
      expect(problems).toEqual([]);
    }
  });
});
