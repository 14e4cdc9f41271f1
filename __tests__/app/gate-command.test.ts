// The command over a real file store, with probes that really ask: http on loopback, commands, the Heroku sandbox.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { CommandContext, GateEvent } from '../../src/app/contract.ts';
import { startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { createFailureReport } from '../../src/app/failure-report.ts';
import { runGate } from '../../src/app/gate-command.ts';
import { parseBoardProbe } from '../../src/app/gate-probes.ts';
import { systemClock } from '../../src/base/clock.ts';
import { CancelledError, ConfigError, toError } from '../../src/base/errors.ts';
import { createLogger } from '../../src/base/logger.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import type { GateReport } from '../../src/gate/report.ts';
import { json, type Loopback, startLoopback } from '../probe/loopback.ts';

let folder: string;
let server: Loopback;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-gate-'));
  server = await startLoopback();
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => server.answer(json({})));

let count = 0;
interface Call {
  options: Record<string, unknown>;
  env?: Record<string, string>;
  isRunner?: boolean;
  signal?: AbortSignal;
  store?: string | null;
  redact?: (text: string) => string;
}

interface Called {
  report: Promise<GateReport>;
  events: GateEvent[];
  lines: string[];
}

/** One member alone unless said otherwise; each call has a gate of its own. */
function gate({ options, env = {}, isRunner = false, signal, store, redact }: Call): Called {
  const events: GateEvent[] = [];
  const lines: string[] = [];
  const context: CommandContext = {
    clock: systemClock,
    logger: createLogger('debug', (_, line) => lines.push(line)),
    env: { PATH: process.env['PATH'], ...env },
    cwd: folder,
    signal: signal ?? new AbortController().signal,
    isRunner,
    process: {
      pid: 1,
      who: async () => ({ host: 'h', user: 'u' }),
      execPath: process.execPath,
      execArgv: [],
      entry: '',
    },
    rest: null,
    onGateEvent: (event) => events.push(event),
    ...(redact ? { redact } : {}),
  };
  count += 1;
  const hook = {
    ...(store === null ? {} : { store: store ?? `file:${join(folder, 'store')}` }),
    poll: '10ms',
    timeout: '10s',
    gate: { name: `g${count}`, member: 'a', members: ['a'], schema: '42', ...options },
  };
  const run = async () => {
    const resolved = await resolveOptions({ command: 'gate', host: 'hook', hook, env: context.env });
    return await runGate(context, resolved);
  };
  return { report: run(), events, lines };
}

async function problemsOf(call: Call): Promise<Record<string, string>> {
  const error = await gate(call).report.catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigError)) throw new Error(`no ConfigError: ${JSON.stringify(error)}`);
  return Object.fromEntries(error.problems.map(({ option, message }) => [option, message]));
}

