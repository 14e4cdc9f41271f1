import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseArguments } from '../../src/config/arguments.ts';

const words = (line: string) => line.split(' ').filter(Boolean);
const read = (line: string) => parseArguments(words(line));
const rawOf = (line: string, name: string) => read(line).flags.given.get(name)?.raw;

describe('a command line', () => {
  test.each([
    ['reap --older-than 7d', 'olderThan', '7d'],
    ['reap --older-than=7d', 'olderThan', '7d'],
    ['--older-than 7d reap', 'olderThan', '7d'],
    ['reap --match a=b', 'match', 'a=b'],
    ['reap --match=a=b', 'match', 'a=b'],
    ['reap --apply', 'apply', true],
    ['reap --no-apply', 'apply', false],
    ['reap --apply --no-apply', 'apply', false],
    ['reap --no-apply --apply', 'apply', true],
    ['reap --apply=false', 'apply', 'false'],
    ['--json reap', 'json', true],
    ['reap --limit -1', 'limit', '-1'],
    ['reap --older-than -5m', 'olderThan', '-5m'],
    ['reap --match -', 'match', '-'],
    ['status lock nightly', 'kind', 'lock'],
    ['status lock nightly', 'name', 'nightly'],
    ['status --json lock nightly', 'name', 'nightly'],
  ])('%s sets %s to %j', (line, name, raw) => {
    expect(rawOf(line, name)).toEqual(raw);
    expect(read(line).flags).toMatchObject({ unknown: [], problems: [] });
  });

  test('a repeated flag keeps every text', () => {
    expect(rawOf('reap --protect a --protect=b,c --protect d', 'protect')).toEqual(['a', 'b,c', 'd']);
  });

  test('an option is spelled as it was written', () => {
    expect(read('reap --no-apply --older-than=7d').flags.given.get('apply')?.spelling).toBe('--no-apply');
    expect(read('reap --older-than=7d').flags.given.get('olderThan')?.spelling).toBe('--older-than');
    expect(read('status lock').flags.given.get('kind')?.spelling).toBe('KIND');
  });

  test.each(['reap --match', 'reap --match --apply', 'reap --match --', 'reap --protect a --protect'])(
    '%s says that the flag needs a value',
    (line) => {
      const given = [...read(line).flags.given.values()];
      expect(given.filter((each) => each.problem === 'needs a value')).toHaveLength(1);
    },
  );

  test('a flag that took no value leaves the next flag its own', () => {
    const { given, problems, unknown } = read('reap --match --limit 3 --apply').flags;
    expect(given.get('match')?.problem).toBe('needs a value');
    expect(given.get('limit')?.raw).toBe('3');
    expect(given.get('apply')?.raw).toBe(true);
    expect([...problems, ...unknown]).toEqual([]);
  });

  test('a later value does not heal a flag that had none', () => {
    expect(read('reap --protect --protect b').flags.given.get('protect')?.problem).toBe('needs a value');
  });

  test('a negated flag takes no value', () => {
    expect(read('reap --no-apply=true').flags.given.get('apply')?.problem).toBe('takes no value');
  });

  test.each([
    ['reap --oldr-than 7d', ['--oldr-than']],
    ['reap --oldr-than=7d', ['--oldr-than']],
    ['reap -x', ['-x']],
    ['reap --no-match', ['--no-match']],
    ['reap --no-such --jobs 3', ['--no-such', '--jobs']],
    ['status --match a', ['--match']],
    ['status --kind lock', ['--kind']],
    ['--foo reap', ['--foo']],
    ['--foo bar reap', ['--foo']],
    ['reap --token x', ['--token']],
  ])('%s has the unknown %j, and nothing else is wrong', (line, spellings) => {
    const { command, flags } = read(line);
    expect(command).not.toBeNull();
    expect(flags.unknown.map((each) => each.spelling)).toEqual(spellings);
    expect(flags.problems).toEqual([]);
  });

  test.each([
    ['reap now', [{ option: '"now"', message: 'is one word too many for reap' }]],
    ['reap --apply false', [{ option: '"false"', message: 'is one word too many for reap' }]],
    ['status lock a b', [{ option: '"b"', message: 'is one word too many for status' }]],
    ['reap -- echo', [{ option: '--', message: 'reap runs no command; nothing may follow --' }]],
  ])('%s is refused', (line, problems) => {
    expect(read(line).flags.problems).toEqual(problems);
  });

  test.each([
    ['', null, null],
    ['--help', null, null],
    ['raep --match x', null, 'raep'],
    ['reap', 'reap', null],
    ['REAP', null, 'REAP'],
    ['constructor', null, 'constructor'],
  ])('%j has the command %j and the unknown one %j', (line, command, unknownCommand) => {
    expect(read(line)).toMatchObject({ command, unknownCommand });
  });

  test.each(['--help', '-h', 'reap -h', 'reap --match x --help', '-hV'])('%s asks for help', (line) => {
    expect(read(line).help).toBe(true);
  });

  test.each(['--version', '-V', 'reap -V'])('%s asks for the version', (line) => {
    expect(read(line).version).toBe(true);
  });

  test.each(['reap --match -h', 'reap -- --help', 'reap --match=--help'])('%s asks for no help', (line) => {
    expect(read(line).help).toBe(false);
  });

  test('what follows -- is kept as it is', () => {
    expect(read('reap --apply -- npm test --json -- x').rest).toEqual(['npm', 'test', '--json', '--', 'x']);
    expect(read('reap --apply -- npm --json').flags.given.has('json')).toBe(false);
    expect(read('reap').rest).toBeNull();
    expect(read('reap --').rest).toEqual([]);
  });

  test('any list of words is read without a throw, and names nothing it does not know', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'reap',
        'status',
        '--',
        '-',
        '--match',
        '--apply',
        '--no-apply',
        '-hV',
        '--=',
        '--__proto__',
      ),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (argv) => {
        const parsed = parseArguments(argv);
        if (parsed.command === null) expect(parsed.flags.given.size).toBe(0);
      }),
    );
  });
});
