import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { CancelledError } from '../../src/base/errors.ts';
import { createCommandProbe } from '../../src/probe/command.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-command-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function open(script: string, options: { args?: string[]; clock?: typeof systemClock; file?: string } = {}) {
  const probe = createCommandProbe({
    id: 'c',
    target: {
      kind: 'command',
      file: options.file ?? 'sh',
      args: ['-c', script, 'sh', ...(options.args ?? [])],
    },
    clock: options.clock ?? systemClock,
    cwd: folder,
    env: { PATH: process.env['PATH'], TOKEN: 'tok-123456' },
    redact: (text) => text.replaceAll('tok-123456', '***'),
  });
  return {
    probe,
    ask: (signal = new AbortController().signal) => probe.probe({ signal }),
  };
}

/** Waits for a file that a child writes; a child that never does ends with the test's own timeout. */
async function waitForFile(path: string): Promise<string> {
  for (;;) {
    try {
      const text = await readFile(path, 'utf8');
      if (text.endsWith('\n')) return text.trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await settle();
  }
}

async function waitUntilGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
      // A killed orphan may stay a zombie where nobody reaps it; that is gone enough.
      if (/\) Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) return;
    } catch {
      // No such process, or no such file: it is gone.
      return;
    }
    await settle();
  }
}

describe('a command probe', () => {
  test.each<[string, object]>([
    ['exit 0', { status: 'passing', hint: null, detail: 'exit 0' }],
    ['echo slow >&2; exit 1', { status: 'warning', detail: 'exit 1: slow' }],
    ['echo a >&2; echo b >&2; exit 2', { status: 'critical', hint: null, detail: 'exit 2: b' }],
    ['exit 75', { status: 'critical', hint: 'pending', detail: 'exit 75 (not yet)' }],
    ['kill -SEGV $$', { status: 'critical', detail: 'ended by SIGSEGV' }],
  ])('%s', async (script, expected) => {
    expect(await open(script).ask()).toMatchObject({ ...expected, unreachable: false });
  });

  test('the last line it prints is its document, where it is JSON', async () => {
    expect((await open(`echo hello; echo '{"schema":"42"}'`).ask()).body).toEqual({ schema: '42' });
    expect((await open(`printf '{"schema":"42"}\\r\\n\\n'`).ask()).body).toEqual({ schema: '42' });
    expect((await open(`echo '{"schema":"42"}'; echo done`).ask()).body).toBeUndefined();
    expect((await open(`echo '{"schema":"42"}'; exit 1`).ask()).body).toBeUndefined();
  });

  test('nothing is expanded on the way to it: no shell of ours', async () => {
    const { ask } = open(`echo "{\\"got\\":\\"$1\\"}"`, { args: ['$HOME;*'] });
    expect((await ask()).body).toEqual({ got: '$HOME;*' });
  });

  test('a program that does not exist cannot be asked', async () => {
    expect(await open('', { file: join(folder, 'nothing') }).ask()).toMatchObject({
      unreachable: true,
      detail: expect.stringContaining('ENOENT'),
    });
  });

  test('nor can one whose arguments the system refuses', async () => {
    const { ask } = open('true', { args: ['x'.repeat(4_000_000)] });
    expect(await ask()).toMatchObject({ unreachable: true, detail: expect.stringContaining('E2BIG') });
  });

  test('what it prints is masked and made printable', async () => {
    const { detail } = await open(`printf "bad $TOKEN \\033[2J" >&2; exit 3`).ask();
    expect(detail).toBe('exit 3: bad *** \\x1b[2J');
  });

  test('a flood of output ends in its last line and keeps no memory', async () => {
    const script = `i=0; while [ $i -lt 20 ]; do head -c 100000 /dev/zero | tr '\\0' x; i=$((i+1)); done; echo; echo '{"a":1}'`;
    expect((await open(script).ask()).body).toEqual({ a: 1 });
  });

  test('a background child that keeps the pipe open does not hold the answer up', async () => {
    const { ask } = open(`(sleep 60 & echo $! > pid); echo '{"a":1}'`);
    expect((await ask()).body).toEqual({ a: 1 });
    process.kill(Number(await waitForFile(join(folder, 'pid'))), 'SIGKILL');
  });

  test('an abort ends the whole process group, and the reason comes out', async () => {
    const controller = new AbortController();
    const { ask, probe } = open('sleep 60 & echo $! > pid; wait');
    const asking = ask(controller.signal);
    const outcome = expect(asking).rejects.toBeInstanceOf(CancelledError);
    const pid = Number(await waitForFile(join(folder, 'pid')));
    controller.abort(new CancelledError('enough'));
    await outcome;
    await probe.close();
    await waitUntilGone(pid);
  });

  test('one that ignores SIGTERM is killed', async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const { ask } = open(`trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done`, { clock });
    const outcome = expect(ask(controller.signal)).rejects.toBeInstanceOf(CancelledError);
    const pid = Number(await waitForFile(join(folder, 'pid')));
    controller.abort(new CancelledError('enough'));
    await clock.advance(500);
    await outcome;
    await waitUntilGone(pid);
  });

  test('one that takes too long is ended and counts as unreachable', async () => {
    const clock = createManualClock();
    const { ask } = open('echo $$ > pid; exec sleep 60', { clock });
    const asking = ask();
    const pid = Number(await waitForFile(join(folder, 'pid')));
    await clock.advance(30_000);
    expect(await asking).toMatchObject({ unreachable: true, detail: 'not finished within 30 s' });
    await waitUntilGone(pid);
    expect(clock.pendingTimers).toBe(0);
  });

  test('its folder and environment are those given, nothing else', async () => {
    await writeFile(join(folder, 'here'), '');
    const { ask } = open(`[ -f here ] && [ -z "$HOME" ] && echo "{\\"token\\":\\"$TOKEN\\"}"`);
    expect((await ask()).body).toEqual({ token: 'tok-123456' });
  });
});
