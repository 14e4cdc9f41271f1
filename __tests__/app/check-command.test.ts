// What `check alias` hands to commands (environment, signals) and what it asks of GitHub, in this process with real children and
// a real server.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCheck } from '../../src/app/check-command.ts';
import type { CheckEvent, CheckReport, CommandContext } from '../../src/app/contract.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { CancelledError } from '../../src/base/errors.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { createProcessContext } from '../../src/host/process-context.ts';
import { type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { createMemoryRepository } from '../support/github-repository.ts';

const RECONCILE_MS = 50_000;

type Listener = (signalName: 'SIGINT' | 'SIGTERM') => void;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-check-command-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function runAlias(
  section: Record<string, unknown>,
  more: Partial<CommandContext>,
): Promise<CheckReport> {
  const env = { PATH: process.env['PATH'] };
  const signal = new AbortController().signal;
  const context = createProcessContext({ env, cwd: folder, logger: nullLogger, signal });
  const resolved = await resolveOptions({
    command: 'check',
    host: 'hook',
    hook: { store: `file:${join(folder, 'store')}`, check: { action: 'alias', name: 'api', ...section } },
  });
  return runCheck({ ...context, ...more }, resolved);
}

async function until(fits: () => boolean): Promise<void> {
  while (!fits()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('the command beside an alias', () => {
  // It notes each SIGINT and ends with 9 on SIGTERM.
  const noting = [
    'sh',
    '-c',
    'trap "echo int >> heard" INT; trap "exit 9" TERM; touch ready; while :; do sleep 0.02; done',
  ];
  const file = (name: string) => join(folder, name);

  test('is not started for somebody who was interrupted before', async () => {
    const signal = AbortSignal.abort(new CancelledError('interrupted', { signalName: 'SIGTERM' }));
    const running = runAlias({ of: 'check:db' }, { signal, rest: ['touch', 'started'] });
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect(existsSync(file('started'))).toBe(false);
  });

  test.each([
    [false, 'int\n', 'is passed on'],
    [true, '', 'is left to the terminal, which tells the command itself'],
  ])('has a terminal: %p; an interrupt of lockstep (%j) %s', async (hasTerminal, heard) => {
    let listener: Listener = () => undefined;
    const running = runAlias(
      { of: 'check:db' },
      {
        rest: noting,
        hasTerminal: () => hasTerminal,
        takeSignals(taker) {
          listener = taker;
          return () => undefined;
        },
      },
    );
    await until(() => existsSync(file('ready')));
    listener('SIGINT');
    if (heard !== '') await until(() => existsSync(file('heard')));
    listener('SIGTERM');
    expect(await running).toMatchObject({ outcome: 'stopped', exitCode: 9 });
    expect(existsSync(file('heard')) ? readFileSync(file('heard'), 'utf8') : '').toBe(heard);
  });

  test('and a command that is mirrored see nothing of what was given to lockstep alone', async () => {
    const childEnv = { PATH: process.env['PATH'] };
    const env = { ...childEnv, INPUT_TOKEN: 'for lockstep' };
    const isHidden = `test -z "$INPUT_TOKEN"`;
    const more = { env, childEnv, rest: ['sh', '-c', isHidden] };
    expect(await runAlias({ of: 'check:db' }, more)).toMatchObject({ exitCode: 0 });
    const mirrored = runAlias(
      { of: `command:${JSON.stringify(['sh', '-c', isHidden])}`, until: 'passing', timeout: '20s' },
      { env, childEnv },
    );
    expect(await mirrored).toMatchObject({ outcome: 'reached', exitCode: 0 });
  });
});

describe('an alias of a check on GitHub', () => {
  let facade: GitHubFacade;
  afterEach(() => facade.close());

  test('asks conditionally: while nothing changes only the first request counts, and a change is told once', async () => {
    facade = await startGitHubFacade({ git: createMemoryRepository() });
    const { log } = facade;
    const run = { ref: 'main', name: 'build', status: 'completed', conclusion: 'success' };
    facade.world.checkRuns.push(run);
    const asked = () => log.filter(({ path }) => path.includes('/check-runs'));
    const events: CheckEvent[] = [];
    const controller = new AbortController();
    // An interval takes a tenth of a second; the deadlines of requests stay as long as they are.
    const clock: Clock = {
      ...systemClock,
      startTimer: (delayMs, ...more) =>
        systemClock.startTimer(
          delayMs > 30_000 && delayMs <= RECONCILE_MS ? delayMs / 600 : delayMs,
          ...more,
        ),
    };
    const alias = runAlias(
      { of: 'github-check:build@main', reconcile: `${RECONCILE_MS}ms` },
      {
        clock,
        env: { GITHUB_TOKEN: 'token', GITHUB_REPOSITORY: facade.name, GITHUB_API_URL: facade.apiUrl },
        signal: controller.signal,
        onCheckEvent: (event) => events.push(event),
      },
    );
    await until(() => asked().length >= 5);
    expect(
      asked()
        .slice(0, 5)
        .map(({ status, isCounted }) => [status, isCounted]),
    ).toEqual([[200, true], ...Array.from({ length: 4 }, () => [304, false])]);
    run.conclusion = 'failure';
    await until(() => events.length >= 2);
    const changedAfter = asked().length;
    await until(() => asked().length >= changedAfter + 2);
    controller.abort(new CancelledError('enough', { signalName: 'SIGTERM' }));
    expect(await alias).toMatchObject({ outcome: 'stopped', status: 'critical', transitions: 2 });
    expect(events.map(({ from, to, upstream }) => [from, to, upstream])).toEqual([
      [null, 'passing', null],
      ['passing', 'critical', 'github-check:build@main'],
    ]);
    expect(facade.violations).toEqual([]);
  });
});
