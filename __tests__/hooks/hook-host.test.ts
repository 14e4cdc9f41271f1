import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ConfigError, UnavailableError } from '../../src/base/errors.ts';
import type { HookOptions } from '../../src/config/hook-options.ts';
import type { HookOutcome, HookSection } from '../../src/host/hook-contract.ts';
import { setUpHook, tearDownHook } from '../../src/host/hook-host.ts';
import { readHookResult } from '../../src/host/hook-result.ts';

let rootDir: string;
let said: string;
let events: string[];

beforeEach(() => {
  rootDir = mkdtempSync(join(tmpdir(), 'lockstep-hook-'));
  events = [];
  said = '';
  // This run's own hook has left its result.
  for (const name of Object.keys(process.env)) if (name.startsWith('LOCKSTEP_')) delete process.env[name];
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    // Node itself may warn there, too.
    if (String(text).startsWith('lockstep: ')) said += String(text);
    return true;
  });
});
afterEach(async () => {
  await tearDownHook();
  rmSync(rootDir, { recursive: true, force: true });
});

const section = (
  command: HookSection['command'],
  run: (count: number) => Partial<HookOutcome> | Error,
  failsTests: HookSection['failsTests'] = 'with-fail-on-error',
): HookSection => {
  let count = 0;
  return {
    command,
    startedBy: command === 'reap' ? 'provider' : null,
    failsTests,
    async run() {
      count += 1;
      const number = count;
      events.push(`${command} ${number} runs`);
      const outcome = run(number);
      if (outcome instanceof Error) throw outcome;
      return {
        report: { format: 1, command, exitCode: 0 },
        summary: 'done',
        level: 'info',
        release: async () => void events.push(`${command} ${number} is given back`),
        ...outcome,
      };
    },
  };
};
const good = () => ({});
const incomplete = () => ({
  report: { format: 1 as const, command: 'reap', exitCode: 3 },
  level: 'warn' as const,
});
const setUp = (sections: HookSection[], options: HookOptions = { reap: {}, lock: 'x' }) =>
  setUpHook({ rootDir, options }, sections);

describe('sections', () => {
  test('run in the table’s order, and are given back in the other one', async () => {
    await setUp([section('reap', good), section('lock', good)]);
    await tearDownHook();
    expect(events).toEqual(['reap 1 runs', 'lock 1 runs', 'lock 1 is given back', 'reap 1 is given back']);
    expect(said).toBe('lockstep: reap: done\nlockstep: lock: done\n');
  });

  test('run only where they are present: in the object, in the file, or by their first variable', async () => {
    const both = [section('reap', good), section('lock', good)];
    await setUp(both, { lock: 'x' });
    writeFileSync(join(rootDir, 'lockstep.config.json'), '{"lock":"y"}');
    await setUp(both, {});
    process.env['LOCKSTEP_PROVIDER'] = 'heroku';
    await setUp(both, {});
    expect(events.filter((event) => event.endsWith('runs'))).toEqual([
      'lock 1 runs',
      'lock 2 runs',
      'reap 1 runs',
      'lock 3 runs',
    ]);
  });

  test('where there is none, that is said, with what was misspelt', async () => {
    await setUp([section('reap', good)], { reep: {} } as HookOptions);
    expect(events).toEqual([]);
    expect(said).toContain('reep there is no such option; did you mean reap?');
    await setUp([section('reap', good)], {});
    expect(said).toContain('nothing to do: no section is configured (there are: reap)');
  });

  test('a command that hooks do not run is a warning, and fails the tests with failOnError', async () => {
    const options = { reap: {}, status: {} } as HookOptions;
    await setUp([section('reap', good)], options);
    expect(said).toContain('lockstep: warn: status is not run by hooks; they run reap');
    expect(events).toEqual(['reap 1 runs']);
    await expect(setUp([section('reap', good)], { ...options, failOnError: true })).rejects.toMatchObject({
      code: 'config',
    });
  });

  test('their results are there for the tests, and gone after them', async () => {
    const provided: unknown[] = [];
    await setUpHook({ rootDir, options: { reap: {} }, provide: (all) => void provided.push(all) }, [
      section('reap', incomplete),
    ]);
    expect(readHookResult('reap', process.env)).toEqual({ format: 1, command: 'reap', exitCode: 3 });
    expect(provided).toEqual([{ reap: { format: 1, command: 'reap', exitCode: 3 } }]);
    await tearDownHook();
    expect(readHookResult('reap', process.env)).toBeNull();
  });
});

