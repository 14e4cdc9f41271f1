// The command under a lock as a process: real ones, with the 5 s of grace on a clock moved by hand.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Child, startChild } from '../../src/app/child.ts';
import { systemClock } from '../../src/base/clock.ts';
import { makeTestFolder } from '../support/folder.ts';
import { createManualClock } from '../support/manual-clock.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A shell that does `script`; resolves once the script has made the file `ready`. */
async function start(script: string) {
  const folder = makeTestFolder();
  folders.push(folder);
  const clock = createManualClock();
  const { env } = process;
  const child = startChild({ command: ['sh', '-c', script], cwd: folder, env, clock, ownGroup: true });
  await until(() => existsSync(join(folder, 'ready')));
  return { child, clock };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => void systemClock.startTimer(5, () => resolve(null)));
}

/** Whether it has ended, as far as is known now. */
function watchEnd(child: Child) {
  const seen = { isOver: false };
  void child.ended.then(() => {
    seen.isOver = true;
  });
  return seen;
}

describe('a command that is to end', () => {
  test('is asked with SIGTERM, and one that obeys is not killed', async () => {
    const { child } = await start("trap 'exit 3' TERM; touch ready; while :; do sleep 0.02; done");
    expect(await child.terminate()).toEqual({ exitCode: 3, signalName: null });
  });

  test('and does not listen, is killed 5 s later and no sooner', async () => {
    const { child, clock } = await start(
      "trap 'touch asked' TERM; touch ready; while :; do sleep 0.02; done",
    );
    const seen = watchEnd(child);
    const ending = child.terminate();
    await clock.advance(4999);
    expect(seen.isOver).toBe(false);
    // SIGKILL; whoever is left in its group is waited for on the same clock.
    await clock.advance(1);
    await until(() => clock.pendingTimers > 0 || seen.isOver);
    const timer = setInterval(() => void clock.advance(50), 5);
    try {
      expect(await ending).toEqual({ exitCode: 137, signalName: 'SIGKILL' });
    } finally {
      clearInterval(timer);
    }
  });
});
