// The gate as steps of parallel jobs, each on a runner of its own, meeting in one store: what they put out, say and leave behind.
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { GateReport } from '../../src/gate/report.ts';
import { json, type Loopback, startLoopback, text } from '../probe/loopback.ts';
import { createRunnerWorld, type RunnerStep, type RunnerWorld, type StepResult } from '../support/runner.ts';
import { followOutput } from '../support/runner-output.ts';
import { readGantt } from '../support/summary-gantt.ts';

const NAMES = ['ap', 'eu', 'us'];
let shared: string;
let worlds: RunnerWorld[];
let server: Loopback | null;
beforeEach(() => {
  // Outside of the runners' folders: the harness counts every process that names those as left behind.
  shared = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep-gate-')));
  worlds = [];
  server = null;
});
afterEach(async () => {
  await Promise.all(worlds.map((world) => world.dispose()));
  await server?.close();
  rmSync(shared, { recursive: true, force: true });
});

/** One job of the matrix: its own machine, its own id. */
function job(member: string, step: RunnerStep = {}): Promise<StepResult> {
  const world = createRunnerWorld();
  worlds.push(world);
  return world.runStep({
    ...step,
    with: {
      command: 'gate',
      name: 'production',
      member,
      members: NAMES.join(', '),
      schema: '42',
      store: `file:${join(shared, 'store')}`,
      // Nobody is to be woken by it.
      poll: '30s',
      'job-id': `${100 + NAMES.indexOf(member)}`,
      'job-index': `${NAMES.indexOf(member)}`,
      'job-total': '3',
      'max-parallel': '3',
      ...step.with,
    },
  });
}

const messages = ({ main }: StepResult, kind: string) =>
  main.annotations.filter((each) => each.kind === kind).map(({ message }) => message);

describe('three jobs of a matrix', () => {
  test('open together; outputs, table and timeline say who was what when, the log each change once', async () => {
    server = await startLoopback(json({ schema: '42', api: ['billing'] }));
    const [db, runs] = [join(shared, 'db'), join(shared, 'runs')];
    writeFileSync(db, '40');
    const options = {
      api: 'billing',
      migrate: `echo working; echo x >> ${runs}; printf %s "$LOCKSTEP_GATE_TO" > ${db}`,
      'schema-probe': `command:sh -c 'printf "{\\"schema\\":\\"%s\\"}" "$(cat ${db})"'`,
      ready: `${server.origin}/version`,
    };
    const steps = await Promise.all(NAMES.map((member) => job(member, { with: options })));

    for (const step of steps) {
      expect([step.main.exitCode, step.post.exitCode]).toEqual([0, 0]);
      expect(step.main.annotations).toEqual([]);
      // Nothing to give back: post has neither a state nor a word to say.
      expect([...step.main.state, ...step.main.exported, ...step.post.commands]).toEqual([]);
      expect(step.post.log).toBe('');
      const report = step.result<GateReport>();
      expect(report).toMatchObject({ outcome: 'open', code: null, phase: 'open', wakeupsByTimer: 0 });
      expect(report.members.map(({ name, state }) => [name, state])).toEqual(
        NAMES.map((name) => [name, 'api-ready']),
      );
      expect(JSON.parse(readFileSync(step.main.outputs.get('result-file') ?? '', 'utf8'))).toEqual(report);
    }
    expect(readFileSync(runs, 'utf8')).toBe('x\n');
    const committed = steps.filter(({ main }) => main.outputs.get('committed') === 'true');
    expect(committed.map(({ main }) => main.outputs.get('token'))).toEqual(['1']);
    expect(committed[0]?.main.log).toContain('working');
    expect(Object.fromEntries(steps[0]?.main.outputs ?? [])).toMatchObject({
      command: 'gate',
      outcome: 'open',
      code: '',
      phase: 'open',
      epoch: '1',
      missing: '[]',
      lost: '[]',
      'exit-code': '0',
      truncated: 'false',
    });

    for (const { main } of steps) {
      const lines = main.log.split('\n').slice(
        0,
        main.log.split('\n').findIndex((line) => /^MEMBER/.test(line)),
      );
      expect(new Set(lines).size).toBe(lines.length);
      expect(lines.filter((line) => line === 'the gate is open')).toHaveLength(1);
      expect(main.summary).toContain('### ✅ lockstep gate: open');
      for (const [at, name] of NAMES.entries())
        expect(main.summary).toMatch(
          new RegExp(
            `^\\| ${name} \\| READY \\| 42 \\| billing \\| .* \\[job\\]\\(https://github.com/octo/repo/actions/runs/777/job/${100 + at}\\) \\|$`,
            'm',
          ),
        );
      const { sections } = readGantt(main.summary);
      expect(sections.map(({ title }) => title)).toEqual(['Phases', 'Members']);
      for (const name of NAMES)
        expect(sections[1]?.bars.map(({ label }) => label)).toContain(`ready ${name}`);
    }
  });

  test('whose runners do not suffice are refused at once, with the mode that works; announce is not', async () => {
    const step = await job('eu', { with: { 'max-parallel': '2' } });
    expect(step.main.exitCode).toBe(2);
    expect(messages(step, 'error')).toEqual([
      expect.stringMatching(
        /^max-parallel only 2 of the 3 members .* use mode announce in the matrix and mode wait-for/,
      ),
    ]);
    expect(step.main.outputs.get('errors')).toContain('max-parallel');
    const announced = await job('eu', { with: { 'max-parallel': '1', mode: 'announce' } });
    expect(announced.result<GateReport>()).toMatchObject({ outcome: 'announced', exitCode: 0 });
    // Three jobs of their own, not of one matrix: each is told that it is the only one of one.
    const alone = await job('eu', {
      with: { 'max-parallel': '1', 'job-total': '1', name: 'other', timeout: '1s' },
    });
    expect(alone.result<GateReport>()).toMatchObject({ code: 'timeout', missing: ['ap', 'us'] });
  });
});

