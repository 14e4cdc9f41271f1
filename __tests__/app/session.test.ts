import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createSession,
  decideSession,
  formatSession,
  leaveSession,
  parseSession,
  readSession,
  type Session,
  type SessionQuestion,
} from '../../src/app/session.ts';
import { nullLogger } from '../../src/base/logger.ts';

const session: Session = {
  work: '0123456789abcdef',
  identity: 'fedcba9876543210',
  reason: 'fresh',
  atMs: 1_000_000,
  place: '777/1/test',
};
const question: SessionQuestion = {
  work: session.work,
  identity: session.identity,
  place: session.place,
  everyMs: 600_000,
  whenBusy: 'skip',
  nowWallMs: 1_000_000,
};

describe('what a session makes unnecessary', () => {
  test.each<[string, Partial<Session>, Partial<SessionQuestion>, ReturnType<typeof decideSession>]>([
    ['the same work at once', {}, {}, 'fresh'],
    ['the same work at the end of the window', {}, { nowWallMs: 1_599_999 }, 'fresh'],
    ['nothing after the window', {}, { nowWallMs: 1_600_000 }, null],
    ['nothing before its own time', {}, { nowWallMs: 999_999 }, null],
    ['nothing where every call sweeps', {}, { everyMs: 0 }, null],
    ['nothing of other work', {}, { work: 'ffffffffffffffff' }, null],
    ['nothing of another account', {}, { identity: 'ffffffffffffffff' }, null],
    ['the same work where a later step has no credential', {}, { identity: null }, 'fresh'],
    [
      'the same work where the step looked at no account',
      { identity: null, reason: 'not-elected' },
      {},
      'not-elected',
    ],
    ['nothing in another job', {}, { place: '777/2/test' }, null],
    ['what was left because another sweeps', { reason: 'busy' }, {}, 'busy'],
    [
      'nothing for those who wait for the work, unless it is done',
      { reason: 'busy' },
      { whenBusy: 'wait' },
      null,
    ],
    ['done work for those who wait', {}, { whenBusy: 'wait' }, 'fresh'],
  ])('%s', (_, given, asked, expected) => {
    expect(decideSession({ ...session, ...given }, { ...question, ...asked })).toBe(expected);
  });

  test.each([
    ['reaped', null, 'fresh'],
    ['clean', null, 'fresh'],
    ['skipped', 'fresh', 'fresh'],
    ['skipped', 'busy', 'busy'],
    ['skipped', 'low-quota', 'low-quota'],
    ['skipped', 'no-permission', 'no-permission'],
    ['skipped', 'no-store', null],
    ['planned', null, null],
    ['incomplete', 'full', null],
    ['failed', 'busy', null],
  ] as const)('a step that ended with %s (%s) hands on %s', (outcome, reason, expected) => {
    const { work, identity, atMs, place } = session;
    expect(createSession({ outcome, reason }, { work, identity, atMs, place })?.reason ?? null).toBe(
      expected,
    );
  });
});

describe('the text of a session', () => {
  test('is read back, and carries nothing but hashes, a word, a time and a place', () => {
    expect(parseSession(formatSession(session))).toEqual(session);
    expect(Object.keys(JSON.parse(formatSession(session)) as object).sort()).toEqual(
      ['atMs', 'identity', 'place', 'reason', 'v', 'work'].sort(),
    );
  });

  test.each([
    '',
    'null',
    '[]',
    '{}',
    formatSession({ ...session, work: 'not-a-hash' }),
    formatSession({ ...session, atMs: 1.5 }),
    formatSession(session).replace('"v":1', '"v":2'),
    formatSession(session).replace('fresh', 'reaped'),
    formatSession(session).replace('777/1/test', '').replace('"place":""', '"place":7'),
  ])('%j counts as nothing', (text) => {
    expect(parseSession(text)).toBeNull();
  });

  test('any text is read or refused, never thrown at', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseSession(text)));
  });
});

describe('the file of a session', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lockstep-session-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const context = (env: Record<string, string>, exported?: Map<string, string>) => ({
    env,
    logger: nullLogger,
    ...(exported ? { exportVariable: (name: string, value: string) => void exported.set(name, value) } : {}),
  });

  test("is the runner user's alone, and found by the variable", async () => {
    const exported = new Map<string, string>();
    await leaveSession(context({ RUNNER_TEMP: folder }, exported), () => session);
    const path = exported.get('LOCKSTEP_SESSION') ?? '';
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const found = await readSession(context({ RUNNER_TEMP: folder, LOCKSTEP_SESSION: path }));
    expect(found).toEqual(session);
    expect(await readFile(path, 'utf8')).toBe(formatSession(session));
  });

  test('is not left outside a step of an Action, without a folder, or for work that is left', async () => {
    const exported = new Map<string, string>();
    await leaveSession(context({ RUNNER_TEMP: folder }), () => session);
    await leaveSession(context({}, exported), () => session);
    await leaveSession(context({ RUNNER_TEMP: folder }, exported), () => null);
    await leaveSession(context({ RUNNER_TEMP: join(folder, 'none') }, exported), () => session);
    expect([await readdir(folder), [...exported]]).toEqual([[], []]);
  });

  test.each([
    ['elsewhere', (at: string) => join(at, '..', 'elsewhere.json')],
    ['absent', (at: string) => join(at, 'absent.json')],
    ['the folder itself', (at: string) => at],
    ['too long', (at: string) => join(at, 'long.json')],
  ])('that is %s counts as nothing', async (_, pathIn) => {
    const temp = join(folder, 'temp');
    await mkdir(temp);
    await writeFile(join(folder, 'elsewhere.json'), formatSession(session));
    await writeFile(join(temp, 'long.json'), `${formatSession(session)}${' '.repeat(5000)}`);
    const env = { RUNNER_TEMP: temp, LOCKSTEP_SESSION: pathIn(temp) };
    expect(await readSession(context(env))).toBeNull();
  });

  test('counts as nothing where there is no runner', async () => {
    await writeFile(join(folder, 'session.json'), formatSession(session));
    expect(await readSession(context({ LOCKSTEP_SESSION: join(folder, 'session.json') }))).toBeNull();
  });
});
