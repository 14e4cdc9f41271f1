// The harness itself: it must fail where a step does what the real runner forgives or hides, and cancel as it does.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createRunnerWorld, type RunnerWorld } from '../support/runner.ts';
import { parseCommand, splitLines } from '../support/runner-commands.ts';
import { parseCommandFile } from '../support/runner-files.ts';

const SECRET = 'a-very-secret-value';
const worlds: RunnerWorld[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.dispose()));
});

/** A runner whose Action is this script. */
function createScriptedWorld(main: string, post = ''): RunnerWorld {
  const entries = { main: '', post: '' };
  const world = createRunnerWorld({ entries, interruptMs: 100, terminateMs: 100 });
  worlds.push(world);
  const save = (name: string, text: string) => {
    const path = join(world.folder, name);
    writeFileSync(path, text);
    return path;
  };
  Object.assign(entries, { main: save('main.mjs', main), post: save('post.mjs', post) });
  return world;
}

const head = "import { appendFileSync } from 'node:fs';import { spawn } from 'node:child_process';";

describe('what a step must not do', () => {
  test.each([
    ['show a secret in its log', `console.log('key: ${SECRET}')`, /secret-value shows in its streams/],
    [
      'show a secret in its summary',
      `appendFileSync(process.env.GITHUB_STEP_SUMMARY, '${SECRET}')`,
      /summary/,
    ],
    ['keep a secret in its state', `appendFileSync(process.env.GITHUB_STATE, 'a=${SECRET}')`, /state/],
    [
      'write a summary over 1 MiB',
      "appendFileSync(process.env.GITHUB_STEP_SUMMARY, 'x'.repeat(1048577))",
      /1 MiB/,
    ],
    [
      'make eleven annotations',
      "for (let i = 0; i < 11; i++) console.log('::warning::' + i)",
      /annotations of the type warning/,
    ],
    [
      'leave a process behind',
      "spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { detached: true, stdio: 'ignore' }).unref()",
      /left processes behind/,
    ],
  ])('%s', async (_, script, problem) => {
    const world = createScriptedWorld(head + script);
    await expect(world.runStep({ secrets: [SECRET] })).rejects.toThrow(problem);
  });

  test('a secret that it asks to mask is no leak, and is masked from then on', async () => {
    const world = createScriptedWorld(
      "console.log('::add-mask::other-value'); console.log('an other-value')",
    );
    const { main } = await world.runStep({});
    expect(main.log).toBe('an ***');
  });
});

describe('what main leaves', () => {
  test('reaches post as STATE_*, and outputs of many lines keep them', async () => {
    const world = createScriptedWorld(
      `${head}appendFileSync(process.env.GITHUB_STATE, 'key<<E\\na\\nb\\nE\\n')`,
      "console.log('state ' + JSON.stringify(process.env.STATE_key))",
    );
    expect((await world.runStep({})).post.log).toBe('state "a\\nb"');
  });
});

describe('cancelling', () => {
  const wait = 'setTimeout(() => {}, 60000);';
  test('is SIGINT first', async () => {
    const world = createScriptedWorld(
      `process.on('SIGINT', () => process.exit(7)); console.log('ready');${wait}`,
    );
    const { main } = await world.runStep({ cancelWhen: /ready/ });
    expect(main).toMatchObject({ exitCode: 7, signal: null });
  });

  test('is SIGTERM for one that does not listen, and SIGKILL for it and its children at the end', async () => {
    const deaf = `process.on('SIGINT', () => {});`;
    const gentle = createScriptedWorld(
      `${deaf} process.on('SIGTERM', () => process.exit(8)); console.log('ready');${wait}`,
    );
    expect((await gentle.runStep({ cancelWhen: /ready/ })).main).toMatchObject({ exitCode: 8 });
    const stubborn = createScriptedWorld(
      `${head}${deaf}process.on('SIGTERM', () => {});
      spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {});console.log('ready');${wait}"], { stdio: 'inherit' });${wait}`,
    );
    expect((await stubborn.runStep({ cancelWhen: /ready/ })).main).toMatchObject({ signal: 'SIGKILL' });
  });
});

describe('reading a line as the runner does', () => {
  test.each([
    ['::set-output name=a::b', 'set-output'],
    ['   ::warning::b', 'warning'],
    ['text ##[set-env name=A]b', 'set-env'],
    ['##[GROUP]x', 'group'],
    ['\u200b##\u200b[error]x', null],
    ['text ::warning::b', null],
    ['::unknown::b', null],
    ['::warning', null],
    ['# #[error]', null],
  ])('%j', (line, name) => {
    expect(parseCommand(line)?.name ?? null).toBe(name);
  });

  test('a carriage return ends a line, too', () => {
    expect(splitLines('a\r::warning::b\r\nc\n')).toEqual(['a', '::warning::b', 'c']);
  });

  test('a value without its end is refused', () => {
    expect(() => parseCommandFile('a<<END\nb\n')).toThrow(/no end of a/);
  });
});
