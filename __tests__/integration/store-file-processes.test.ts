// Real processes race on one key of the file store while some are killed: what they saw must be explainable by one register.
// A twin that checks and then writes goes through the same test and must be found out.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { folderOf } from '../../src/store/file-layout.ts';
import { parseRevision } from '../../src/store/file-revisions.ts';
import { checkLinearizable, type RegisterCall } from '../support/store-linearizability.ts';

const project = resolve(import.meta.dirname, '..', '..');
const racer = join(project, '__tests__', 'support', 'store-file-racer.ts');
const loader = join(project, 'scripts', 'register-ts.js');

let folder: string;
let racers: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-race-'));
  racers = [];
});

afterEach(async () => {
  for (const child of racers) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

type Manner = 'honest' | 'check-then-write';

/** Starts a racer; resolves when it has begun. */
async function start(manner: Manner): Promise<ChildProcess> {
  const name = `r${racers.length}`;
  const args = ['--import', loader, racer, join(folder, 'store'), join(folder, `${name}.log`), name, manner];
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['pipe', 'pipe', 'inherit'] });
  racers.push(child);
  await new Promise<void>((ready, fail) => {
    child.stdout?.once('data', () => ready());
    child.once('exit', (code) => fail(new Error(`a racer ended at its start with ${code}`)));
  });
  return child;
}

const ended = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise<void>((done) => child.once('exit', () => done()));

interface LoggedCall extends RegisterCall {
  revision?: string;
}

async function readHistory(): Promise<LoggedCall[]> {
  const calls = new Map<string, LoggedCall>();
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.log'))) {
    for (const line of (await readFile(join(folder, file), 'utf8')).split('\n')) {
      if (!line.endsWith('}')) continue;
      const { call, startNs, endNs, ...fields } = JSON.parse(line) as Record<string, string>;
      const id = `${fields['process']} ${call}`;
      const known = calls.get(id) ?? { outcome: 'unknown' as const, endNs: 0n };
      const times = {
        ...(startNs ? { startNs: BigInt(startNs) } : {}),
        ...(endNs ? { endNs: BigInt(endNs) } : {}),
      };
      calls.set(id, { ...known, ...fields, ...times } as LoggedCall);
    }
  }
  return [...calls.values()];
}

describe('processes racing on one key of the file store', () => {
  test('see one register, also where some are killed in the middle', async () => {
    const kills = 2;
    await Promise.all(Array.from({ length: kills + 2 }, () => start('honest')));
    for (let n = 0; n < kills; n += 1) {
      await sleep(systemClock, 20 + systemClock.random() * 100);
      racers[n]?.kill('SIGKILL');
    }
    await sleep(systemClock, 100);
    for (const child of racers) child.stdin?.end();
    await Promise.all(racers.map(ended));

    // No reader met half a record, and nothing kept a racer alive.
    expect(racers.map((child) => child.signalCode ?? child.exitCode)).toEqual(['SIGKILL', 'SIGKILL', 0, 0]);
    const history = await readHistory();
    const wins = history.filter((call) => call.kind === 'cas' && call.outcome === 'ok');
    const open = history.filter((call) => call.kind === 'cas' && call.outcome === 'unknown');
    expect(wins.length).toBeGreaterThan(20);
    expect(open.length).toBeLessThanOrEqual(kills);
    expect(history.filter((call) => call.outcome === 'lost').length).toBeGreaterThan(0);

    // One win, one revision; what a killed writer managed may come on top.
    expect(new Set(wins.map((call) => call.revision)).size).toBe(wins.length);
    const revisions = folderOf(join(folder, 'store'), 'race/on/one');
    const files = (await readdir(revisions)).sort();
    expect(files.length).toBeGreaterThanOrEqual(wins.length);
    expect(files.length).toBeLessThanOrEqual(wins.length + open.length);
    expect(Number(files.at(-1))).toBe(files.length);
    // Each is whole, and each builds on the one before it.
    const records = await Promise.all(
      files.map(async (name) => parseRevision(await readFile(join(revisions, name)), name)),
    );
    records.forEach((record, n) => {
      expect(record.previous).toBe(records[n - 1]?.nonce ?? null);
    });
    expect((await readdir(join(folder, 'store', '@tmp'))).length).toBeLessThanOrEqual(kills);

    expect(checkLinearizable(history)).toMatchObject({ isLinearizable: true });
  });

  test('are found out where they check and then write', async () => {
    await Promise.all([start('check-then-write'), start('check-then-write')]);
    await sleep(systemClock, 200);
    for (const child of racers) child.stdin?.end();
    await Promise.all(racers.map(ended));
    expect(checkLinearizable(await readHistory())).toMatchObject({ isLinearizable: false });
  });
});
