// Locks over an engine that is swallowed by the network for five seconds and then killed and started again, as processes of dist:
// a lease that is longer than the silence is kept, a shorter one ends its command before the next holder begins, and whoever
// waits goes on. The commands under the lock write down when they ran; that file is the judge.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CliWorld, createCliWorld } from '../support/cli.ts';
import { ENGINES, type ListedEngine } from '../support/engine-list.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';

const SILENCE_MS = 5000;
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

async function runThroughSilence(engine: ListedEngine, world: CliWorld) {
  const server = await engine.start();
  const proxy = await startFaultProxy(server.port);
  const diaryOf = (name: string) => join(world.folder, name);
  const read = (name: string) =>
    readFileSync(diaryOf(name), { encoding: 'utf8', flag: 'a+' }).trim().split('\n');
  const lock = (name: string, about: { lease: string; url: string; run: string }) =>
    world.start([
      ...['lock', name, '--store', about.url, '--lease', about.lease, '--poll', '500ms', '--timeout', '90s'],
      ...['--json', '--', process.execPath, '-e', about.run],
    ]);
  const write = (name: string, text: string) =>
    `require('node:fs').appendFileSync(${JSON.stringify(diaryOf(name))}, '${text} ' + process.env.LOCKSTEP_FENCING_TOKEN + '\\n');`;
  /** Ends when it is told to by a file, or by a signal. */
  const stays = (name: string) => `${write(name, 'first in')}
    const end = () => { ${write(name, 'first out')} process.exit(); };
    process.on('SIGTERM', end);
    setInterval(() => require('node:fs').existsSync(${JSON.stringify(diaryOf('over'))}) && end(), 50);`;
  const start = async (name: string, lease: string) => {
    const begin = () => lock(name, { lease, url: server.url(proxy.port), run: stays(name) });
    let first = begin();
    while (read(name)[0] === '') {
      // On a very busy machine a short lease may run out before its command has begun.
      if (first.child.exitCode !== null) first = begin();
      await pause(25);
    }
    // The next one is not behind the network that fails.
    const next = lock(name, { lease, url: server.url(), run: write(name, 'second in') });
    return { first, next };
  };
  try {
    const [long, short] = await Promise.all([start('long', '30s'), start('short', '3s')]);
    proxy.set({ kind: 'blackhole' });
    const [lost] = await Promise.all([short.first.result, pause(SILENCE_MS)]);
    proxy.set({ kind: 'pass' });
    const tookOver = await short.next.result;
    await server.kill();
    await server.restart();
    readFileSync(diaryOf('over'), { flag: 'a+' });
    const kept = await long.first.result;
    const followed = await long.next.result;
    const codes = [kept, followed, lost, tookOver].map((result) => result.exitCode);
    return { codes, long: read('long'), short: read('short') };
  } finally {
    await proxy.close();
    await server.stop();
  }
}

type Silence = Awaited<ReturnType<typeof runThroughSilence>>;
const silences = new Map<string, Promise<Silence>>();
const worlds: CliWorld[] = [];
beforeAll(() => {
  // All at once: most of it is waiting.
  for (const engine of ENGINES.filter((each) => each.isInstalled)) {
    const world = createCliWorld();
    worlds.push(world);
    const silence = runThroughSilence(engine, world);
    silence.catch(() => undefined);
    silences.set(engine.name, silence);
  }
});
afterAll(async () => {
  await Promise.allSettled(silences.values());
  await Promise.all(worlds.map((world) => world.dispose()));
});

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    test('a lease outlives a silence that is shorter, and ends in one that is longer before the next begins', async () => {
      const { codes, long, short } = (await silences.get(engine.name)) as Silence;
      expect(codes).toEqual([0, 0, 8, 0]);
      for (const diary of [long, short]) {
        const token = Number(diary[0]?.split(' ').at(-1));
        expect(diary).toEqual([`first in ${token}`, `first out ${token}`, `second in ${token + 1}`]);
      }
    }, 120_000);
  });
}
