// Real processes creating on one full account of the Heroku sandbox, with a file store between them. The sandbox's log tells who
// listed, who was refused and who created.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';

const project = resolve(import.meta.dirname, '..', '..');
const client = join(project, '__tests__', 'support', 'room-client.ts');
const HOUR_MS = 3_600_000;

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
  const result = new Promise<{ status?: number; code?: string; message?: string }>((done) => {
    child.once('close', () => {
      isReady();
      done(JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { status?: number });
    });
  });
  return { ready, result, go: () => child.stdin.write('go\n') };
}

test('five processes and room for three: one listing a wave, no place is fought over, the others learn who holds them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-room-'));
  const old = Array.from({ length: 3 }, (_, at) => ({ name: `ci-old-${at}`, ageMs: 2 * HOUR_MS }));
  const young = Array.from({ length: 3 }, (_, at) => ({ name: `ci-young-${at}`, ageMs: 600_000 + at }));
  const sandbox = await startHerokuSandbox({
    clock: systemClock,
    apps: [...old, ...young],
    appLimit: 6,
    latencyMs: 20,
  });
  try {
    const creators = Array.from({ length: 5 }, (_, at) =>
      startCreator({ url: sandbox.url, store: `file:${join(folder, 'store')}`, name: `ci-new-${at}` }),
    );
    await Promise.all(creators.map((each) => each.ready));
    for (const each of creators) each.go();
    const results = await Promise.all(creators.map((each) => each.result));
    expect(results.filter((each) => each.status === 201)).toHaveLength(3);
    const full = results.filter((each) => each.code === 'limit');
    expect(full).toHaveLength(2);
    for (const { message } of full) expect(message).toMatch(/6 of 6|5 of 6|4 of 6|3 of 6/);
    for (const { message } of full) expect(message).toMatch(/falls due in \d+ m.*ci-(young|new)/);
    const log = sandbox.log();
    const posts = log.filter((entry) => entry.method === 'POST' && entry.path === '/apps');
    expect(posts.filter((entry) => entry.status === 201)).toHaveLength(3);
    // Refused once each; a creator that came too late for the first wave may not have been refused at all.
    expect(posts.filter((entry) => entry.status === 422).length).toBeLessThanOrEqual(5);
    // One a wave; a process that a busy machine holds up is a wave of its own.
    expect(log.filter((entry) => entry.path === '/users/~/apps').length).toBeLessThanOrEqual(3);
    expect(log.filter((entry) => entry.method === 'DELETE')).toHaveLength(3);
  } finally {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
