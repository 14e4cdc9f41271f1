import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseArguments } from '../../src/config/arguments.ts';
import {
  environmentName,
  isFrom,
  kebabCase,
  type OptionSpec,
  type Source,
} from '../../src/config/option-spec.ts';
import { isPositional, optionsOf, valueKey } from '../../src/config/options.ts';
import {
  namedConfigFile,
  type ResolveRequest,
  resolveOptions,
  spellOption,
} from '../../src/config/resolve.ts';

const REQUIRED = ['--provider', 'heroku', '--match', 'ci-.*'];
const cli = (argv: string[], rest: Partial<ResolveRequest<'reap'>> = {}) =>
  resolveOptions({ command: 'reap', host: 'cli', flags: parseArguments(['reap', ...argv]).flags, ...rest });

/** Two right values of an option, as text. */
function textsOf(spec: OptionSpec): [string, string] {
  switch (spec.type) {
    case 'duration':
      return ['3s', '4s'];
    case 'integer':
      return ['3', '4'];
    case 'boolean':
      return ['true', 'false'];
    case 'choice':
      return [spec.choices?.[0] ?? '', spec.choices?.at(-1) ?? ''];
    case 'string':
    case 'list':
    case 'lines':
      return ['one', 'two'];
  }
}

function typed(spec: OptionSpec, text: string): unknown {
  if (spec.type === 'boolean') return text === 'true';
  return spec.type === 'integer' ? Number(text) : text;
}

/** A request that sets options through their sources, as users would. */
function requestOf(settings: readonly { spec: OptionSpec; source: Source; text: string }[]) {
  const argv: string[] = [];
  const inputs: Record<string, string> = {};
  const env: Record<string, string> = {};
  const hook: Record<string, unknown> = {};
  const file: Record<string, unknown> = {};
  for (const { spec, source, text } of settings) {
    if (source === 'flag') argv.push(`--${kebabCase(spec.name)}=${text}`);
    if (source === 'input') inputs[kebabCase(spec.name)] = text;
    if (source === 'env') env[environmentName(spec.name)] = text;
    if (source === 'hook') hook[spec.name] = text === '' ? '' : typed(spec, text);
    if (source === 'file') file[spec.name] = text === '' ? '' : typed(spec, text);
  }
  return {
    command: 'reap',
    host: 'cli',
    flags: parseArguments(['reap', ...argv]).flags,
    inputs,
    env,
    hook: { reap: Object.fromEntries(Object.entries(hook).filter(([name]) => isOwn(name))), ...top(hook) },
    file: {
      name: 'lockstep.config.json',
      content: {
        reap: Object.fromEntries(Object.entries(file).filter(([name]) => isOwn(name))),
        ...top(file),
      },
    },
  } as const satisfies ResolveRequest<'reap'>;
}

const isOwn = (name: string) =>
  optionsOf('reap').some((spec) => spec.name === name && spec.commands !== 'all');
const top = (record: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !isOwn(name)));

const OPTION = fc.constantFrom(...optionsOf('reap').filter((spec) => !isPositional('reap', spec.name)));
const PRECEDENCE: readonly Source[] = ['flag', 'input', 'hook', 'env', 'file'];

