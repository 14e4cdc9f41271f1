// The section `lock` of a hook, with a real agent over a file store.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { runLockSection } from '../../src/host/hook-lock.ts';
import { createProcessContext } from '../../src/host/process-context.ts';
import type { LeaseManager } from '../../src/lease/contract.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import type { Store } from '../../src/store/contract.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';

const KEY = 'default/lock/staging';
const holder = { text: 'the test', host: 'loopback', pid: process.pid };
const variables = () => [process.env['LOCKSTEP_LOCK_NAME'], process.env['LOCKSTEP_FENCING_TOKEN']];

let folder: string;
let store: Store;
let manager: LeaseManager;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-hook-lock-'));
  store = await openFileStore({ path: join(folder, 'store'), clock: systemClock });
  manager = createLeaseManager({ store, clock: systemClock });
});
afterEach(async () => {
  await manager.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function section(more: Readonly<Record<string, unknown>> = {}) {
  const context = createProcessContext({
    logger: nullLogger,
    signal: new AbortController().signal,
    cwd: folder,
  });
  // The agent runs from the sources here.
  const loader = pathToFileURL(join(import.meta.dirname, '../../scripts/register-ts.js')).href;
  const hook = { store: 'file:store', lock: { name: 'staging', lease: '1s', ...more } };
  const resolved = await resolveOptions({ command: 'lock', host: 'hook', hook });
  return runLockSection(
    { ...context, process: { ...context.process, execArgv: ['--import', loader] } },
    resolved,
  );
}

test('holds the lock until teardown, and the tests find name and token', async () => {
  const outcome = await section();
  expect(outcome).toMatchObject({ level: 'info', report: { outcome: 'ran', fencingToken: 1, exitCode: 0 } });
  expect(outcome.summary).toMatch(/^staging is held with token 1/);
  expect(variables()).toEqual(['staging', '1']);
  expect((await manager.tryAcquire(KEY, { leaseMs: 1000, holder })).acquired).toBe(false);
  await outcome.release?.();
  expect(variables()).toEqual([undefined, undefined]);
  expect((await manager.read(KEY)).record?.state).toBe('free');
});

test('lost in between, teardown says so', async () => {
  const outcome = await section();
  await manager.forceRelease(KEY, { holder });
  const other = await manager.tryAcquire(KEY, { leaseMs: 1000, holder });
  await expect(outcome.release?.()).rejects.toMatchObject({ code: 'lease-lost' });
  if (other.acquired) expect(await other.lease.release()).toBe('released');
});

test.each([
  ['skip', 'skipped', 0],
  ['fail', 'busy', 4],
])(
  'held by another, with whenBusy %s: %s, and there is nothing to give back',
  async (whenBusy, outcome, exitCode) => {
    const other = await manager.tryAcquire(KEY, { leaseMs: 60_000, holder });
    const result = await section({ whenBusy });
    expect(result).toMatchObject({ summary: 'staging is held by the test', report: { outcome, exitCode } });
    expect(result.release).toBeUndefined();
    if (other.acquired) await other.lease.release();
  },
);

test('contenders that disagree about permits are told in the spelling of the hook', async () => {
  const other = await manager.tryAcquire(KEY, { leaseMs: 60_000, holder });
  await expect(section({ permits: 2, whenBusy: 'fail' })).rejects.toMatchObject({
    code: 'config',
    problems: [{ option: 'permits', message: expect.any(String) }],
  });
  if (other.acquired) await other.lease.release();
});
