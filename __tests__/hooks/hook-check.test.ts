import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { nullLogger } from '../../src/base/logger.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { runCheckSection } from '../../src/host/hook-check.ts';
import { createProcessContext } from '../../src/host/process-context.ts';
import { check } from '../../src/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-hook-check-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const store = () => `file:${join(folder, 'store')}`;
const call = () => ({ env: {}, cwd: folder });

describe('check as a function', () => {
  test('publishes what another call reads', async () => {
    expect(await check({ action: 'get', name: 'db', store: store() }, call())).toMatchObject({
      status: 'unknown',
    });
    await check({ action: 'set', name: 'db', status: 'passing', store: store() }, call());
    expect(await check({ action: 'wait', name: 'db', store: store() }, call())).toMatchObject({
      outcome: 'reached',
      status: 'passing',
    });
  });

  test('an alias ends when its signal is aborted, with the last status', async () => {
    await check({ action: 'set', name: 'db', status: 'passing', store: store() }, call());
    const controller = new AbortController();
    const alias = check(
      { action: 'alias', name: 'api', of: 'check:db', store: store() },
      { ...call(), signal: controller.signal, onEvent: () => controller.abort() },
    );
    expect(await alias).toMatchObject({ outcome: 'stopped', status: 'passing', transitions: 1, exitCode: 0 });
  });

  test('wrong options are one ConfigError with all problems', async () => {
    await expect(
      check({ action: 'set', name: 'db', of: 'nonsense', store: store() }, call()),
    ).rejects.toMatchObject({
      code: 'config',
      problems: expect.arrayContaining([
        expect.objectContaining({ option: 'of' }),
        expect.objectContaining({ option: 'status' }),
      ]),
    });
  });
});

describe('check in a test runner hook', () => {
  const run = async (section: Record<string, unknown>) => {
    const context = createProcessContext({
      ...call(),
      logger: nullLogger,
      signal: new AbortController().signal,
    });
    const resolved = await resolveOptions({
      command: 'check',
      host: 'hook',
      hook: { store: store(), check: section },
    });
    return runCheckSection(context, resolved);
  };

  test('waits before the tests begin and says how it went', async () => {
    await check({ action: 'set', name: 'db', status: 'passing', store: store() }, call());
    expect(await run({ action: 'wait', name: 'db' })).toMatchObject({
      level: 'info',
      summary: 'db is passing',
    });
    expect(await run({ action: 'wait', name: 'other', timeout: '500ms' })).toMatchObject({
      level: 'error',
      report: { exitCode: 7 },
    });
  });

  test('a mirror without an end is refused: nobody would keep it alive', async () => {
    await expect(run({ action: 'alias', name: 'api', of: 'check:db' })).rejects.toMatchObject({
      problems: [expect.objectContaining({ option: 'until' })],
    });
  });
});