describe('a member that does not come', () => {
  test('ends the others by the deadline with 7 and one annotation that names it and says what to do', async () => {
    const waits = followOutput();
    const first = job('ap', waits);
    await waits.until(/ap {2}WAITING/);
    // The shortest time of all ends it for all.
    const steps = await Promise.all([first, job('eu', { with: { timeout: '1500ms' } })]);
    for (const step of steps) {
      expect(step.main.exitCode).toBe(7);
      expect(step.main.annotations).toEqual([
        {
          kind: 'error',
          message: expect.stringMatching(
            /did not open \(timeout\).*missing: us → us: look whether its job was started.* → re-run the failed jobs/,
          ),
        },
      ]);
      expect(step.result<GateReport>()).toMatchObject({ code: 'timeout', missing: ['us'], exitCode: 7 });
      expect(step.main.summary).toMatch(/^\| us \| \*\*MISSING\*\* \|/m);
      expect(readGantt(step.main.summary).sections[1]?.bars).toContainEqual(
        expect.objectContaining({ label: 'missing us', tags: ['crit'] }),
      );
      expect(step.post.commands).toEqual([]);
    }
  });
});

describe('a cancelled job', () => {
  test('leaves the gate, so that the others fail at once, and post gives back nothing', async () => {
    // Two of three are there: the third is the one that everybody waits for.
    const [left, other] = await Promise.all([job('ap', { cancelWhen: /eu {2}WAITING/ }), job('eu')]);
    expect(left.main).toMatchObject({ exitCode: 130, signal: null });
    expect(left.result<GateReport>()).toMatchObject({ code: 'member-left', exitCode: 130 });
    expect([...left.main.state, ...left.post.commands]).toEqual([]);
    expect(left.post.exitCode).toBe(0);
    expect(other.main.exitCode).toBe(20);
    expect(other.main.annotations).toEqual([
      { kind: 'error', message: expect.stringMatching(/ap left .* → ap: its job was stopped/) },
    ]);
  });

  test('with on-leave wait keeps the others waiting, and its re-run lets all pass', async () => {
    const others = ['eu', 'us'].map((member) => job(member));
    const left = await job('ap', {
      with: { 'on-leave': 'wait', ready: 'command:false' },
      cancelWhen: /us {2}(WAITING|READY)[\s\S]*is there/,
    });
    expect(left.main.exitCode).toBe(130);
    const again = await job('ap', { with: { 'job-id': '200' }, env: { GITHUB_RUN_ATTEMPT: '2' } });
    const steps = [again, ...(await Promise.all(others))];
    expect(steps.map((step) => step.result<GateReport>().outcome)).toEqual(['open', 'open', 'open']);
  });

  test('ends its migration within what the runner gives, also one that is deaf to SIGTERM', async () => {
    const options = {
      members: 'ap, eu',
      migrate: 'trap "" TERM INT; echo hanging; sleep 30',
    };
    const steps = await Promise.all(
      ['ap', 'eu'].map((member) => job(member, { with: options, cancelWhen: /hanging/ })),
    );
    expect(new Set(steps.map(({ main }) => main.exitCode))).toEqual(new Set([130, 20]));
    for (const { main } of steps) expect(main.signal).toBeNull();
  });
});

