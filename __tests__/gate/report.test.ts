import { describe, expect, test } from '@jest/globals';
import { parseGateConfig } from '../../src/gate/config.ts';
import {
  GATE_EXIT_CODES,
  GATE_FAILURE_CODES,
  type GateDoc,
  type GateFailure,
  type MemberRecord,
} from '../../src/gate/contract.ts';
import { type MemberView, type ViewContext, viewMembers } from '../../src/gate/member-view.ts';
import { changedMembers, createGateReport, describeGate, describeMember } from '../../src/gate/report.ts';

const parsed = parseGateConfig({
  gate: 'g',
  members: ['a', 'b', 'c'],
  requireApi: null,
  versionScheme: 'integer',
});
if (!parsed.ok) throw new Error(parsed.problem);
const config = parsed.value;
const AT = '2026-01-01T12:00:00Z';

function record(change: Partial<MemberRecord> = {}): MemberRecord {
  const incarnation = { run: '7', attempt: 1, id: '99' };
  return { incarnation, schema: '42', api: ['x'], state: 'announced', beat: 0, since: AT, ...change };
}

function board(change: Partial<GateDoc> = {}): GateDoc {
  return {
    format: 1,
    gate: 'g',
    configHash: config.configHash,
    expected: config.expected,
    epoch: 1,
    phase: 'announce',
    target: { schema: '42', api: ['x'] },
    schemaFloor: null,
    claim: null,
    lastToken: 0,
    commits: [],
    members: {},
    failure: null,
    deadlineMs: 1,
    history: [],
    openEpochs: [],
    ...change,
  };
}

function failed(change: Partial<GateFailure>): GateFailure {
  return {
    epoch: 1,
    code: 'timeout',
    by: 'a',
    missing: [],
    behind: [],
    diverged: [],
    lost: [],
    message: 'a waited 30 m; missing: c',
    at: AT,
    attempts: {},
    ...change,
  };
}

const context: ViewContext = { config, failure: null, linkOf: ({ id }) => `https://ci.example/job/${id}` };

function only(doc: GateDoc | null, name: string, ctx = context): MemberView {
  const view = viewMembers(doc, ctx).find((each) => each.name === name);
  if (!view) throw new Error(`no ${name}`);
  return view;
}

