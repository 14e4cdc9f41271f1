import { describe, expect, test } from '@jest/globals';
import { COMMAND_NAMES, commandSpec, isCommandOf } from '../../src/config/commands.ts';
import { environmentName, isFor, isFrom, kebabCase } from '../../src/config/option-spec.ts';
import { OPTIONS, type OptionValues, optionsOf } from '../../src/config/options.ts';
import { parseTyped } from '../../src/config/value.ts';

describe('the option table', () => {
  test('a name is unique among the options of a command', () => {
    for (const command of COMMAND_NAMES) {
      const names = optionsOf(command).map((spec) => spec.name);
      expect(names).toEqual([...new Set(names)]);
    }
  });

  test('entries that share a name agree on whether a flag takes a value', () => {
    for (const spec of OPTIONS) {
      const others = OPTIONS.filter((each) => each.name === spec.name);
      expect(new Set(others.map((each) => each.type === 'boolean')).size).toBe(1);
    }
  });

  test.each(OPTIONS.map((spec) => [spec.name, spec] as const))('%s is complete', (name, spec) => {
    expect(name).toMatch(/^[a-z][a-zA-Z]*$/);
    expect(spec.description).toMatch(/^[A-Z].*\.$/);
    expect(name).not.toMatch(/^no[A-Z]/);
    if (spec.type === 'boolean' || spec.type === 'list' || spec.type === 'lines') {
      expect(spec.default).toBeDefined();
    }
    if (spec.type === 'choice') expect(spec.choices?.length).toBeGreaterThan(1);
    for (const value of [spec.default, ...Object.values(spec.defaultFor ?? {})]) {
      if (value !== undefined) expect(parseTyped(spec, value)).toMatchObject({ ok: true });
    }
    for (const bound of [spec.min, spec.max]) {
      if (bound !== undefined) expect(typeof bound).toBe(spec.type === 'duration' ? 'string' : 'number');
    }
  });

  test('no option can be taken for a variable that lockstep sets for others', () => {
    for (const spec of OPTIONS.filter((each) => isFrom(each, 'env'))) {
      expect(environmentName(spec.name)).not.toMatch(
        /^LOCKSTEP_(LOCK_NAME|FENCING_TOKEN|SESSION|GATE_.*|RESULT_.*)$/,
      );
    }
  });

  test('the words of a command are options of it', () => {
    for (const command of COMMAND_NAMES) {
      const names = optionsOf(command).map((spec) => spec.name);
      expect(names).toEqual(expect.arrayContaining([...commandSpec(command).positionals]));
    }
  });

  test('the Action offers exactly the commands that run in it', () => {
    const offered = OPTIONS.find((spec) => spec.name === 'command')?.choices;
    expect(offered).toEqual(COMMAND_NAMES.filter((name) => isCommandOf('action', name)));
  });

  test.each([
    'store',
    'namespace',
    'timeout',
    'poll',
    'lease',
    'refPrefix',
    'quotaFloor',
    'json',
    'logLevel',
    'holder',
  ])('%s is an option of every command', (name) => {
    expect(OPTIONS.find((spec) => spec.name === name)?.commands).toBe('all');
  });

  test('reap has every option of its contract', () => {
    const flags = OPTIONS.filter((spec) => spec.commands !== 'all' && isFor(spec, 'reap'));
    expect(flags.map((spec) => `--${kebabCase(spec.name)}`).sort()).toEqual(
      [
        '--provider --heroku-team --root --list-command --get-command --destroy-command --provider-module --account --match --older-than --limit --headroom --protect --min-age',
        '--max-deletes --apply --when-busy --on-conflict --every --electors --job-index --job-total --concurrency',
        '--reserve --protect-while-held --share-throttle --detailed-exitcode',
      ]
        .join(' ')
        .split(' ')
        .sort(),
    );
  });

  test('spellings are computed from the name', () => {
    expect(kebabCase('olderThan')).toBe('older-than');
    expect(environmentName('olderThan')).toBe('LOCKSTEP_OLDER_THAN');
  });

  test('the types of the values follow the table', () => {
    // Checked by the compiler: a wrong line here does not build.
    const typed = (values: OptionValues<'reap'>) => {
      const olderThanMs: number | null = values.olderThanMs;
      const minAgeMs: number = values.minAgeMs;
      const whenBusy: 'skip' | 'wait' = values.whenBusy;
      const protect: readonly string[] = values.protect;
      const apply: boolean = values.apply;
      // @ts-expect-error an option of another command has no value here
      const jobs: unknown = values.jobs;
      // @ts-expect-error a duration's key carries its unit
      const olderThan: unknown = values.olderThan;
      return { olderThanMs, minAgeMs, whenBusy, protect, apply, jobs, olderThan };
    };
    expect(typed).toBeInstanceOf(Function);
  });
});
