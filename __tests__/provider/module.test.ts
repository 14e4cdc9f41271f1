import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import type { App, Provider } from '../../src/provider/contract.ts';
import { openModuleProvider } from '../../src/provider/module.ts';
import { describeProvider } from '../../src/provider-conformance.ts';
import { ownHarness, ownProviderModule } from '../support/own-world.ts';

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-module-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;
const open = (path: string, options: { account?: string; timeoutMs?: number } = {}) =>
  openModuleProvider({
    path,
    env: {},
    cwd: folder,
    account: options.account ?? null,
    clock: systemClock,
    timeoutMs: options.timeoutMs ?? 20_000,
  });
const write = async (source: string) => {
  files += 1;
  const path = join(folder, `provider-${files}.mjs`);
  await writeFile(path, source);
  return path;
};
const SHAPE = `name: 'mine', accountId: 'a', capabilities: { atomicPrecondition: false, openRequests: 0, pageSize: 10 },`;
/** A module whose provider is right except for what `methods` says. */
const moduleWith = (methods: string) =>
  write(`export const createProvider = () => ({ ${SHAPE}
    open: () => ({ kind: 'open', meta: { status: 200 }, label: 'x' }), list: () => null, get: () => null, destroy: () => null, close: () => {},
    ${methods} });`);
const app: App = {
  id: '1',
  name: 'a',
  createdAtMs: 1,
  version: null,
  state: 'ready',
  isProtected: false,
  inScope: true,
  parentId: null,
};

describe('the conformance suite holds over a module', () => {
  const harness = ownHarness((world) =>
    openModuleProvider({
      path: ownProviderModule,
      env: { APPS: world.folder },
      cwd: world.folder,
      account: null,
      clock: systemClock,
      timeoutMs: 20_000,
    }),
  );
  for (const { title, run } of describeProvider('module', harness)) test(title, run);
});

describe('a module that is none', () => {
  test.each<[string, string, string]>([
    ['does not parse', 'export const = 1', 'could not be loaded: SyntaxError'],
    ['throws', "throw new Error('no key')", 'could not be loaded: Error: no key'],
    ['exports something else', 'export default () => ({})', 'exports no function createProvider'],
    [
      'refuses',
      "export const createProvider = () => { throw new Error('no key') }",
      'could not make its provider',
    ],
    ['makes nothing', 'export const createProvider = () => undefined', 'returned no object'],
    [
      'makes half a provider',
      `export const createProvider = () => ({ ${SHAPE} list: () => 1 })`,
      'has no open, get',
    ],
  ])('that %s is a configuration error', async (_, source, message) => {
    const path = await write(source);
    await expect(open(path)).rejects.toMatchObject({
      code: 'config',
      problems: [{ option: 'providerModule', message: expect.stringContaining(message) }],
    });
  });

  test.each<[string, string]>([
    ["name: '../../x'", 'name'],
    ["accountId: 'a b'", 'accountId'],
    ['accountId: 1', 'accountId'],
    ['capabilities: null', 'capabilities'],
    ['capabilities: { atomicPrecondition: 1, openRequests: 0, pageSize: 1 }', 'atomicPrecondition'],
    ['pace: { emissionIntervalMs: 0, burst: 1 }', 'pace'],
    ['pace: { emissionIntervalMs: 1, burst: Infinity }', 'pace'],
  ])('or whose %s cannot be is one, too', async (field, message) => {
    await expect(open(await moduleWith(field))).rejects.toMatchObject({
      problems: [{ message: expect.stringContaining(message) }],
    });
  });
});

describe('an answer that is none', () => {
  test.each([
    'undefined',
    'null',
    '[]',
    "'deleted'",
    "({ kind: 'removed' })",
    'Promise.reject(new Error("x"))',
  ])('%s is ambiguous to every call', async (value) => {
    const provider = await open(
      await moduleWith(
        `open: () => ${value}, list: () => ${value}, get: () => ${value}, destroy: () => ${value}`,
      ),
    );
    expect(await provider.open({ signal })).toMatchObject({ kind: 'ambiguous' });
    expect(await provider.list(null, { signal })).toMatchObject({ kind: 'ambiguous' });
    expect(await provider.get('1', { signal })).toMatchObject({ kind: 'ambiguous' });
    expect(await provider.destroy(app, { signal, fencingToken: 1 })).toMatchObject({ kind: 'ambiguous' });
  });

  test('about another app is ambiguous', async () => {
    const provider = await open(
      await moduleWith("get: () => ({ kind: 'found', app: { id: '2', name: 'b' } })"),
    );
    expect(await provider.get('1', { signal })).toMatchObject({ kind: 'ambiguous' });
  });

  test.each(["{ id: '', name: 'a' }", "{ id: '1' }", "{ id: '1', name: 'a', createdAtMs: '2020' }", '7'])(
    'a page with the app %s is broken, and that is no app',
    async (bad) => {
      const source = `list: () => ({ kind: 'page', apps: [{ id: 'ok', name: 'fine' }, ${bad}], next: null })`;
      expect(await (await open(await moduleWith(source))).list(null, { signal })).toMatchObject({
        apps: [{ id: 'ok', createdAtMs: null }],
        broken: expect.any(String),
      });
    },
  );

  test('a cursor that is no text is ambiguous', async () => {
    const provider = await open(await moduleWith("list: () => ({ kind: 'page', apps: [], next: 7 })"));
    expect(await provider.list(null, { signal })).toMatchObject({ kind: 'ambiguous' });
  });

  test('a failure is passed on, its detail printable, its budget read', async () => {
    const provider = await open(
      await moduleWith(
        "destroy: () => ({ kind: 'throttled', detail: 'a\\u001bb', meta: { status: 429, rate: { throttled: true, retryAfterMs: 5, limit: -1 } } })",
      ),
    );
    expect(await provider.destroy(app, { signal, fencingToken: 1 })).toEqual({
      kind: 'throttled',
      detail: 'a\\x1bb',
      meta: { status: 429, rate: { throttled: true, retryAfterMs: 5 } },
    });
  });
});

describe('a call that never answers', () => {
  test('is ambiguous when its time is over', async () => {
    const provider = await open(await moduleWith('list: () => new Promise(() => {})'), { timeoutMs: 20 });
    expect(await provider.list(null, { signal })).toMatchObject({
      kind: 'ambiguous',
      detail: expect.stringContaining('did not answer in time'),
    });
  });

  test('ends with its signal’s reason', async () => {
    const provider: Provider = await open(await moduleWith('list: () => new Promise(() => {})'));
    const controller = new AbortController();
    const reason = new Error('enough');
    const listing = provider.list(null, { signal: controller.signal });
    controller.abort(reason);
    await expect(listing).rejects.toBe(reason);
  });
});

test('the account is the user’s own name for it, hashed, where there is one', async () => {
  const path = await moduleWith('');
  expect((await open(path)).accountId).toBe('a');
  const named = (await open(path, { account: 'ci' })).accountId;
  expect(named).toMatch(/^[0-9a-f]{16}$/);
});
