// The job summary: structure, limits, and names that would like to be markup.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CheckEvent, CheckReport } from '../../src/app/contract.ts';
import { ConfigError, UnavailableError } from '../../src/base/errors.ts';
import { renderCheckSummary } from '../../src/host/action-check.ts';
import { createReapTimes } from '../../src/host/action-reap.ts';
import { fitSummary, renderDetails, renderMarkdownTable } from '../../src/host/summary.ts';
import { renderFailureSummary } from '../../src/host/summary-failure.ts';
import { type ReapTimes, renderReapSummary } from '../../src/host/summary-reap.ts';
import { cleanLabel, renderTimeline } from '../../src/host/summary-timeline.ts';
import type { AppReport, ReapReport } from '../../src/reaper/contract.ts';
import { createEmptyReport } from '../../src/reaper/report.ts';
import { createManualClock } from '../support/manual-clock.ts';

const app = (name: string, more: Partial<AppReport> = {}): AppReport => ({
  id: name,
  name,
  ageMs: 86_400_000,
  verdict: 'eligible',
  reason: 'older than 7 d',
  outcome: 'deleted',
  ...more,
});

const report = (apps: readonly AppReport[], more: Partial<ReapReport> = {}): ReapReport => ({
  ...createEmptyReport({ outcome: 'reaped', reason: null, exitCode: 0 }),
  apps,
  ...more,
});

const tableRows = (markdown: string) => markdown.split('\n').filter((line) => line.startsWith('| ')).length;

