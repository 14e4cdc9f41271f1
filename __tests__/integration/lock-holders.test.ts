// Holders that are stopped, frozen, blocked or killed: real processes over the file store, from the sources. What must hold is
// order and tokens; how long a takeover takes is told, not asserted.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const project = resolve(import.meta.dirname, '..', '..');
const program = join(project, '__tests__/support/lock-holder.ts');

let folder: string;
let holders: Holder[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-holders-'));
  holders = [];
});
afterEach(async () => {
  for (const { child } of holders) child.kill('SIGKILL');
  await Promise.all(holders.map(({ ended }) => ended));
  rmSync(folder, { recursive: true, force: true });
});

interface Holder {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  /** Resolves with the first line that matches, said already or still to come. */
  line(pattern: RegExp): Promise<string>;
}

function start(): Holder {
  const args = ['--import', './scripts/register-ts.js', program, join(folder, 'store'), join(folder, 'sink')];
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  const waiting = new Set<() => void>();
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (const look of waiting) look();
  });
  const holder: Holder = {
    child,
    ended: new Promise((done) => child.once('close', () => done())),
    line: (pattern) =>
      new Promise((found) => {
        const look = () => {
          const match = text.split('\n').find((each) => pattern.test(each));
          if (match === undefined) return;
          waiting.delete(look);
          found(match);
        };
        waiting.add(look);
        look();
      }),
  };
  holders.push(holder);
  return holder;
}

/** One that holds, and one that waits. */
async function startPair(): Promise<[Holder, Holder]> {
  const first = start();
  expect(await first.line(/^held/)).toBe('held 1');
  return [first, start()];
}

describe('a holder over the file store', () => {
  test('that is killed is replaced after its lease, with the next token', async () => {
    const [first, second] = await startPair();
    first.child.kill('SIGKILL');
    expect(await second.line(/^held/)).toBe('held 2');
  });

  test('that is stopped past its lease is replaced; resumed, it is refused by its lease and by the sink', async () => {
    const [first, second] = await startPair();
    first.child.kill('SIGSTOP');
    expect(await second.line(/^held/)).toBe('held 2');
    first.child.kill('SIGCONT');
    expect(await first.line(/^refused/)).toBe('refused lease-lost');
    expect(await first.line(/^sink/)).toBe('sink fenced');
    await first.ended;
    // Its release took nothing from the successor.
    second.child.kill('SIGKILL');
    expect(await start().line(/^held/)).toBe('held 3');
  });

  test('whose event loop is blocked past its lease is replaced, and refused when it goes on', async () => {
    const [first, second] = await startPair();
    first.child.stdin?.write('2500');
    expect(await second.line(/^held/)).toBe('held 2');
    expect(await first.line(/^refused/)).toBe('refused lease-lost');
    expect(await first.line(/^sink/)).toBe('sink fenced');
  });
});
