// What a step decides without doing anything: its fate, whether it comes from a stranger, what is secret.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { COMMAND_NAMES, isCommandOf } from '../../src/config/commands.ts';
import { loadActionCommand } from '../../src/host/action-commands.ts';
import { comesFromFork, isForkPullRequest } from '../../src/host/action-fork.ts';
import { secretsOfStep } from '../../src/host/action-secrets.ts';
import { decideStep } from '../../src/host/action-verdict.ts';

describe('the fate of a step', () => {
  const codes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 21, 22, 23, 130, 143];
  const failing = codes.filter((code) => ![0, 3, 10].includes(code));

  test.each(failing)('exit code %d fails it, with that code', (exitCode) => {
    expect(decideStep({ format: 1, command: 'reap', exitCode }, { failOnIncomplete: false })).toEqual({
      kind: 'failure',
      exitCode,
    });
  });

  test('done, and a plan that found something, succeed; incomplete warns, or fails where that is asked for', () => {
    const decide = (exitCode: number, failOnIncomplete = false) =>
      decideStep({ format: 1, command: 'reap', exitCode }, { failOnIncomplete }).kind;
    expect([decide(0), decide(10), decide(3), decide(3, true)]).toEqual([
      'success',
      'success',
      'warning',
      'failure',
    ]);
  });

  test("a user's command that failed fails the step, also with a code that means something milder to lockstep", () => {
    for (const exitCode of [3, 10, 42])
      expect(
        decideStep(
          { format: 1, command: 'lock', exitCode, ...{ childExitCode: exitCode } },
          { failOnIncomplete: false },
        ),
      ).toEqual({ kind: 'failure', exitCode });
  });
});

test('every command that runs in the Action has its entry there', async () => {
  for (const name of COMMAND_NAMES.filter((each) => isCommandOf('action', each))) {
    const command = await loadActionCommand(name, systemClock);
    expect(command).toMatchObject({ renderLog: expect.any(Function), renderSummary: expect.any(Function) });
  }
  await expect(loadActionCommand('demo', systemClock)).rejects.toThrow(/no entry for the Action/);
});

describe('a run from a stranger', () => {
  const pull = (head: unknown, base = 'octo/repo') => ({
    pull_request: { head: { repo: head }, base: { repo: { full_name: base } } },
  });

  test.each([
    ['another repository', pull({ full_name: 'stranger/repo', fork: true }), true],
    ['a fork that was deleted meanwhile', pull(null), true],
    ['the same repository', pull({ full_name: 'octo/repo', fork: false }), false],
    ['the same repository, which is itself a fork', pull({ full_name: 'octo/repo', fork: true }), false],
    ['a head without a name', { pull_request: { head: { repo: { fork: true } } } }, true],
    ['no pull request', { ref: 'refs/heads/main' }, false],
    ['nothing', null, false],
  ])('%s: judged by the payload', (_, payload, expected) => {
    expect(comesFromFork(payload)).toBe(expected);
  });

  test.each([
    ['pull_request', 'octocat', true],
    ['pull_request_review', 'octocat', true],
    // Has full rights, whoever opened it.
    ['pull_request_target', 'octocat', false],
    ['push', 'octocat', false],
    ['push', 'dependabot[bot]', true],
    ['schedule', 'dependabot[bot]', false],
  ])('the event %s of %s: %s', async (event, actor, expected) => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-event-'));
    try {
      const path = join(folder, 'event.json');
      writeFileSync(path, JSON.stringify(pull({ full_name: 'stranger/repo' })));
      const env = { GITHUB_EVENT_NAME: event, GITHUB_ACTOR: actor, GITHUB_EVENT_PATH: path };
      expect(await isForkPullRequest(env)).toBe(expected);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('a payload that cannot be read is no excuse', async () => {
    const env = { GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: '/nonexistent/event.json' };
    expect(await isForkPullRequest(env)).toBe(false);
  });
});

describe('the secrets of a step', () => {
  test('are the token, keys of providers, passwords in store URLs as written and as meant', () => {
    const secrets = secretsOfStep({
      env: { HEROKU_API_KEY: 'heroku-key', GITHUB_TOKEN: 'env-token', HOME: '/home/x' },
      inputs: { token: ' input-token ', store: 'redis://user:p%40ss@host', namespace: 'public' },
    });
    expect(secrets).toEqual(
      expect.arrayContaining(['heroku-key', 'env-token', 'input-token', 'p%40ss', 'p@ss']),
    );
    expect(secrets.join(' ')).not.toMatch(/public|home|host/);
  });

  test('are found in a config file, at the top and in sections', () => {
    const config = { store: 'redis://u:top-secret@h', reap: { store: 'redis://u:deep-secret@h' } };
    expect(secretsOfStep({ env: {}, inputs: {}, config })).toEqual(
      expect.arrayContaining(['top-secret', 'deep-secret']),
    );
  });

  test('of targets are users, passwords and keys in the query, never the address or the words of a command', () => {
    const inputs = {
      ready: 'https://me:p%40ss-word@eu.example/version?v=1&key=0123456789abcdef\ncommand:true',
      'schema-probe': 'command:./scripts/schema.sh --env production',
      of: 'check:db\nheroku-release:my-app\nhttps://api.example/health',
    };
    const secrets = secretsOfStep({ env: {}, inputs });
    expect(new Set(secrets)).toEqual(
      new Set(['p%40ss-word', 'p@ss-word', 'me:p@ss-word', '0123456789abcdef']),
    );
  });

  test('of probe headers are the values, with and without the scheme, unless they are too short to hide', () => {
    const inputs = { 'probe-header': 'Authorization: Bearer tok-1234567\nX-Env: eu' };
    expect(secretsOfStep({ env: {}, inputs })).toEqual(['Bearer tok-1234567', 'tok-1234567']);
  });

  test('none is empty, and a step without any has none', () => {
    expect(secretsOfStep({ env: { HEROKU_API_KEY: '  ' }, inputs: { token: '', store: 'file:x' } })).toEqual(
      [],
    );
  });
});
