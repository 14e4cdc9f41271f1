// A process that has a lock held by a lease agent, as a test runner's hook does: `agent-user.ts STORE MANNER`. It prints `held
// TOKEN AGENT_PID`, `lost CODE` when it is told so, and at its end `released RESULT`. A line on its input: `block MS` stops its loop
// for so long and then prints `blocked`; `release` gives back; `stay` leaves the
// agent to itself, where a worker's process and a folder were named, and prints where it listens; `end` ends without a word.

import { createLockRequest } from '../../src/app/lock-attempt.ts';
import { LockstepError, toError } from '../../src/base/errors.ts';
import { createLogger } from '../../src/base/logger.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { holdWithAgent } from '../../src/host/agent-parent.ts';
import { createProcessContext } from '../../src/host/process-context.ts';

const [store = '', whenBusy = 'wait', workerPid, folder] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const logger = createLogger('info', (level, message) => say(`${level} ${message}`));
const interrupted = new AbortController();
process.once('SIGUSR2', () => interrupted.abort(new LockstepError('cancelled', 'enough')));

const hook = { store, lock: { name: 'suite', whenBusy, lease: '1s', poll: '100ms' } };
const resolved = await resolveOptions({ command: 'lock', host: 'hook', hook });
const context = createProcessContext({ logger, signal: interrupted.signal });
try {
  const answer = await holdWithAgent(context, {
    request: await createLockRequest(context, resolved),
    ...(workerPid && folder ? { stay: { folder, workerPid: Number(workerPid) } } : {}),
  });
  if (answer.kind === 'busy') {
    say(`busy ${answer.holder}`);
  } else {
    const { hold } = answer;
    hold.signal.addEventListener('abort', () =>
      say(`lost ${(toError(hold.signal.reason) as LockstepError).code}`),
    );
    say(`held ${hold.token} ${hold.pid}`);
    process.stdin.setEncoding('utf8').on('data', (text: string) => {
      const [word, ms] = text.trim().split(' ');
      if (word === 'block') {
        const untilMs = performance.now() + Number(ms);
        while (performance.now() < untilMs) Math.sqrt(untilMs);
        say('blocked');
      }
      if (word === 'release') void hold.release().then((result) => say(`released ${result}`));
      if (word === 'stay') {
        void hold.letStay().then(() => {
          say(`stays ${JSON.stringify(hold.socket)}`);
          process.stdin.destroy();
        });
      }
      if (word === 'end') process.stdin.destroy();
    });
  }
} catch (error) {
  say(`failed ${(toError(error) as LockstepError).code}`);
}
