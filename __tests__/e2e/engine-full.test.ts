// Locks over an engine that takes no writes any more, as processes of dist: the holder ends when its lease has run out, nobody
// holds meanwhile, whoever may not wait is told, and whoever waits goes on when there is space again. The commands under the lock
// write down when they ran; that file is the judge.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CliWorld, createCliWorld } from '../support/cli.ts';
import { FULLABLE_ENGINES, type FullableEngine } from '../support/engine-full.ts';
import { describeEngine } from '../support/engine-suite.ts';

interface LockResult {
  readonly outcome: string;
  readonly fencingToken: number;
  readonly exitCode: number;
}

async function runOutOfSpace(engine: FullableEngine, world: CliWorld) {
  const server = await engine.start();
  const diary = join(world.folder, 'diary');
  const read = () => readFileSync(diary, { encoding: 'utf8', flag: 'a+' }).trim().split('\n');
  const lock = (name: string, ...rest: readonly string[]) =>
    world.start([
      'lock',
      name,
      '--store',
      server.url(),
      '--lease',
      '3s',
      '--poll',
      '500ms',
      '--json',
      ...rest,
    ]);
  const write = (who: string, what: string) =>
    `require('node:fs').appendFileSync(${JSON.stringify(diary)}, '${who} ${what} ' + process.env.LOCKSTEP_FENCING_TOKEN + '\\n');`;
  const stays = (who: string) =>
    `${write(who, 'in')} process.on('SIGTERM', () => { ${write(who, 'out')} process.exit(); }); setInterval(() => {}, 1000);`;
  try {
    const begin = () => lock('db', '--', process.execPath, '-e', stays('first'));
    let first = begin();
    while (read()[0] === '') {
      // On a very busy machine a short lease may run out before its command has begun.
      if (first.child.exitCode !== null) first = begin();
      await new Promise((done) => setTimeout(done, 25));
    }
    await engine.fill(server);
    const second = lock('db', '--timeout', '60s', '--', process.execPath, '-e', write('second', 'in'));
    const hasty = await lock('other', '--timeout', '1s', '--', process.execPath, '-e', write('hasty', 'in'))
      .result;
    const lost = await first.result;
    const duringOutage = read();
    await engine.relieve(server);
    const resumed = await second.result;
    return { hasty, lost, duringOutage, resumed, diary: read() };
  } finally {
    await server.stop();
  }
}

type Outage = Awaited<ReturnType<typeof runOutOfSpace>>;
const outages = new Map<string, Promise<Outage>>();
const worlds: CliWorld[] = [];
beforeAll(() => {
  // All at once: most of it is waiting for a lease to run out.
  for (const engine of FULLABLE_ENGINES.filter((each) => each.isInstalled)) {
    const world = createCliWorld();
    worlds.push(world);
    const outage = runOutOfSpace(engine, world);
    outage.catch(() => undefined);
    outages.set(engine.name, outage);
  }
});
afterAll(async () => {
  await Promise.allSettled(outages.values());
  await Promise.all(worlds.map((world) => world.dispose()));
});

for (const engine of FULLABLE_ENGINES) {
  describeEngine(engine, () => {
    test('without space its holder ends with 8, nobody else holds, and with space the next one goes on', async () => {
      const { lost, hasty, duringOutage, resumed, diary } = (await outages.get(engine.name)) as Outage;
      expect([lost.exitCode, lost.json<LockResult>().outcome]).toEqual([8, 'lost']);
      // The command was ended before anybody else could begin.
      const token = Number(duringOutage[0]?.split(' ').at(-1));
      expect(duringOutage).toEqual([`first in ${token}`, `first out ${token}`]);
      expect(hasty.exitCode).toBe(6);
      expect(hasty.stderr).not.toBe('');
      expect([resumed.exitCode, resumed.json<LockResult>().outcome]).toEqual([0, 'ran']);
      const [line = '', ...more] = diary.slice(2);
      expect([line, more]).toEqual([expect.stringMatching(/^second in \d+$/), []]);
      expect(Number(line.split(' ').at(-1))).toBeGreaterThan(token);
    }, 90_000);
  });
}
