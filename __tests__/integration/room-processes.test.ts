// Real processes creating on one full account of the Heroku sandbox, with a file store between them, and each engine. The
// sandbox's log tells who listed, who was refused and who created.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';

const project = resolve(import.meta.dirname, '..', '..');
const client = join(project, '__tests__', 'support', 'room-client.ts');
const HOUR_MS = 3_600_000;
/** More than all of them need to connect again. */
const REQUESTS_PER_CUT = 40;

interface CreatorEnd {
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
}

function startCreator(settings: Record<string, string>) {
  const args = ['--import', join(project, 'scripts', 'register-ts.js'), client, JSON.stringify(settings)];
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  let isReady: () => void = () => undefined;
  const ready = new Promise<void>((done) => {
    isReady = done;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.startsWith('ready')) isReady();
  });
  const result = new Promise<CreatorEnd>((done) => {
    child.once('close', () => {
      isReady();
      done(JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as CreatorEnd);
    });
  });
  return { child, ready, result, go: () => child.stdin.write('go\n') };
}

/** An account of six: three stale apps, three young ones. */
function startAccount(): Promise<HerokuSandbox> {
  const old = Array.from({ length: 3 }, (_, at) => ({ name: `ci-old-${at}`, ageMs: 2 * HOUR_MS }));
  const young = Array.from({ length: 3 }, (_, at) => ({ name: `ci-young-${at}`, ageMs: 600_000 + at }));
  return startHerokuSandbox({ clock: systemClock, apps: [...old, ...young], appLimit: 6, latencyMs: 20 });
}

/** Lets creators go at once, and gives their ends beside what the provider saw. */
async function race(count: number, { sandbox, store }: { sandbox: HerokuSandbox; store: string }) {
  const creators = Array.from({ length: count }, (_, at) =>
    startCreator({ url: sandbox.url, store, name: `ci-new-${at}` }),
  );
  await Promise.all(creators.map((each) => each.ready));
  for (const each of creators) each.go();
  const results = await Promise.all(creators.map((each) => each.result));
  const log = sandbox.log();
  const posts = log.filter((entry) => entry.method === 'POST' && entry.path === '/apps');
  return {
    results,
    full: results.filter((each) => each.code === 'limit'),
    created: posts.filter((entry) => entry.status === 201).length,
    refused: posts.filter((entry) => entry.status === 422).length,
    lists: log.filter((entry) => entry.path === '/users/~/apps').length,
    deletes: log.filter((entry) => entry.method === 'DELETE').length,
    apps: sandbox.world.apps().length,
  };
}

function expectRoomForThree(run: Awaited<ReturnType<typeof race>>): void {
  expect(run.results.map((each) => each.status ?? each.code).filter((end) => end !== 'limit')).toEqual([
    201, 201, 201,
  ]);
  expect(run.full).toHaveLength(run.results.length - 3);
  for (const { message } of run.full) expect(message).toMatch(/6 of 6|5 of 6|4 of 6|3 of 6/);
  for (const { message } of run.full) expect(message).toMatch(/falls due in \d+ m.*ci-(young|new)/);
  expect([run.created, run.deletes, run.apps]).toEqual([3, 3, 6]);
  // Refused once each; a creator that came too late for the first wave may not have been refused at all.
  expect(run.refused).toBeLessThanOrEqual(run.results.length);
  // One a wave; a process that a busy machine holds up is a wave of its own.
  expect(run.lists).toBeLessThanOrEqual(3);
}

test('five processes and room for three: one listing a wave, no place is fought over, the others learn who holds them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-room-'));
  const sandbox = await startAccount();
  try {
    expectRoomForThree(await race(5, { sandbox, store: `file:${join(folder, 'store')}` }));
  } finally {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    let proxy: FaultProxy;
    beforeAll(async () => {
      server = await engine.start();
      proxy = await startFaultProxy(server.port);
    });
    afterAll(async () => {
      await proxy.close();
      await server.stop();
    });

    test('four processes and room for three, while connections break all the time: the same', async () => {
      const sandbox = await startAccount();
      let end: () => void = () => undefined;
      const over = new Promise<void>((done) => {
        end = done;
      });
      let isOver = false;
      let cuts = 0;
      // By the count of requests, not by time: on a slow machine nothing would ever get through.
      const breaking = (async () => {
        for (let n = 1; !isOver; n += 1) {
          await Promise.race([proxy.nextRequest(), over]);
          if (n % REQUESTS_PER_CUT !== 0) continue;
          proxy.cutAll();
          cuts += 1;
        }
      })();
      try {
        expectRoomForThree(await race(4, { sandbox, store: server.url(proxy.port) }));
        expect(cuts).toBeGreaterThan(0);
      } finally {
        isOver = true;
        end();
        await breaking;
        await sandbox.close();
      }
    }, 90_000);
  });
}
