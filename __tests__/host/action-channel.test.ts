// What leaves a step: log lines, annotations, outputs, state, and what post makes of it.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRedactor } from '../../src/base/text.ts';
import type { WorkflowCommands } from '../../src/host/action-core.ts';
import { createStepLog } from '../../src/host/action-log.ts';
import { createOutputs, MAX_LIST_BYTES, safeJson } from '../../src/host/action-outputs.ts';
import { runPost } from '../../src/host/action-post.ts';
import { childEnvironment } from '../../src/host/action-session.ts';
import { readHeld, saveHeld } from '../../src/host/action-state.ts';
import type { HeldLease } from '../../src/host/contract.ts';
import { parseCommand } from '../support/runner-commands.ts';

type Said = [name: string, ...texts: string[]];

/** Commands that are written down. */
function recordCommands(): { said: Said[]; commands: WorkflowCommands } {
  const said: Said[] = [];
  const write =
    (name: string) =>
    (...texts: string[]) =>
      void said.push([name, ...texts]);
  return {
    said,
    commands: {
      debug: write('debug'),
      info: write('info'),
      notice: write('notice'),
      warning: write('warning'),
      error: write('error'),
      startGroup: write('group'),
      endGroup: write('endgroup'),
      setSecret: write('mask'),
      setOutput: write('output'),
      saveState: write('state'),
      exportVariable: write('env'),
      writeSummary: async (markdown) => void said.push(['summary', markdown]),
    },
  };
}