describe('what is wrong is told at once', () => {
  test('all problems of one call come together, each at its option', async () => {
    const problems = await problemsOf({
      options: {
        members: ['a', 'b', 'c'],
        schema: '4x2',
        schemaPath: 'schema',
        probeHeader: ['authorization Bearer x'],
        ready: ['ftp://x'],
        schemaProbe: 'check:db',
        environment: 'prod',
        maxParallel: 2,
      },
    });
    expect(Object.keys(problems).sort()).toEqual([
      'environment',
      'maxParallel',
      'probeHeader',
      'ready',
      'schema',
      'schemaPath',
      'schemaProbe',
    ]);
    expect(problems['maxParallel']).toMatch(/announce.*wait-for/s);
    expect(JSON.stringify(problems)).not.toContain('Bearer');
  });

  test('a name that is not on the list is the code unexpected-member, exit 2', async () => {
    const error = await gate({ options: { member: 'z' } }).report.catch(toError);
    expect(createFailureReport('gate', error as Error)).toMatchObject({
      command: 'gate',
      outcome: 'failed',
      code: 'unexpected-member',
      exitCode: 2,
      members: [],
      errors: [{ option: 'member' }],
    });
  });

  test('what has no effect in mode announce is refused, and what a board must not hold', async () => {
    const of = async (options: Record<string, unknown>) =>
      Object.keys(await problemsOf({ options: { mode: 'announce', ...options } }));
    expect(await of({ migrate: 'true', schemaProbe: 'command:true' })).toEqual(['migrate', 'schemaProbe']);
    expect(await of({ ready: ['command:true'] })).toEqual(['ready']);
    expect(await of({ ready: ['https://u:p@h.example/x'] })).toEqual(['ready']);
    expect(await of({ ready: ['https://h.example/x?token=1'] })).toEqual(['ready']);
    expect(await of({ ready: ['https://h.example/x'], probeHeader: ['authorization: x'] })).toEqual([
      'ready',
    ]);
    expect(await of({ ready: ['check:a', 'check:b'] })).toEqual(['ready']);
  });

  test('a matrix that runs all of its own jobs at once does not limit a gate over several matrices', async () => {
    const members = ['a', 'b', 'c'];
    const free = gate({ options: { members, maxParallel: 1, jobTotal: 1, timeout: '20ms' } });
    expect(await free.report).toMatchObject({ code: 'timeout' });
    expect(await problemsOf({ options: { members, maxParallel: 1, jobTotal: 3 } })).toHaveProperty(
      'maxParallel',
    );
  });

  test('more than 40 members on the GitHub store are sent to an engine; 256 long names fit no board', async () => {
    const names = (length: number, letters: string) =>
      Array.from({ length }, (_, index) => (index === 0 ? 'a' : `${letters}${index}`));
    const env = { GITHUB_TOKEN: 't', GITHUB_REPOSITORY: 'o/r' };
    const many = await problemsOf({ options: { members: names(41, 'm'), store: 'github:o/r' }, env });
    expect(many['members']).toContain('redis://');
    expect((await problemsOf({ options: { members: names(256, 'm'.repeat(60)) } }))['members']).toContain(
      'bytes',
    );
  });

  test('on a runner without a token there is no store to fall back to', async () => {
    const problems = await problemsOf({ options: {}, store: null, isRunner: true });
    expect(problems).toEqual({ store: expect.stringContaining('coordinate nobody') });
  });
});

describe('readiness over http', () => {
  const ready = (path = '/v') => ({ ready: [`${server.origin}${path}`], api: ['x'] });

  test('two good answers in a row are needed: a mixed fleet is not ready', async () => {
    const answers = ['42', '41', '42', '41', '42', '42'];
    server.answer((_, response) => {
      json({ schema: answers.shift() ?? '42', api: ['x', 'y'] })(_, response);
    });
    const { report } = gate({ options: ready() });
    expect(await report).toMatchObject({ outcome: 'open', exitCode: 0 });
    expect(answers).toEqual([]);
  });

  test('an API that is not served yet is waited for, and the report says which', async () => {
    server.answer(json({ schema: 42, api: [] }));
    const { report, events } = gate({ options: { ...ready(), timeout: '1s' } });
    expect(await report).toMatchObject({
      code: 'timeout',
      exitCode: 7,
      missing: ['a'],
      members: [{ name: 'a', state: 'announced', detail: expect.stringContaining('lacks api x') }],
    });
    expect(events.at(-1)).toMatchObject({ kind: 'end', hint: expect.stringContaining('attempt 2') });
  });

  test('a redirect within the origin is followed, one to another is not ready', async () => {
    const other = await startLoopback(json({ schema: '42', api: ['x'] }));
    server.answer((request, response) => {
      if (request.url === '/v') response.writeHead(302, { location: '/w' }).end();
      else if (request.url === '/out') response.writeHead(302, { location: `${other.origin}/v` }).end();
      else json({ schema: '42', api: ['x'] })(request, response);
    });
    expect(await gate({ options: ready() }).report).toMatchObject({ outcome: 'open' });
    const strayed = await gate({ options: { ...ready('/out'), timeout: '1s' } }).report;
    expect(strayed).toMatchObject({ code: 'timeout' });
    expect(strayed.members[0]?.detail).toContain('only redirects within');
    expect(other.requests).toEqual([]);
    await other.close();
  });

  test('a body over 64 KiB is not ready', async () => {
    server.answer(json({ schema: '42', api: ['x'], padding: 'x'.repeat(65 * 1024) }));
    const { members } = await gate({ options: { ...ready(), timeout: '1s' } }).report;
    expect(members[0]?.detail).toContain('64 KiB');
  });

  test('Retry-After is honoured', async () => {
    server.answer((request, response) => {
      response.writeHead(503, { 'retry-after': '1' }).end();
      server.answer(json({ schema: '42', api: ['x'] }));
      void request;
    });
    const before = server.requests.length;
    const { report } = gate({ options: ready() });
    const { waitedMs } = await report;
    expect(waitedMs).toBeGreaterThanOrEqual(1000);
    expect(server.requests.length - before).toBe(3);
  });

  test('pointers, headers and a user of the URL; none of them is ever shown', async () => {
    server.answer((request, response) => {
      const { authorization, 'x-key': key } = request.headers;
      const isKnown =
        authorization === `Basic ${Buffer.from('u:geheim1').toString('base64')}` && key === 'secret-2';
      json({ data: { version: isKnown ? '42' : '0' }, ext: ['x'] })(request, response);
    });
    const { report, lines, events } = gate({
      options: {
        ready: [`${server.origin.replace('://', '://u:geheim1@')}/v`],
        probeHeader: ['X-Key: secret-2'],
        schemaPath: '/data/version',
        apiPath: '/ext',
        api: ['x'],
      },
    });
    const result = await report;
    expect(result).toMatchObject({ outcome: 'open' });
    expect(JSON.stringify([result, lines, events])).not.toMatch(/geheim1|secret-2/);
  });
});