describe('how a member looks', () => {
  const claim = {
    member: 'a',
    incarnation: record().incarnation,
    token: 4,
    beat: 0,
    leaseMs: 1000,
    since: AT,
  };
  test.each([
    ['nobody yet', board(), 'missing', 'MISSING', /has not announced/],
    ['announced', board({ members: { a: record() } }), 'announced', 'WAITING', /^$/],
    ['released', board({ members: { a: record({ state: 'released' }) } }), 'released', 'WAITING', /^$/],
    [
      'released and probed',
      board({ phase: 'api', members: { a: record({ state: 'released', probedIn: 1 }) } }),
      'released',
      'READY',
      /^$/,
    ],
    [
      'ready',
      board({ phase: 'api', members: { a: record({ state: 'api-ready' }) } }),
      'api-ready',
      'READY',
      /^$/,
    ],
    [
      'migrating',
      board({ phase: 'schema', claim, members: { a: record() } }),
      'announced',
      'UPGRADING',
      /token 4/,
    ],
    [
      'behind',
      board({
        target: { schema: '43', api: ['x', 'y'] },
        members: { a: record(), b: record({ schema: '43', api: ['x', 'y'] }) },
      }),
      'behind',
      'NEEDS UPGRADE',
      /misses api y/,
    ],
    [
      'diverged',
      board({
        target: { schema: '42', api: ['x', 'y'] },
        members: { a: record(), b: record({ api: ['y'] }) },
      }),
      'diverged',
      'NEEDS UPGRADE',
      /misses api y/,
    ],
    [
      'below the floor',
      board({ schemaFloor: '43', members: { a: record() } }),
      'behind',
      'NEEDS UPGRADE',
      /below the committed 43/,
    ],
    [
      'left',
      board({ members: { a: record({ state: 'left', reason: 'SIGTERM' }) } }),
      'left',
      'LEFT',
      /SIGTERM/,
    ],
    [
      'of an attempt that is over',
      board({
        members: {
          a: record({ schema: '41' }),
          b: record({ incarnation: { run: '7', attempt: 2, id: '1' } }),
        },
      }),
      'superseded',
      'MISSING',
      /its re-run has not come/,
    ],
    [
      'probed',
      board({ phase: 'api', members: { a: record({ observed: { at: AT, detail: '503' } }) } }),
      'announced',
      'WAITING',
      /503/,
    ],
  ] as const)('%s', (_what, doc, state, label, detail) => {
    const view = only(doc, 'a');
    expect(view).toMatchObject({ state, label });
    expect(view.detail).toMatch(detail);
  });

  test('lost is told by the failure, also where it never came', () => {
    const failure = failed({ code: 'member-lost', lost: ['c'], message: 'c will not come: cancelled' });
    expect(only(board(), 'c', { ...context, failure })).toMatchObject({ state: 'lost', label: 'LOST' });
    expect(only(null, 'c', { ...context, failure }).detail).toContain('cancelled');
  });

  test('who waits for a target that is not ready is told to look at it', () => {
    const doc = board({ phase: 'api', members: { a: record({ observed: { at: AT, detail: 'HTTP 503' } }) } });
    expect(only(doc, 'a').advice).toBe('find out why it is not ready; it said HTTP 503');
    expect(only(board({ phase: 'api', members: { a: record({}) } }), 'a').advice).toBeNull();
  });

  test('who left because this run has agreed on another version is not told to run again', () => {
    const advice = (reason: string) =>
      only(board({ members: { a: record({ state: 'left', reason }) } }), 'a').advice;
    expect(advice('config-mismatch')).toMatch(/^start a new run/);
    expect(advice('interrupted by SIGTERM')).toMatch(/re-run the failed jobs$/);
  });

  test('a line says who, how, since when, where to look and what to do', () => {
    const line = describeMember(
      only(board({ members: { a: record({ state: 'left', reason: 'SIGTERM' }) } }), 'a'),
    );
    expect(line).toMatch(/^a {2}LEFT {10}/);
    for (const part of [AT, 'SIGTERM', 'https://ci.example/job/99', 're-run']) expect(line).toContain(part);
  });

  test('text from outside stays one line without controls', () => {
    const doc = board({
      members: { a: record({ state: 'left', reason: 'x\n::error::\u001b[31m', since: '\u202e' }) },
    });
    const line = describeMember(only(doc, 'a', { ...context, linkOf: () => 'https://x/\r' }));
    expect(line).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(
      describeGate(doc, { outcome: 'failed', failure: failed({ message: 'a\nb' }), waitedMs: 1 }),
    ).not.toContain('\n');
  });

  test('only members whose state changed are told again', () => {
    const before = viewMembers(board({ members: { a: record() } }), context);
    const now = viewMembers(board({ members: { a: record({ beat: 1 }), b: record() } }), context);
    expect(changedMembers(before, now).map(({ name }) => name)).toEqual(['b']);
    expect(changedMembers([], now)).toHaveLength(3);
  });
});

describe('the JSON result', () => {
  const run = {
    outcome: 'open',
    failure: null,
    epoch: 1,
    committed: true,
    token: 1,
    waitedMs: 5,
    wakeupsByTimer: 0,
  } as const;

  test('has the fields of the contract, in its order', () => {
    const doc = board({ phase: 'open', members: { a: record({ state: 'api-ready' }) } });
    const report = createGateReport(doc, run, context);
    expect(Object.keys(report)).toEqual(
      'format command outcome code phase epoch committed token waitedMs wakeupsByTimer members missing behind diverged lost exitCode'.split(
        ' ',
      ),
    );
    expect(report.members[0]).toEqual({
      name: 'a',
      state: 'api-ready',
      schema: '42',
      api: ['x'],
      detail: '',
    });
    expect(report).toMatchObject({ outcome: 'open', code: null, phase: 'open', exitCode: 0, token: 1 });
  });

  test.each(GATE_FAILURE_CODES)('%s carries its exit code and lists', (code) => {
    const failure = failed({ code, missing: ['c'] });
    const report = createGateReport(null, { ...run, outcome: 'failed', failure, committed: false }, context);
    expect(report).toMatchObject({
      outcome: 'failed',
      code,
      missing: ['c'],
      exitCode: GATE_EXIT_CODES[code],
    });
    expect(report.exitCode).toBeGreaterThan(1);
  });

  test('headlines say what happened', () => {
    const doc = board({ phase: 'open' });
    expect(describeGate(doc, { ...run, waitedMs: 4200 })).toBe(
      'The gate is open: schema 42, api x (waited 4.2 s).',
    );
    expect(describeGate(doc, { ...run, outcome: 'announced' })).toContain('wait-for');
    expect(describeGate(doc, { ...run, outcome: 'failed', failure: failed({}) })).toContain('missing: c');
  });
});