describe('what comes from outside', () => {
  test('is never a workflow command, Markdown or ANSI, and no secret is shown, not even in part', async () => {
    const secret = 'top::secret|[key](1234567890)';
    const url = 'postgres://app:a-long-password@db.example/main';
    server = await startLoopback((request, response) =>
      text(
        `::error::boom ##[group] \u001b[31m <img src=x> ${'x'.repeat(70)}${String(request.headers['x-key'])}`,
        { status: 503 },
      )(request, response),
    );
    const hostile = '::error::x|[a](http://evil)`<b>##[group]\u001b[31m@all';
    const members = ['eu', hostile];
    const migrate = [
      `printf '::error::migrating\\n::stop-commands::t\\n##[add-mask]eu\\n\\033[31mred\\n::set-output name=a::b\\r::warning::c\\n'`,
      'echo "connecting to $DATABASE_URL"',
    ].join('; ');
    const steps = await Promise.all(
      members.map((member, at) =>
        job(member, {
          secrets: [secret, 'a-long-password'],
          env: { DATABASE_URL: url },
          with: {
            members: members.join('\n'),
            'job-id': `${at}`,
            'probe-header': `X-Key: ${secret}`,
            ready: `${server?.origin}/version?key=0123456789abcdef`,
            migrate,
            timeout: '6s',
          },
        }),
      ),
    );
    const own = new Set(['add-mask', 'group', 'endgroup', 'error', 'debug']);
    for (const step of steps) {
      const { main } = step;
      expect(messages(step, 'error')).toEqual([expect.stringMatching(/^The gate did not open/)]);
      expect(main.exitCode).toBe(7);
      expect(main.commands.filter(({ name }) => !own.has(name))).toEqual([]);
      expect(main.commands.filter(({ name }) => name === 'group')).toHaveLength(1);
      // The harness has looked for the whole secrets; this is about halves of them.
      const all = `${main.log}\n${main.summary}\n${[...main.outputs.values()].join('\n')}`;
      expect(all).not.toMatch(/top.?.?.?.?.?.?.?.?.?.?secret|a-long|0123456789abcdef/);
      expect(all).not.toContain('\u001b');
      expect(main.summary).not.toMatch(/<b>|<img|\]\(http:\/\/evil|@all|`<|\*\*boom/);
      expect(main.summary.match(/^\| [^m-].*\|$/gm)).toHaveLength(members.length);
      readGantt(main.summary);
    }
    expect(steps.map(({ main }) => main.log).join('\n')).toMatch(/connecting to postgres:\/\/\*\*\*/);
    const masks = steps[0]?.main.commands.filter(({ name }) => name === 'add-mask').map(({ data }) => data);
    expect(masks).toContain(secret);
    expect(masks?.join(' ')).not.toMatch(/version|127\.0\.0\.1|command/);
  });
});