describe('readiness by commands and releases', () => {
  test('a command that says not yet (75) is asked again until its last line carries the versions', async () => {
    const script = join(folder, 'ready.sh');
    await writeFile(
      script,
      'echo >> asked; n=$(wc -l < asked); [ "$n" -lt 3 ] && { echo warming up >&2; exit 75; }; echo noise; echo \'{"schema":"42","api":["x"]}\'',
    );
    const { report } = gate({ options: { ready: [`command:sh ${script}`], api: ['x'] } });
    expect(await report).toMatchObject({ outcome: 'open' });
  });

  test('a promote that exits 0 although its release phase failed does not open the gate', async () => {
    const sandbox = await startHerokuSandbox({ clock: systemClock, apps: [{ name: 'my-app' }] });
    const env = { HEROKU_API_KEY: 'k-1234567', HEROKU_API_URL: sandbox.url };
    sandbox.world.release('my-app', 'succeeded');
    expect(await gate({ options: { ready: ['heroku-release:my-app'] }, env }).report).toMatchObject({
      outcome: 'open',
    });
    // What a promote leaves behind when its release phase fails: a newer release, and exit code 0.
    sandbox.world.release('my-app', 'failed');
    const { report, lines } = gate({ options: { ready: ['heroku-release:my-app'] }, env });
    expect(await report).toMatchObject({
      outcome: 'failed',
      code: 'member-left',
      exitCode: 20,
      members: [{ name: 'a', state: 'left', detail: expect.stringContaining('v2 failed') }],
    });
    expect(lines.join()).not.toContain('k-1234567');
    // A pending one is waited for.
    sandbox.world.release('my-app', 'pending');
    const pending = gate({ options: { ready: ['heroku-release:my-app'], timeout: '200ms' }, env });
    expect(await pending.report).toMatchObject({ code: 'timeout' });
    await sandbox.close();
  });
});

