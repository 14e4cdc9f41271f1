import { expect, test } from '@jest/globals';
import type { CommandOptions } from '../../src/config/hook-options.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { withStartupDefaults } from '../../src/host/hook-reap.ts';

const valuesOf = async (reap: CommandOptions<'reap'>, env: Record<string, string> = {}) =>
  withStartupDefaults(await resolveOptions({ command: 'reap', host: 'hook', hook: { reap }, env })).values;

test('a clean-up before tests takes 20 s and 10 deletions at most, skips where busy, and stops at a conflict', async () => {
  expect(await valuesOf({})).toMatchObject({
    timeoutMs: 20_000,
    maxDeletes: 10,
    onConflict: 'stop',
    whenBusy: 'skip',
    apply: false,
  });
});

test('what somebody set stands, wherever it was set', async () => {
  expect(
    await valuesOf({ timeout: '1m', onConflict: 'refresh-and-continue' }, { LOCKSTEP_MAX_DELETES: '99' }),
  ).toMatchObject({ timeoutMs: 60_000, maxDeletes: 99, onConflict: 'refresh-and-continue' });
});
