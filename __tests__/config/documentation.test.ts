import { describe, expect, test } from '@jest/globals';
import {
  describeDefault,
  fillActionInputs,
  fillOptionBlocks,
  OPTION_BLOCKS,
  optionBlocksOf,
  renderActionInputs,
  renderOptionTable,
} from '../../src/config/documentation.ts';
import { kebabCase } from '../../src/config/option-spec.ts';
import { OPTIONS } from '../../src/config/options.ts';

describe('README tables', () => {
  test('together name every option at least once', () => {
    const all = OPTION_BLOCKS.map(renderOptionTable).join('\n');
    for (const spec of OPTIONS) {
      const spellings = [`\`--${kebabCase(spec.name)}`, `\`${kebabCase(spec.name)}\``, `\`${spec.name}\``];
      expect([...spellings, `\`${spec.name.toUpperCase()}\``].some((text) => all.includes(`| ${text}`))).toBe(
        true,
      );
    }
  });

  test('have three cells a row, whatever the text has', () => {
    for (const line of OPTION_BLOCKS.flatMap((block) => renderOptionTable(block).split('\n'))) {
      expect(line.replaceAll('\\|', '').split('|')).toHaveLength(5);
    }
  });

  test('replace what stands between the markers, and only that', () => {
    const markdown = 'a\n<!-- options:status -->\nold\n<!-- /options -->\nb\n';
    const filled = fillOptionBlocks(markdown);
    expect(filled).toMatch(/^a\n<!-- options:status -->\n\| option .*\n<!-- \/options -->\nb\n$/s);
    expect(filled).not.toContain('old');
    expect(fillOptionBlocks(filled)).toBe(filled);
    expect(optionBlocksOf(filled)).toEqual(['status']);
  });

  test('refuse a block that has no options', () => {
    expect(() => fillOptionBlocks('<!-- options:raep --><!-- /options -->')).toThrow('raep');
  });

  test.each([
    ['minAge', '`5m`'],
    ['concurrency', '`4`'],
    ['apply', 'off'],
    ['protect', 'none'],
    ['match', 'required'],
    ['lease', '`60s`; GitHub `10m`'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's expression syntax.
    ['token', '`${{ github.token }}`'],
  ])('the default of %s reads %s', (name, text) => {
    const spec = OPTIONS.find((each) => each.name === name);
    expect(spec && describeDefault(spec)).toBe(text);
  });
});

describe('the inputs of action.yml', () => {
  test('stand between the markers at their indentation', () => {
    const filled = fillActionInputs('inputs:\n  # <options>\n  outdated: {}\n  # </options>\noutputs: {}\n');
    expect(filled).toMatch(
      /^inputs:\n {2}# <options>\n {2}command:\n {4}description: ".*"\n {4}required: true\n/,
    );
    expect(filled).toMatch(/\n {2}# <\/options>\noutputs: \{\}\n$/);
    expect(filled).not.toContain('outdated');
    expect(fillActionInputs(filled)).toBe(filled);
  });

  test('name each option once and require only what every command needs', () => {
    const lines = renderActionInputs();
    const names = lines.filter((line) => /^\S/.test(line));
    expect(names).toEqual([...new Set(names)]);
    expect(names).toEqual(expect.arrayContaining(['older-than:', 'token:', 'job-total:', 'name:']));
    expect(names).not.toContain('json:');
    expect(lines.filter((line) => line.includes('required: true'))).toHaveLength(1);
  });

  test('speak of inputs, not of flags', () => {
    expect(renderActionInputs().join('\n')).not.toMatch(/--[a-z]|Repeat it/);
  });

  test('say what a default depends on, and of what is needed in words that it is', () => {
    const text = renderActionInputs().join('\n');
    expect(text).toContain('without refusals. Default: on when the store is an engine');
    expect(text).toContain('this job is. Required, except with mode wait-for');
    expect(text).toContain('nothing is deleted. Default: false.');
  });
});