describe('the log of a step', () => {
  test('no text at all becomes a workflow command, as the runner reads lines', () => {
    const signs = [
      '::',
      ':',
      '##[',
      '#',
      '[',
      ']',
      'warning',
      'set-output',
      ' ',
      '\u200b',
      '\r',
      '\n',
      '\u00ad',
    ];
    const tricky = fc.array(fc.oneof(fc.constantFrom(...signs), fc.string({ unit: 'binary', maxLength: 3 })));
    fc.assert(
      fc.property(tricky, (parts) => {
        const { said, commands } = recordCommands();
        createStepLog({ commands, redact: (text) => text }).line(parts.join(''));
        const [, line = ''] = said[0] ?? [];
        expect(line).not.toMatch(/[\r\n]/);
        expect(parseCommand(line)).toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  test('nine annotations of a type at most, the closing one among them; the rest are lines', () => {
    const { said, commands } = recordCommands();
    const log = createStepLog({ commands, redact: (text) => text });
    for (let n = 0; n < 30; n += 1) log.logger.warn(`warning ${n}`);
    log.conclude('warning', 'the end');
    const warnings = said.filter(([name]) => name === 'warning');
    expect(warnings).toHaveLength(9);
    expect(warnings.at(-1)).toEqual(['warning', 'the end']);
    expect(said.filter(([name]) => name === 'info')).toHaveLength(22);
  });

  test('the same annotation is made once', () => {
    const { said, commands } = recordCommands();
    const log = createStepLog({ commands, redact: (text) => text });
    log.logger.error('no');
    log.logger.error('no');
    log.conclude('error', 'no');
    expect(said.filter(([name]) => name === 'error')).toEqual([['error', 'no']]);
  });

  test('a group ends whatever happens in it, and secrets go before anything is cut', async () => {
    const { said, commands } = recordCommands();
    const log = createStepLog({ commands, redact: createRedactor(['s3cret-value']) });
    const body = log.group('a', async () => {
      log.line(`${'x'.repeat(1995)}s3cret-value`);
      throw new Error('b');
    });
    await expect(body).rejects.toThrow('b');
    expect(said.map(([name]) => name)).toEqual(['group', 'info', 'endgroup']);
    expect(said[1]?.[1]).not.toContain('s3c');
  });
});

describe('outputs', () => {
  const report = { format: 1 as const, command: 'reap', exitCode: 0 };

  test('are the fields in kebab case; null is empty, objects are JSON, texts are one line', () => {
    const more = { fencingToken: null, counts: { a: 1 }, holder: 'a\nb::c' };
    const { outputs } = createOutputs({ ...report, ...more });
    expect(Object.fromEntries(outputs)).toEqual({
      format: '1',
      command: 'reap',
      'exit-code': '0',
      'fencing-token': '',
      counts: '{"a":1}',
      holder: 'a\\x0ab:\u200b:c',
      truncated: 'false',
      result: expect.stringMatching(/^\{"format":1,.*\}$/),
    });
  });

  test('a list is cut where it gets too long, by its beginning, and the result says so', () => {
    const apps = Array.from({ length: 3000 }, (_, index) => ({ id: String(index), name: 'x'.repeat(100) }));
    const { outputs, isTruncated } = createOutputs({ ...report, ...{ apps } });
    expect(isTruncated).toBe(true);
    const text = outputs.get('apps') ?? '';
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_LIST_BYTES);
    const kept = JSON.parse(text) as unknown[];
    expect(apps.slice(0, kept.length)).toEqual(kept);
    expect(Buffer.byteLength(JSON.stringify(apps.slice(0, kept.length + 1)))).toBeGreaterThan(MAX_LIST_BYTES);
    expect(JSON.parse(outputs.get('result') ?? '')).toEqual({ ...report, apps: kept, truncated: true });
  });

  test('safe JSON means the same and holds no command, whatever is in it', () => {
    const signs = fc.array(fc.constantFrom(':', '#', '[', '\\', '"', 'a'));
    fc.assert(
      fc.property(fc.jsonValue(), signs, (value, parts) => {
        const both = [value, { [parts.join('')]: parts.join('') }];
        const text = safeJson(both);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(both)));
        expect(text).not.toMatch(/::|##\[|\n/);
      }),
    );
  });
});

describe('what main tells post', () => {
  const held: HeldLease = {
    command: 'reap',
    name: 'staging',
    socketPath: '/tmp/agent.sock',
    nonce: 'c0ffee00-0000-4000-8000-000000000000',
    fencingToken: 7,
  };

  test('arrives as it was', () => {
    const { said, commands } = recordCommands();
    expect(saveHeld(held, { commands, secrets: ['another'] })).toBe(true);
    const [, name, text] = said[0] ?? [];
    expect(readHeld({ [`STATE_${name}`]: text })).toEqual(held);
  });

  test.each([
    ['a known secret', { nonce: 'known-secret' }],
    ['a GitHub token', { nonce: `ghs_${'a'.repeat(36)}` }],
    ['a JSON Web Token', { nonce: 'eyJhbGciOiJIUzI1NiJ9.e30.x' }],
    ['a Heroku key', { socketPath: '/tmp/HRKU-0000' }],
    ['a URL with a password', { socketPath: 'redis://user:pass@host' }],
  ])('never is %s', (_, wrong) => {
    const { said, commands } = recordCommands();
    expect(saveHeld({ ...held, ...wrong }, { commands, secrets: ['known-secret'] })).toBe(false);
    expect(said).toEqual([]);
  });

  test.each([
    '',
    '{',
    'null',
    '{}',
    '{"command":"nonsense"}',
    JSON.stringify({ ...held, fencingToken: '7' }),
  ])('%j is nothing', (text) => {
    expect(readHeld({ STATE_held: text })).toBeNull();
  });

  test('nothing: then post does nothing, and says nothing', async () => {
    const { said, commands } = recordCommands();
    const process = { env: { HEROKU_API_KEY: 'abcdefgh' } } as unknown as Parameters<typeof runPost>[0];
    await runPost(process, commands);
    expect(said).toEqual([]);
    expect(process.exitCode).toBeUndefined();
  });
});

test("a user's own command sees neither this step's inputs nor the runner's token", () => {
  const env = {
    PATH: '/bin',
    INPUT_TOKEN: 'x',
    STATE_held: 'y',
    ACTIONS_RUNTIME_TOKEN: 'z',
    GITHUB_REF: 'r',
  };
  expect(childEnvironment(env)).toEqual({ PATH: '/bin', GITHUB_REF: 'r' });
});