describe('a second set-up in the same process', () => {
  test('without a teardown gives back first what the first one holds', async () => {
    const lock = section('lock', good);
    await setUp([lock]);
    await setUp([lock]);
    await tearDownHook();
    expect(events).toEqual(['lock 1 runs', 'lock 1 is given back', 'lock 2 runs', 'lock 2 is given back']);
  });

  test('with other options holds its own beside it', async () => {
    const lock = section('lock', good);
    await setUp([lock], { lock: 'x' });
    await setUp([lock], { lock: 'y' });
    expect(events).toEqual(['lock 1 runs', 'lock 2 runs']);
  });

  test('in a process that somebody else’s hook has set up does nothing', async () => {
    process.env['LOCKSTEP_RESULT_GATE'] = '{}';
    await setUp([section('reap', good)]);
    expect(events).toEqual([]);
    delete process.env['LOCKSTEP_RESULT_GATE'];
  });
});

describe('a bad result', () => {
  test.each<[string, () => Partial<HookOutcome> | Error]>([
    ['an incomplete sweep', incomplete],
    ['a store that is away', () => new UnavailableError('no answer')],
    ['a wrong configuration', () => new ConfigError([{ option: 'match', message: 'is required' }])],
    ['a bug', () => new TypeError('x is not a function')],
  ])('%s is a warning', async (_, run) => {
    await setUp([section('reap', run), section('lock', good)]);
    expect(said).toMatch(/^lockstep: warn: reap: /);
    expect(events).toContain('lock 1 runs');
    expect(readHookResult('reap', process.env)?.exitCode).toBeGreaterThan(0);
  });

  test.each<[string, () => Partial<HookOutcome> | Error, string]>([
    ['an incomplete sweep', incomplete, 'limit'],
    ['a store that is away', () => new UnavailableError('no answer'), 'unavailable'],
    ['a wrong configuration', () => new ConfigError([{ option: 'match', message: 'is required' }]), 'config'],
  ])('%s fails the tests with failOnError, and everything is given back', async (_, run, code) => {
    const order = [section('lock', good), section('reap', run)];
    await expect(setUp(order, { failOnError: true, reap: {}, lock: 'x' })).rejects.toMatchObject({ code });
    expect(events).toContain('lock 1 is given back');
    expect(readHookResult('lock', process.env)).toBeNull();
  });

  test('of a section that counts always fails them without it', async () => {
    await expect(setUp([section('lock', incomplete, 'always')])).rejects.toMatchObject({ code: 'limit' });
    expect(events).toEqual(['lock 1 runs', 'lock 1 is given back']);
  });

  test('while giving back is a warning, and the rest is given back', async () => {
    const bad = section('lock', () => ({ release: () => Promise.reject(new Error('gone\u001b[31m')) }));
    await setUp([section('reap', good), bad]);
    await tearDownHook();
    expect(said).toContain('could not give back: gone\\x1b[31m');
    expect(events.at(-1)).toBe('reap 1 is given back');
  });
});

test('a secret in the options is said nowhere', async () => {
  const store = 'redis://user:s3cr3t-word@host/0';
  await setUp([section('reap', () => ({ summary: `cannot reach ${store}` }))], { store, reap: {} });
  expect(said).toContain('***');
  expect(said).not.toContain('s3cr3t-word');
});