describe('precedence', () => {
  test('flag or input, then hook option, then environment, then config file, then default; blank is unset', async () => {
    await fc.assert(
      fc.asyncProperty(
        OPTION,
        fc.array(fc.constantFrom('first', 'second', 'blank', 'absent'), { minLength: 5, maxLength: 5 }),
        async (spec, states) => {
          const [first, second] = textsOf(spec);
          const settings = PRECEDENCE.flatMap((source, index) => {
            const state = states[index];
            if (state === 'absent' || !isFrom(spec, source)) return [];
            return [{ spec, source, text: state === 'blank' ? '' : state === 'first' ? first : second }];
          });
          const winner = settings.find((each) => each.text !== '');
          const resolved = await resolveOptions(requestOf(settings));
          const alone = await resolveOptions(requestOf(winner ? [winner] : []));
          const nothing = await resolveOptions(requestOf([]));
          const key = valueKey(spec) as keyof typeof resolved.values;
          const name = spec.name as Parameters<typeof resolved.sourceOf>[0];
          expect(resolved.values[key]).toEqual((winner ? alone : nothing).values[key]);
          expect(resolved.sourceOf(name)).toBe(winner?.source ?? null);
          expect(resolved.problems).toEqual(alone.problems);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a list of a higher source replaces that of a lower one', async () => {
    const { values } = await cli(['--protect', 'a'], { env: { LOCKSTEP_PROTECT: 'b,c' } });
    expect(values.protect).toEqual(['a']);
  });

  test('a wrong value that is overridden is not looked at', async () => {
    const { problems, values } = await cli([...REQUIRED, '--limit', '4'], {
      env: { LOCKSTEP_LIMIT: 'many' },
    });
    expect(problems).toEqual([]);
    expect(values.limit).toBe(4);
  });

  test('in an Action only inputs and the file count', async () => {
    const { values, problems } = await resolveOptions({
      command: 'reap',
      host: 'action',
      inputs: { provider: 'heroku', match: 'x' },
      env: { LOCKSTEP_APPLY: 'true', LOCKSTEP_NONSENSE: 'x' },
      hook: { reap: { apply: true } },
      file: { name: 'ci.json', content: { reap: { limit: 5 } } },
    });
    expect(problems).toContainEqual({ option: 'command', message: expect.any(String) });
    expect(problems).toHaveLength(1);
    expect(values).toMatchObject({ apply: false, limit: 5, match: 'x' });
  });
});

describe('values', () => {
  test('carry the defaults of the table, durations in ms', async () => {
    const { values, problems } = await cli(REQUIRED);
    expect(problems).toEqual([]);
    expect(values).toMatchObject({
      store: null,
      namespace: 'default',
      timeoutMs: 600_000,
      pollMs: null,
      leaseMs: null,
      olderThanMs: null,
      minAgeMs: 300_000,
      everyMs: 600_000,
      apply: false,
      whenBusy: 'skip',
      onConflict: 'refresh-and-continue',
      concurrency: 4,
      reserve: 0,
      headroom: 0,
      protect: [],
      electors: null,
      logLevel: 'info',
    });
    expect(Object.isFrozen(values)).toBe(true);
  });

  test.each([
    ['--lease', '999ms'],
    ['--lease', '61m'],
    ['--timeout', '0s'],
    ['--concurrency', '0'],
    ['--concurrency', '33'],
    ['--max-deletes', '0'],
    ['--limit', '0'],
    ['--electors', '0'],
    ['--older-than', '7'],
    ['--older-than', '-1d'],
    ['--every', 'NaN'],
    ['--when-busy', 'fail'],
    ['--on-conflict', 'go-on'],
    ['--provider', 'aws'],
    ['--log-level', 'loud'],
    ['--apply=maybe', ''],
  ])('%s %s is one problem under that name', async (flag, value) => {
    const { problems } = await cli([...REQUIRED, flag, value].filter(Boolean));
    expect(problems).toEqual([{ option: flag.replace(/=.*/, ''), message: expect.any(String) }]);
  });

  test.each([
    ['--lease', '1s'],
    ['--lease', '1h'],
    ['--every', '0s'],
    ['--min-age', '0s'],
    ['--older-than', '0s'],
    ['--reserve', '0'],
    ['--job-index', '0'],
  ])('%s %s is right', async (flag, value) => {
    expect((await cli([...REQUIRED, flag, value])).problems).toEqual([]);
  });
});

describe('problems', () => {
  test('all come at once, each in the spelling of its source', async () => {
    const { problems } = await resolveOptions({
      command: 'reap',
      host: 'cli',
      flags: parseArguments(['reap', '--older-than', '7', '--limmit', '3', '--match', 'x', 'now']).flags,
      env: { LOCKSTEP_LEASE: '2h', LOCKSTEP_LEESE: '1m' },
      hook: { reap: { concurrency: 99 } },
      file: {
        name: 'lockstep.config.json',
        content: { timeout: 5, reap: { maxDeletes: '3', oldr: 1 }, status: { kidn: 'lock' } },
      },
    });
    expect(problems.map((problem) => problem.option).sort()).toEqual(
      [
        '--limmit',
        '--older-than',
        '"now"',
        'LOCKSTEP_LEASE',
        'LOCKSTEP_LEESE',
        'concurrency',
        'timeout in lockstep.config.json',
        'reap.maxDeletes in lockstep.config.json',
        'reap.oldr in lockstep.config.json',
        'status.kidn in lockstep.config.json',
        '--provider',
      ].sort(),
    );
  });

  test('of N wrong options, N problems are reported', async () => {
    const wrong = optionsOf('reap').filter(
      (spec) =>
        isFrom(spec, 'flag') && spec.type !== 'string' && spec.type !== 'list' && spec.short === undefined,
    );
    await fc.assert(
      fc.asyncProperty(fc.subarray(wrong), async (specs) => {
        const argv = specs.map((spec) => `--${kebabCase(spec.name)}=~wrong~`);
        const { problems } = await cli([...REQUIRED, ...argv]);
        expect(problems.map((problem) => problem.option).sort()).toEqual(
          specs.map((spec) => `--${kebabCase(spec.name)}`).sort(),
        );
      }),
    );
  });

  test('a secret is never repeated', async () => {
    const { problems } = await cli([...REQUIRED, '--stroe=redis://:hunter2@host'], {
      file: { name: 'lockstep.config.json', content: { store: { url: 'redis://:hunter2@host' } } },
    });
    expect(problems).toHaveLength(2);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  test.each([
    ['cli', '--match'],
    ['action', 'match'],
    ['hook', 'match'],
  ] as const)('what is missing is named as the host %s spells it', async (host, option) => {
    const { problems } = await resolveOptions({ command: 'reap', host });
    expect(problems).toContainEqual({ option, message: 'is required' });
  });

  test('a name with control characters is printable', async () => {
    const { problems } = await cli([...REQUIRED, '--\u001b[31mx']);
    expect(problems[0]?.option).toBe('--\\x1b[31mx');
  });
});

describe('spelling', () => {
  test('of a set option is the user’s, of an unset one the host’s', async () => {
    const resolved = await cli(REQUIRED, {
      env: { LOCKSTEP_LIMIT: '3' },
      hook: { reap: { headroom: 1 } },
      file: { name: 'lockstep.config.json', content: { reap: { maxDeletes: 2 }, store: 'file:' } },
    });
    expect(resolved.spellingOf('match')).toBe('--match');
    expect(resolved.spellingOf('limit')).toBe('LOCKSTEP_LIMIT');
    expect(resolved.spellingOf('headroom')).toBe('headroom');
    expect(resolved.spellingOf('maxDeletes')).toBe('reap.maxDeletes in lockstep.config.json');
    expect(resolved.spellingOf('store')).toBe('store in lockstep.config.json');
    expect(resolved.spellingOf('olderThan')).toBe('--older-than');
  });

  test.each([
    ['cli', 'olderThan', '--older-than'],
    ['action', 'olderThan', 'older-than'],
    ['hook', 'olderThan', 'olderThan'],
    ['cli', 'failOnError', 'LOCKSTEP_FAIL_ON_ERROR'],
    ['cli', 'token', 'token'],
    ['action', 'json', '--json'],
  ] as const)('%s spells %s as %s', (host, name, spelling) => {
    expect(spellOption(name, 'reap', host)).toBe(spelling);
  });

  test('a word without a flag is spelled in capitals', () => {
    expect(spellOption('kind', 'status', 'cli')).toBe('KIND');
  });
});

describe('the named config file', () => {
  const named = (request: Partial<ResolveRequest<'reap'>>) =>
    namedConfigFile({ command: 'reap', host: 'cli', ...request });

  test('is the flag’s, then the hook’s, then the environment’s', () => {
    const flags = parseArguments(['reap', '--config', 'a.json', '--config', 'b.json']).flags;
    const env = { LOCKSTEP_CONFIG: 'c.json' };
    expect(named({ flags, env })).toEqual({ path: 'b.json', spelling: '--config' });
    expect(named({ hook: { config: 'd.json' }, env })).toEqual({ path: 'd.json', spelling: 'config' });
    expect(named({ env })).toEqual({ path: 'c.json', spelling: 'LOCKSTEP_CONFIG' });
    expect(named({})).toBeNull();
  });

  test('in an Action is the input’s only', () => {
    const env = { LOCKSTEP_CONFIG: 'c.json' };
    expect(named({ host: 'action', env })).toBeNull();
    expect(named({ host: 'action', env, inputs: { config: 'a.json' } })).toEqual({
      path: 'a.json',
      spelling: 'config',
    });
  });
});