describe('pieces', () => {
  test('a table has a rule and aligns numbers to the right', () => {
    expect(renderMarkdownTable(['a', 'b'], [['x', '1']], [1])).toBe('| a | b |\n| --- | ---: |\n| x | 1 |');
  });

  test('Markdown inside of folded parts stands between empty lines', () => {
    expect(renderDetails('t', '| a |')).toBe('<details><summary>t</summary>\n\n| a |\n\n</details>');
  });

  test('a summary that is too long is cut after a line, never inside of a code block, and says so', () => {
    const long = `${'```\n'}${'x'.repeat(80)}\n`.repeat(20_001);
    const cut = fitSummary(long);
    expect(Buffer.byteLength(cut)).toBeLessThan(1024 * 1024);
    expect((cut.match(/^```/gm) ?? []).length % 2).toBe(0);
    expect(cut).toMatch(/This summary was cut/);
    expect(fitSummary('short\n')).toBe('short\n');
  });
});

describe('the timeline', () => {
  const bar = (name: string) => ({ word: 'deleted', name, startMs: 1, endMs: 2, kind: 'done' as const });

  test('every name leaves each line with one colon and nothing that Mermaid knows', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const lines = renderTimeline([{ title: 'Delete', bars: [bar(name)] }]).split('\n');
        expect(lines).toHaveLength(8);
        expect(lines[6]).toMatch(/^ {2}deleted [\p{L}\p{N} ._/,…·-]* :done, [\d:.]+, [\d:.]+$/u);
      }),
    );
  });

  test('nothing to draw is nothing', () => {
    expect(renderTimeline([{ title: 'Delete', bars: [] }])).toBe('');
  });

  test('a bar too short to see is drawn as a hair; times are written in full', () => {
    const text = renderTimeline([
      { title: 'a', bars: [{ ...bar('short'), startMs: 3_661_001, endMs: 3_661_001 }] },
    ]);
    expect(text).toContain('01:01:01.001, 01:01:19.306');
    expect(text).toContain('axisFormat %H:%M');
  });

  test('long names are cut', () => {
    expect(cleanLabel('x'.repeat(100))).toHaveLength(44);
  });
});

describe('a sweep', () => {
  const times = (apps: ReapTimes['apps']): ReapTimes => ({
    waitedFromMs: 0,
    acquiredMs: 5,
    listedFromMs: 5,
    plannedMs: 9,
    apps,
    endMs: 100,
  });
  const timed = (id: string, index: number) => ({
    id,
    startMs: 10 + index,
    endMs: 20 + index,
  });

  test('shows few apps at once, and of many those that went wrong, the rest folded', () => {
    const few = renderReapSummary(report([app('a'), app('b', { outcome: 'failed' })]), null);
    expect(few).not.toContain('<details>');
    expect(few).toContain('| **failed** |');
    const many = Array.from({ length: 40 }, (_, index) => app(`app-${index}`));
    const text = renderReapSummary(report([...many, app('broken', { outcome: 'forbidden' })]), null);
    expect(text).toContain('<details><summary>All 41 stale apps</summary>');
    expect(text.indexOf('| broken |')).toBeLessThan(text.indexOf('<details>'));
  });

  test('folds away those that stay', () => {
    const kept = app('keep', { verdict: 'protected', outcome: null, reason: 'protected by k*' });
    const text = renderReapSummary(report([app('a'), kept]), null);
    expect(text).toContain('<details><summary>1 that stay</summary>');
    expect(text).toContain('| keep | 1&nbsp;d | protected by k&#42; | protected |');
  });

  test('draws the first deletions and every one that went wrong; the rest is one bar', () => {
    const apps = [
      ...Array.from({ length: 60 }, (_, index) => app(`app-${index}`)),
      app('broken', { outcome: 'failed' }),
    ];
    const seen = times(apps.map(({ id }, index) => timed(id, index)));
    const text = renderReapSummary(report(apps), seen);
    expect(text.match(/^ {2}deleted /gm)).toHaveLength(25);
    expect(text).toContain('failed broken :crit,');
    expect(text).toContain('and 35 more :done,');
    expect(text).toMatch(/section Lease\n {2}waiting .*\n {2}held, /);
  });

  test('no name is markup, and one line stays one line', () => {
    const text = renderReapSummary(
      report([app('| <b> `x` [l](u) @octocat\n# title')], { holder: '*them* <i>' }),
      null,
    );
    expect(tableRows(text)).toBe(3);
    expect(text).not.toMatch(/<b>|<i>|`x`|@octocat|\*them\*|^# /m);
  });

  test('of ten thousand apps with the longest names fits into what the runner takes', () => {
    const apps = Array.from({ length: 10_000 }, (_, index) =>
      app('|'.repeat(300), { reason: '&'.repeat(500), verdict: index % 2 ? 'eligible' : 'young' }),
    );
    const text = renderReapSummary(report(apps), times(apps.map((each, index) => timed(each.id, index))));
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024);
  });

  test('its times come from the events', () => {
    const clock = createManualClock();
    const seen = createReapTimes(clock);
    expect(seen.read()).toBeNull();
    const startMs = clock.monotonicMs();
    seen.onEvent({ kind: 'acquired', token: 3 });
    seen.onEvent({ kind: 'app', app: app('a'), done: 1, eligible: 2, sentAtMs: startMs });
    seen.onEvent({ kind: 'app', app: app('never sent', { outcome: 'deferred' }), done: 2, eligible: 2 });
    expect(seen.read()).toMatchObject({
      acquiredMs: 0,
      waitedFromMs: null,
      apps: [{ id: 'a', startMs: 0, endMs: 0 }],
    });
  });
});

describe('a check', () => {
  const checked: CheckReport = {
    format: 1,
    command: 'check',
    outcome: 'reached',
    name: 'api|<b>',
    status: 'passing',
    output: '',
    transitions: 2,
    exitCode: 0,
  };
  const event = (to: CheckReport['status'], atMs: number, more: Partial<CheckEvent> = {}): CheckEvent => ({
    name: 'api',
    from: null,
    to,
    upstream: 'check:db',
    output: 'all checks passing',
    atMs,
    ...more,
  });

  test('has each change in a table and from when to when each state stood in a timeline', () => {
    const events = [
      event('critical', 10, { output: '| no route <b>' }),
      event('passing', 2000, { from: 'critical' }),
    ];
    const text = renderCheckSummary(checked, events, 2500);
    expect(tableRows(text)).toBe(4);
    expect(text).toContain('section Status');
    expect(text).toMatch(/critical by check·db :crit, 00:00:00\.010, 00:00:02\.000/);
    expect(text).toMatch(/passing by check·db :done, 00:00:02\.000, 00:00:02\.500/);
    expect(text).not.toMatch(/<b>|api\|/);
  });

  test('that only was set or read has neither, and one that timed out says what to do', () => {
    expect(renderCheckSummary({ ...checked, outcome: 'set' }, [], 5)).not.toMatch(/mermaid|after/);
    expect(renderCheckSummary({ ...checked, outcome: 'timeout', exitCode: 7 }, [], 5)).toMatch(/wait longer/);
  });

  test('that changed ten thousand times fits into what the runner takes', () => {
    const events = Array.from({ length: 10_000 }, (_, at) =>
      event(at % 2 ? 'critical' : 'passing', at, { output: '&'.repeat(500), upstream: '|'.repeat(300) }),
    );
    const text = renderCheckSummary(checked, events, 10_000);
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024);
    expect(text).toContain('9800 earlier changes are in the log.');
  });
});

describe('a failure', () => {
  const failed = { format: 1 as const, command: 'reap', exitCode: 2 };

  test('of the configuration is a table of inputs and problems', () => {
    const error = new ConfigError([
      { option: 'limit', message: 'is | wrong' },
      { option: 'match', message: 'is required' },
    ]);
    expect(renderFailureSummary(failed, error)).toContain(
      '| limit | is &#124; wrong |\n| match | is required |',
    );
  });

  test('of another kind says what to do', () => {
    const error = new UnavailableError('no answer', { hint: 'try <later>' });
    expect(renderFailureSummary({ ...failed, exitCode: 6 }, error)).toMatch(
      /no answer\n\ntry &#60;later&#62;/,
    );
  });
});
