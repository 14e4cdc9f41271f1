import { describe, expect, test } from '@jest/globals';
import { COMMAND_NAMES, type CommandName } from '../../src/config/commands.ts';
import { environmentName, isFrom, kebabCase } from '../../src/config/option-spec.ts';
import { isPositional, optionsOf } from '../../src/config/options.ts';
import type { UnknownName } from '../../src/config/sources.ts';
import { describeUnknownCommand, describeUnknownName } from '../../src/config/unknown-name.ts';

const describeName = (
  source: UnknownName['source'],
  name: string,
  { command = 'reap', section = null }: { command?: CommandName; section?: CommandName | null } = {},
) => describeUnknownName({ source, name, spelling: name, section }, command).message;

describe('an unknown name', () => {
  test.each<[UnknownName['source'], string, string]>([
    ['flag', 'oldr-than', '--older-than'],
    ['flag', 'olderThan', '--older-than'],
    ['flag', 'older_than', '--older-than'],
    ['flag', 'Match', '--match'],
    ['flag', 'when-buzy', '--when-busy'],
    ['flag', 'dry-run', '--'],
    ['input', 'oldr-than', 'older-than'],
    ['input', 'olderThan', 'older-than'],
    ['input', 'fail-on-incomplet', 'fail-on-incomplete'],
    ['env', 'LOCKSTEP_OLDR_THAN', 'LOCKSTEP_OLDER_THAN'],
    ['env', 'LOCKSTEP_OLDER-THAN', 'LOCKSTEP_OLDER_THAN'],
    ['hook', 'stroe', 'store'],
    ['hook', 'raep', 'reap'],
    ['file', 'older_than', 'reap'],
    ['file', 'fail-on-error', 'failOnError'],
  ])('from a %s, %s is told the nearest known one', (source, name, nearest) => {
    expect(describeName(source, name)).toContain(nearest);
  });

  test('inside a section the nearest option of that section is named', () => {
    expect(describeName('file', 'kidn', { section: 'status' })).toBe(
      'there is no such option; did you mean kind?',
    );
    expect(describeName('file', 'old', { section: 'reap' })).toContain('did you mean');
  });

  test.each<[UnknownName['source'], string, Parameters<typeof describeName>[2], string]>([
    ['flag', 'match', { command: 'status' }, 'belongs to reap, not to status'],
    ['flag', 'jobs', {}, 'belongs to doctor, demo, not to reap'],
    ['input', 'match', { command: 'status' }, 'belongs to reap, not to status'],
    ['file', 'match', { section: 'status' }, 'belongs to reap, not to status'],
    ['file', 'olderThan', {}, 'belongs inside the section reap'],
    ['hook', 'match', { command: 'status' }, 'belongs inside the section reap'],
    ['flag', 'name', { command: 'status' }, 'is written without a flag: lockstep status NAME'],
    ['flag', 'token', {}, 'is not a flag; it exists only as an input of the Action'],
    ['env', 'LOCKSTEP_TOKEN', {}, 'is not an environment variable; it exists only as an input of the Action'],
    ['input', 'help', {}, 'is not an input of the Action; it exists only as a flag'],
  ])('from a %s, %s (%j): %s', (source, name, where, message) => {
    expect(describeName(source, name, where)).toBe(message);
  });

  test('each option misspelled by one letter leads back to itself', () => {
    for (const spec of optionsOf('reap')) {
      const kebab = kebabCase(spec.name);
      const wrong = `${kebab}q`;
      if (isFrom(spec, 'flag') && !isPositional('reap', spec.name)) {
        expect(describeName('flag', wrong)).toContain(`did you mean --${kebab}?`);
      }
      if (isFrom(spec, 'input')) expect(describeName('input', wrong)).toContain(`did you mean ${kebab}?`);
      if (isFrom(spec, 'env')) {
        expect(describeName('env', `${environmentName(spec.name)}Q`)).toContain(environmentName(spec.name));
      }
    }
  });
});

test('an unknown command is told the nearest one and all that this host has', () => {
  expect(describeUnknownCommand('raep', 'cli')).toEqual({
    option: '"raep"',
    message: `is not a command; did you mean reap? There are: ${COMMAND_NAMES.join(', ')}`,
  });
  expect(describeUnknownCommand('demo', 'action').message).not.toContain('demo');
  expect(describeUnknownCommand(`\u001b${'x'.repeat(9999)}`, 'cli').option.length).toBeLessThan(80);
});
