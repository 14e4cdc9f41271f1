import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { createCommandProvider } from '../../src/provider/command.ts';
import { fillWords, parseWordsTemplate, type WordsTemplate } from '../../src/provider/command-words.ts';
import type { App } from '../../src/provider/contract.ts';
import { describeProvider } from '../../src/provider-conformance.ts';
import { ownAppsScript, ownHarness } from '../support/own-world.ts';

const node = process.execPath;
const signal = new AbortController().signal;
const script = (...words: string[]): WordsTemplate => [node, ownAppsScript, ...words];
/** A command that is a line of JavaScript. */
const js = (code: string, ...words: string[]): WordsTemplate => [node, '-e', code, '--', ...words];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const providerOf = (
  words: Partial<Record<'list' | 'get' | 'destroy', WordsTemplate>>,
  options: { timeoutMs?: number; env?: Record<string, string> } = {},
) =>
  createCommandProvider({
    list: words.list ?? js(''),
    get: words.get ?? js(''),
    destroy: words.destroy ?? js(''),
    cwd: folder,
    env: options.env ?? {},
    accountId: 'a',
    clock: systemClock,
    timeoutMs: options.timeoutMs ?? 20_000,
  });
const print = (...lines: unknown[]) =>
  js(`for (const line of ${JSON.stringify(lines.map((line) => JSON.stringify(line)))}) console.log(line)`);
const app: App = {
  id: 'i-1',
  name: 'app-one',
  createdAtMs: 1,
  version: 'v1',
  state: 'ready',
  isProtected: false,
  inScope: true,
  parentId: null,
};
const destroyWith = (destroy: WordsTemplate, one: App = app) =>
  providerOf({ destroy }).destroy(one, { signal, fencingToken: 7 });

describe('the conformance suite holds over three commands, each a process of its own', () => {
  const harness = ownHarness(async (world) =>
    createCommandProvider({
      list: script('list'),
      get: script('get', '{id}'),
      destroy: script('destroy', '{id}'),
      cwd: world.folder,
      env: { APPS: world.folder },
      accountId: 'own',
      clock: systemClock,
      timeoutMs: 20_000,
    }),
  );
  for (const { title, run } of describeProvider('command', harness)) test(title, run);
});

describe('a listing', () => {
  test('has one app a line; the fields that may be absent have their defaults', async () => {
    const list = print({ id: '1', name: 'a' }, { id: '2', name: 'b', state: 'deleting', protected: true });
    expect(await providerOf({ list }).list(null, { signal })).toMatchObject({
      kind: 'page',
      next: null,
      apps: [
        {
          id: '1',
          name: 'a',
          createdAtMs: null,
          version: null,
          state: 'ready',
          isProtected: false,
          inScope: true,
        },
        { id: '2', state: 'deleting', isProtected: true },
      ],
    });
  });

  test('may tell the provider’s time, which counts where it is earlier, and how many apps there are', async () => {
    const list = print({ now: '2020-01-01T00:00:00Z', total: 5 }, { id: '1', name: 'a' });
    expect(await providerOf({ list }).list(null, { signal })).toMatchObject({
      total: 5,
      meta: { serverNowMs: Date.UTC(2020, 0, 1) },
      apps: [{ id: '1' }],
    });
    const future = await providerOf({ list: print({ now: '2099-01-01T00:00:00Z' }) }).list(null, { signal });
    expect(future.meta.serverNowMs).toBeLessThan(Date.UTC(2099, 0, 1));
  });

  test.each<[string, unknown]>([
    ['text', 'hello'],
    ['a list', []],
    ['no id', { name: 'a' }],
    ['an empty id', { id: '', name: 'a' }],
    ['a number for an id', { id: 1, name: 'a' }],
    ['no name', { id: '1' }],
    ['a number for a time', { id: '1', name: 'a', createdAt: 1 }],
    ['a state nobody knows', { id: '1', name: 'a', state: 'gone' }],
    ['a text for a flag', { id: '1', name: 'a', protected: 'no' }],
    ['a text for the scope', { id: '1', name: 'a', inScope: 'yes' }],
  ])('with %s in it is broken, and that line is no app', async (_, line) => {
    const answer = await providerOf({ list: print({ id: 'ok', name: 'fine' }, line) }).list(null, { signal });
    expect(answer).toMatchObject({
      kind: 'page',
      apps: [{ id: 'ok' }],
      broken: expect.stringContaining('line 2'),
    });
  });

  test('whose command fails half-way proves nothing', async () => {
    const list = js('console.log(\'{"id":"1","name":"a"}\'); process.exitCode = 3');
    expect(await providerOf({ list }).list(null, { signal })).toMatchObject({ kind: 'ambiguous' });
  });

  test('without end is ended at 4 MiB and proves nothing', async () => {
    const list = js('const more = () => process.stdout.write("x".repeat(65536), more); more()');
    expect(await providerOf({ list }).list(null, { signal })).toMatchObject({
      kind: 'ambiguous',
      detail: expect.stringContaining('4194304 bytes'),
    });
  });
});

