// A real process that wants one lease on the GitHub store, round after round. What it does inside is checked by the file
// system: two inside at a time fail on `inside`, and the tokens are appended to `tokens` in the order of ownership.
//   node --import ./scripts/register-ts.js github-contender.ts '{"apiUrl":…}'
// It prints a line per event: `inside TOKEN`, `lost`, `done`; with `keep` it holds what it got until it is killed.
import { appendFileSync, closeSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../src/base/clock.ts';
import { hasCode } from '../../src/base/errors.ts';
import { createGitHubEvidence } from '../../src/evidence/github-runs.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import { createGitHubStore } from '../../src/store/drivers/github.ts';
import { createHurriedClock } from './github-clock.ts';

export interface ContenderOrder {
  apiUrl: string;
  /** Its token, its job's id and its name in one. */
  job: number;
  run: number;
  folder: string;
  rounds: number;
  leaseMs: number;
  /** How much faster than the machine its clock runs. */
  hurry: number;
  keep?: boolean;
}

const order = JSON.parse(process.argv[2] ?? '{}') as ContenderOrder;
const clock = createHurriedClock(order.hurry);
const repository = { owner: 'octo', repo: 'demo' };
const client = createGitHubClient({
  apiUrl: order.apiUrl,
  token: `token-${order.job}`,
  clock,
  userAgent: 'test',
});
const store = createGitHubStore({ client, repository, clock, pollMs: 2_000 });
const evidence = createGitHubEvidence({ client, clock, repository });
const manager = createLeaseManager({ store, clock, evidence });
const holder = {
  text: `contender ${order.job}`,
  host: 'loopback',
  pid: process.pid,
  run: String(order.run),
  attempt: '1',
  job: String(order.job),
};
const say = (line: string) => process.stdout.write(`${line}\n`);

for (let round = 0; round < order.rounds; round += 1) {
  const { leaseMs } = order;
  const lease = await manager.acquire('default/lock/contended', { leaseMs, holder, pollMs: 2_000 });
  if (lease === null) throw new Error('nobody said that the work is done');
  try {
    lease.assertHeld();
    if (order.keep) {
      say(`inside ${lease.token}`);
      await sleep(clock, 24 * 3_600_000);
    }
    const inside = join(order.folder, 'inside');
    closeSync(openSync(inside, 'wx'));
    appendFileSync(join(order.folder, 'tokens'), `${lease.token}\n`);
    say(`inside ${lease.token}`);
    await sleep(clock, 100);
    unlinkSync(inside);
  } catch (error) {
    if (!hasCode(error, 'lease-lost')) throw error;
    say('lost');
  }
  await lease.release();
}
say('done');
await manager.close();
await store.close();
