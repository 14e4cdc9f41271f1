import { describe, expect, test } from '@jest/globals';
import type { GateEvent } from '../../src/app/contract.ts';
import type { MemberLabel, MemberView } from '../../src/gate/member-view.ts';
import type { GateReport } from '../../src/gate/report.ts';
import {
  adviceLines,
  createGateLog,
  createGateTimes,
  type GateEnd,
  renderGateReport,
  renderGateSummary,
} from '../../src/host/gate-view.ts';
import { fitSummary } from '../../src/host/summary.ts';
import { createStyle } from '../../src/host/terminal.ts';

const plainStyle = createStyle({ colors: false });

function view(name: string, label: MemberLabel, change: Partial<MemberView> = {}): MemberView {
  return {
    name,
    state: label === 'READY' ? 'api-ready' : label === 'MISSING' ? 'missing' : 'announced',
    label,
    schema: label === 'MISSING' ? null : '42',
    api: label === 'MISSING' ? [] : ['billing'],
    since: label === 'MISSING' ? null : '2026-01-01T12:00:00.000Z',
    readyAt: null,
    url: null,
    detail: '',
    advice: label === 'MISSING' ? 'look whether its job was started' : null,
    ...change,
  };
}

const REPORT: GateReport = {
  format: 1,
  command: 'gate',
  outcome: 'failed',
  code: 'timeout',
  phase: 'failed',
  epoch: 2,
  committed: false,
  token: 3,
  waitedMs: 1_800_000,
  wakeupsByTimer: 0,
  members: [],
  missing: ['us', 'ap'],
  behind: [],
  diverged: [],
  lost: [],
  exitCode: 7,
};

const END: GateEnd = {
  kind: 'end',
  headline: 'The gate did not open (timeout): eu waited 30 m; missing: us, ap',
  views: [view('eu', 'WAITING', { detail: 'last probe: 503' }), view('us', 'MISSING'), view('ap', 'MISSING')],
  hint: 're-run the failed jobs',
  atMs: 1_800_000,
};

const members = (
  changed: MemberView[],
  phase: 'announce' | 'schema' | 'api' | 'open',
  atMs: number,
): GateEvent => ({
  kind: 'members',
  changed,
  phase,
  epoch: 1,
  atMs,
});

describe('the log while waiting', () => {
  test('says each change of state once, each phase once, and nothing while nothing changes', () => {
    const log = createGateLog();
    const said = [
      members([view('eu', 'WAITING'), view('us', 'MISSING')], 'announce', 0),
      members([], 'announce', 10),
      members([view('us', 'WAITING')], 'schema', 20),
      members([], 'schema', 30),
    ].flatMap((event) => log.describe(event).map(({ message }) => message));
    expect(said).toEqual([
      expect.stringMatching(/^eu {2}WAITING/),
      expect.stringMatching(/^us {2}MISSING/),
      'waiting for all members to announce themselves',
      expect.stringMatching(/^us {2}WAITING/),
      'all members are here; the schema comes first',
    ]);
  });

  test('what somebody must look at is a warning', () => {
    const event = members(
      [view('eu', 'LOST'), view('us', 'NEEDS UPGRADE'), view('ap', 'READY')],
      'announce',
      0,
    );
    expect(
      createGateLog()
        .describe(event)
        .map(({ level }) => level),
    ).toEqual(['warn', 'warn', 'info', 'info']);
  });
});

test('once it has failed nothing is a warning any more: the closing sentence says who and what to do', () => {
  const event: GateEvent = {
    kind: 'members',
    changed: [view('eu', 'LEFT'), view('us', 'LOST')],
    phase: 'failed',
    epoch: 1,
    atMs: 0,
  };
  const said = createGateLog().describe(event);
  expect(said.map(({ level }) => level)).toEqual(['info', 'info', 'info']);
});

describe('the end in a terminal', () => {
  test('names those one must look at first, what came of it, and what to do', () => {
    const lines = renderGateReport(REPORT, END, plainStyle);
    expect(lines[1]).toMatch(/^us +MISSING/);
    expect(lines[3]).toMatch(/^eu +WAITING +42 +billing +12:00:00Z +last probe: 503/);
    expect(lines.slice(-3)).toEqual([
      END.headline,
      '→ us, ap: look whether its job was started',
      '→ re-run the failed jobs',
    ]);
  });

  test('after opening there is nothing to do', () => {
    const open: GateReport = { ...REPORT, outcome: 'open', code: null, exitCode: 0 };
    expect(adviceLines(open, { ...END, hint: null })).toEqual([]);
  });
});

describe('the job summary', () => {
  const times = createGateTimes();
  times.onEvent(
    members([view('eu', 'WAITING'), view('us', 'MISSING'), view('ap', 'MISSING')], 'announce', 0),
  );
  times.onEvent(members([view('us', 'WAITING')], 'schema', 60_000));
  times.onEvent(members([view('eu', 'READY'), view('us', 'READY')], 'api', 90_000));

  test('has a timeline per phase and member', () => {
    const summary = renderGateSummary(REPORT, END, times.read(100_000));
    expect(summary).toContain('### ❌ lockstep gate: timeout');
    expect(summary).toContain('section Phases');
    expect(summary).toMatch(/announce .*:active, 00:00:00\.000, 00:01:00\.000/);
    expect(summary).toMatch(/missing us :active, 00:00:00\.000, 00:01:00\.000/);
    expect(summary).toMatch(/missing ap :crit, 00:00:00\.000, 00:01:40\.000/);
    expect(summary).toMatch(/ready us :done, 00:01:30\.000, 00:01:40\.000/);
    expect(summary).toContain('try 2');
  });

  test('of a crowd shows who never came, and fits into what the runner takes', () => {
    const crowd = Array.from({ length: 256 }, (_, at) =>
      view(`${'|'.repeat(60)}${String(at).padStart(3, '0')}`, at === 255 ? 'MISSING' : 'READY', {
        detail: '&'.repeat(400),
        api: Array.from({ length: 20 }, () => '*'.repeat(60)),
      }),
    );
    const seen = createGateTimes();
    seen.onEvent(members(crowd, 'announce', 0));
    const summary = renderGateSummary(REPORT, { ...END, views: crowd }, seen.read(1000));
    expect(fitSummary(summary)).toBe(summary);
    expect(summary.match(/^ {2}missing .* :crit/gm)).toHaveLength(1);
    expect(summary.match(/^ {2}ready /gm)).toHaveLength(59);
  });

  test('no name or address from a board becomes markup or a link of its own', () => {
    const hostile = view('x](http://evil)|<b>', 'WAITING', {
      url: 'https://evil.example/a)[x](b',
      detail: '**bold** @everyone',
    });
    const summary = renderGateSummary(REPORT, { ...END, views: [hostile] }, times.read(1));
    expect(summary).not.toMatch(/\]\(http:\/\/evil|<b>|\*\*bold|@everyone|evil\.example/);
    const job = view('eu', 'WAITING', { url: 'https://github.com/o/r/actions/runs/7/job/9' });
    expect(renderGateSummary(REPORT, { ...END, views: [job] }, times.read(1))).toContain(
      '[job](https://github.com/o/r/actions/runs/7/job/9)',
    );
  });
});