describe('a read', () => {
  test.each<[string, WordsTemplate, string]>([
    ['the app', print({ id: 'i-1', name: 'x' }), 'found'],
    ['that it is gone', print({ outcome: 'gone' }), 'gone'],
    ['another app', print({ id: 'i-2', name: 'x' }), 'ambiguous'],
    ['nothing', js(''), 'ambiguous'],
    [
      'that it is gone, and fails',
      js('console.log(\'{"outcome":"gone"}\'); process.exitCode = 1'),
      'ambiguous',
    ],
  ])('that prints %s', async (_, get, kind) => {
    expect(await providerOf({ get }).get('i-1', { signal })).toMatchObject({ kind });
  });
});

describe('a delete', () => {
  test.each<[string, WordsTemplate, string]>([
    ['ends with 0 and prints nothing', js(''), 'deleted'],
    ['says deleted', print({ outcome: 'deleted' }), 'deleted'],
    [
      'says accepted after some talk',
      js('console.log("working"); console.log(\'{"outcome":"accepted"}\')'),
      'accepted',
    ],
    ['says busy', print({ outcome: 'busy', detail: 'in use' }), 'busy'],
    ['says something nobody knows', print({ outcome: 'done' }), 'ambiguous'],
    ['prints text', js('console.log("deleted!")'), 'ambiguous'],
    [
      'says deleted, and fails',
      js('console.log(\'{"outcome":"deleted"}\'); process.exitCode = 1'),
      'ambiguous',
    ],
    [
      'says forbidden, and fails',
      js('console.log(\'{"outcome":"forbidden"}\'); process.exitCode = 1'),
      'forbidden',
    ],
    ['ends with 64', js('process.exitCode = 64'), 'invalid'],
    ['ends with 75', js('process.exitCode = 75'), 'throttled'],
    ['ends with 77', js('process.exitCode = 77'), 'forbidden'],
    ['is killed', js('process.kill(process.pid, "SIGKILL")'), 'ambiguous'],
    ['cannot be started', ['/nonexistent/program'], 'invalid'],
  ])('that %s', async (_, destroy, kind) => {
    expect(await destroyWith(destroy)).toMatchObject({ kind });
  });

  test('that does not end in time is ended and proves nothing', async () => {
    const destroy = js('setInterval(() => {}, 1000)');
    expect(
      await providerOf({ destroy }, { timeoutMs: 300 }).destroy(app, { signal, fencingToken: 1 }),
    ).toMatchObject({ kind: 'ambiguous', detail: expect.stringContaining('300 ms') });
  });

  test('tells how long to wait', async () => {
    expect(await destroyWith(print({ outcome: 'throttled', retryAfterMs: 7000 }))).toMatchObject({
      kind: 'throttled',
      meta: { rate: { throttled: true, retryAfterMs: 7000 } },
    });
  });

  test('is told the app on standard input, the token too, and by its places', async () => {
    const code =
      'const text = require("fs").readFileSync(0, "utf8"); console.log(JSON.stringify({ outcome: "busy", detail: text + process.argv.slice(1).join("|") }))';
    const answer = await destroyWith(js(code, 'x-{id}', '{name}'));
    expect(answer).toMatchObject({ kind: 'busy' });
    const { detail } = answer as { detail: string };
    expect(detail).toContain('"call":"destroy","id":"i-1","name":"app-one","version":"v1","fencingToken":7');
    expect(detail).toContain('x-i-1|app-one');
  });

  test('of a hostile name reaches the program as one argument, and no shell sees it', async () => {
    const name = '$(touch x); {id} "a b"\n`c`';
    const code =
      'console.log(JSON.stringify({ outcome: "busy", detail: JSON.stringify(process.argv.slice(1)) }))';
    const answer = (await destroyWith(js(code, '{name}'), { ...app, name })) as { detail: string };
    expect(JSON.parse(answer.detail)).toEqual([name]);
  });

  test.each([
    ['--all', '{name}'],
    ['-rf', '{name}/x'],
  ])('of an app called %s is refused where the program would take it for an option', async (name, word) => {
    const mark = join(folder, 'ran');
    const answer = await destroyWith(js(`require("fs").writeFileSync(${JSON.stringify(mark)}, "")`, word), {
      ...app,
      name,
    });
    expect(answer).toMatchObject({ kind: 'invalid' });
    await expect(readFile(mark)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('what a failing program printed is one printable line', async () => {
    const answer = await destroyWith(
      js('console.error("a\\u001b[31m\\n::error::b\\u0007"); process.exitCode = 9'),
    );
    expect((answer as { detail: string }).detail).toBe('the destroy command ended with 9: ::error::b\\x07');
  });
});

describe('cancelling', () => {
  test('ends the child and what it started, and rejects with the reason once they are gone', async () => {
    const mark = join(folder, 'pids');
    const code = `const { spawn } = require("child_process"); const child = spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"]);
      require("fs").writeFileSync(${JSON.stringify(mark)}, process.pid + " " + child.pid); setInterval(() => {}, 1000)`;
    const controller = new AbortController();
    const provider = providerOf({ list: js(code) });
    const listing = provider.list(null, { signal: controller.signal });
    let pids: number[] = [];
    while (pids.length < 2) {
      const text = await readFile(mark, 'utf8').catch(() => '');
      pids = text
        .split(' ')
        .map(Number)
        .filter((pid) => pid > 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(listing).rejects.toBe(reason);
    await provider.close();
    expect(await isRunning(pids[0] as number)).toBe(false);
    expect(await isRunning(pids[1] as number)).toBe(false);
  });
});

/** A zombie that nobody reaped yet has ended. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return status !== null && !/\) [ZX]/.test(status);
}

describe('a command’s words', () => {
  test.each([
    ['', 'needs a program'],
    ['"open', 'never closed'],
    ['{id} x', 'names its program by a place'],
    ['run {id} {owner}', 'has the place {owner}; it may have {id}'],
    ['run {ID}', 'has the place {ID}'],
  ])('%j is refused: %s', (text, problem) => {
    expect(parseWordsTemplate(text, ['id'])).toMatchObject({
      ok: false,
      problem: expect.stringContaining(problem),
    });
  });

  test('other braces are left alone, and a filled value is not filled again', () => {
    const words = parseWordsTemplate('run {} {1} a{id}b {id}', ['id']);
    expect(words).toEqual({ ok: true, value: ['run', '{}', '{1}', 'a{id}b', '{id}'] });
    if (!words.ok) return;
    expect(fillWords(words.value, { id: '{id}$&' })).toEqual({
      ok: true,
      value: ['run', '{}', '{1}', 'a{id}$&b', '{id}$&'],
    });
    expect(fillWords(words.value, { id: 'a\0' }).ok).toBe(false);
  });
});

test('each call starts exactly one child', async () => {
  const log = join(folder, 'calls');
  await writeFile(log, '');
  const count = (name: string) => js(`require("fs").appendFileSync(${JSON.stringify(log)}, "${name} ")`);
  const provider = providerOf({ list: count('list'), get: count('get'), destroy: count('destroy') });
  await provider.open({ signal });
  await provider.list(null, { signal });
  await provider.get('1', { signal });
  await provider.destroy(app, { signal, fencingToken: 1 });
  expect(await readFile(log, 'utf8')).toBe('list get destroy ');
});