describe('the migration', () => {
  test('gets token, from and to; its output is in the log; the schema probe proves it', async () => {
    await writeFile(join(folder, 'db'), '40');
    const { report, lines } = gate({
      options: {
        migrate:
          'echo "$LOCKSTEP_FENCING_TOKEN $LOCKSTEP_GATE_FROM $LOCKSTEP_GATE_TO" > seen; echo working >&2; echo 42 > db',
        schemaProbe: `command:sh -c 'printf "{\\"schema\\":\\"%s\\"}" "$(tr -d "\\n" < db)"'`,
      },
    });
    expect(await report).toMatchObject({ outcome: 'open', committed: true, token: 1 });
    expect(await readFile(join(folder, 'seen'), 'utf8')).toBe('1 40 42\n');
    expect(lines).toContain('  working');
  });

  test('that fails tells the end of its standard error, exit 22', async () => {
    const { report } = gate({ options: { migrate: 'echo lock timeout on table users >&2; exit 3' } });
    expect(await report).toMatchObject({ code: 'commit-failed', exitCode: 22, committed: false });
    expect((await report).members[0]?.detail).toBe('');
    const ends = gate({ options: { migrate: 'echo lock timeout >&2; exit 3' } });
    await ends.report;
    expect(ends.events.at(-1)).toMatchObject({
      kind: 'end',
      headline: expect.stringMatching(/exit code 3: lock timeout/),
    });
  });

  test('that prints a secret the host knows: neither the log nor the board has any of it', async () => {
    const secret = 's3cret-of-the-database';
    const { report, lines, events } = gate({
      options: { migrate: `echo out ${secret}; echo ${'x'.repeat(190)} ${secret} >&2; exit 3` },
      redact: (text) => text.replaceAll(secret, '***'),
    });
    expect(await report).toMatchObject({ code: 'commit-failed' });
    expect(lines).toContain('  out ***');
    expect(JSON.stringify([await report, lines, events])).not.toMatch(/s3cret|of-the-database/);
  });

  test('is ended when the time is up, and its claim given back', async () => {
    const { report } = gate({ options: { migrate: 'sleep 30', timeout: '300ms' } });
    expect(await report).toMatchObject({ code: 'timeout', committed: false });
  });

  test('is ended on a signal; the result says 143', async () => {
    const controller = new AbortController();
    const { report, events } = gate({ options: { migrate: 'sleep 30' }, signal: controller.signal });
    while (!events.some((event) => event.kind === 'note' && /migrating/.test(event.message)))
      await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new CancelledError('interrupted by SIGTERM', { signalName: 'SIGTERM' }));
    expect(await report).toMatchObject({ code: 'member-left', exitCode: 143 });
  });
});

describe('announce and wait-for', () => {
  test('released members are asked by what they left on the board, and the later job opens the gate', async () => {
    const members = ['a', 'b'];
    const name = 'split';
    server.answer((request, response) =>
      json({ schema: '42', api: [], path: request.url })(request, response),
    );
    for (const member of members) {
      const ready = [`${server.origin}/${member}`];
      expect(
        await gate({ options: { name, mode: 'announce', member, members, ready } }).report,
      ).toMatchObject({
        outcome: 'announced',
        exitCode: 0,
      });
    }
    const before = server.requests.length;
    const waiter = gate({
      options: {
        name,
        mode: 'wait-for',
        member: undefined,
        members,
        migrate: 'true',
        probeHeader: ['x-key: hidden'],
      },
    });
    expect(await waiter.report).toMatchObject({ outcome: 'open', committed: true, token: 1 });
    const asked = server.requests.slice(before);
    expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(['/a', '/b']));
    // An address that came from a board gets none of this job's headers.
    expect(asked.every(({ headers }) => headers['x-key'] === undefined)).toBe(true);
  });

  test('a board that names a command is not obeyed', () => {
    expect(parseBoardProbe({ kind: 'command', url: 'command:touch pwned' })).toBeNull();
    expect(parseBoardProbe({ kind: 'http', url: 'command:touch pwned' })).toBeNull();
    expect(parseBoardProbe({ kind: 'http', url: 'https://u:p@h.example/' })).toBeNull();
    expect(parseBoardProbe({ kind: 'check', url: 'check:db' })).toEqual({ kind: 'check', name: 'db' });
  });

  test('a released app that is known to be broken fails the gate at once, not at the deadline', async () => {
    const sandbox = await startHerokuSandbox({ clock: systemClock, apps: [{ name: 'my-app' }] });
    sandbox.world.release('my-app', 'failed');
    const env = { HEROKU_API_KEY: 'k-1234567', HEROKU_API_URL: sandbox.url };
    const options = { name: 'broken', ready: ['heroku-release:my-app'] };
    await gate({ options: { ...options, mode: 'announce' }, env }).report;
    const waiter = gate({ options: { name: 'broken', mode: 'wait-for', member: undefined }, env });
    expect(await waiter.report).toMatchObject({ code: 'member-lost', exitCode: 20, lost: ['a'] });
    await sandbox.close();
  });
});
