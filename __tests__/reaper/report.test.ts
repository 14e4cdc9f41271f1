import { describe, expect, test } from '@jest/globals';
import {
  AuthError,
  CancelledError,
  CorruptRecordError,
  DeadlineError,
  LeaseLostError,
  UnavailableError,
} from '../../src/base/errors.ts';
import { NO_COUNTS } from '../../src/reaper/counts.ts';
import type { HaltKind } from '../../src/reaper/halt.ts';
import {
  concludePass,
  createFailedReport,
  createSkippedReport,
  type PassFacts,
} from '../../src/reaper/report.ts';

const done: PassFacts = {
  isApplied: true,
  counts: NO_COUNTS,
  halts: new Map(),
  isListComplete: true,
  failure: null,
  isUnanswered: false,
  shortfall: 0,
  isCapped: false,
};
const halted = (...kinds: HaltKind[]) =>
  new Map(
    kinds.map((kind) => [
      kind,
      kind === 'interrupted' ? new CancelledError('x', { signalName: 'SIGTERM' }) : null,
    ]),
  );
const left = { ...NO_COUNTS, deferred: 1 };

describe('what a pass came to', () => {
  test.each<[string, Partial<PassFacts>, string, string | null, number]>([
    ['nothing was stale', {}, 'clean', null, 0],
    ['everything went', { counts: { ...NO_COUNTS, eligible: 2, deleted: 2 } }, 'reaped', null, 0],
    ['it was a plan', { isApplied: false, counts: { ...NO_COUNTS, eligible: 2 } }, 'planned', null, 0],
    ['something was deferred', { counts: left }, 'incomplete', 'deferred', 3],
    ['the cap deferred something', { counts: left, isCapped: true }, 'incomplete', 'max-deletes', 3],
    ['something is in use', { counts: { ...NO_COUNTS, busy: 1 } }, 'incomplete', 'in-use', 3],
    ['something failed', { counts: { ...NO_COUNTS, failed: 1 } }, 'incomplete', 'failed', 3],
    ['the limit is not met', { shortfall: 1 }, 'incomplete', 'full', 3],
    ['the list is partial', { isListComplete: false }, 'incomplete', 'partial-list', 3],
    ['others delete, too', { halts: halted('conflict'), counts: left }, 'incomplete', 'conflict', 3],
    ['the last app was a conflict', { halts: halted('conflict') }, 'clean', null, 0],
    ['the budget passed', { halts: halted('deadline'), counts: left }, 'incomplete', 'deadline', 3],
    ['the budget passed after the last app', { halts: halted('deadline') }, 'clean', null, 0],
    ['the wait was too long', { halts: halted('throttled'), counts: left }, 'incomplete', 'throttled', 3],
    [
      'nobody answered',
      { isUnanswered: true, isListComplete: false, failure: 'ambiguous' },
      'failed',
      'unavailable',
      6,
    ],
    [
      'one is forbidden',
      { counts: { ...NO_COUNTS, forbidden: 1, deferred: 1 } },
      'incomplete',
      'forbidden',
      5,
    ],
    ['the list is forbidden', { isListComplete: false, failure: 'forbidden' }, 'failed', 'forbidden', 5],
    [
      'the credential is refused',
      { halts: halted('unauthorized'), counts: left },
      'failed',
      'unauthorized',
      5,
    ],
    [
      'the lease was lost',
      { halts: halted('lease-lost', 'unauthorized'), counts: left },
      'incomplete',
      'lease-lost',
      8,
    ],
    ['the lease was lost after the last app', { halts: halted('lease-lost') }, 'clean', null, 0],
    [
      'it was interrupted, whatever else',
      { halts: halted('deadline', 'lease-lost', 'interrupted'), counts: left },
      'incomplete',
      'interrupted',
      143,
    ],
  ])('where %s', (_, facts, outcome, reason, exitCode) => {
    expect(concludePass({ ...done, ...facts })).toEqual({ outcome, reason, exitCode });
  });
});

describe('a run that swept nothing', () => {
  test('for a reason is skipped: the whole shape, all zero, exit 0', () => {
    expect(createSkippedReport('not-elected')).toEqual({
      format: 1,
      command: 'reap',
      outcome: 'skipped',
      reason: 'not-elected',
      counts: NO_COUNTS,
      requests: { list: 0, get: 0, delete: 0, other: 0, throttled: 0, store: 0 },
      fencingToken: null,
      holder: null,
      waitedMs: 0,
      durationMs: 0,
      apps: [],
      exitCode: 0,
    });
  });

  test.each([
    [new DeadlineError('the lease'), 'failed', 'busy', 4],
    [new UnavailableError('x'), 'failed', 'unavailable', 6],
    [new AuthError('x'), 'failed', 'auth', 5],
    [new CorruptRecordError('x'), 'failed', 'corrupt-record', 9],
    [new LeaseLostError('x'), 'incomplete', 'lease-lost', 8],
    [new CancelledError('x', { signalName: 'SIGINT' }), 'incomplete', 'interrupted', 130],
    [new CancelledError('x', { signalName: 'SIGTERM' }), 'incomplete', 'interrupted', 143],
    [new Error('x'), 'failed', 'invariant', 1],
  ])('because of %p', (error, outcome, reason, exitCode) => {
    expect(createFailedReport(error)).toMatchObject({ outcome, reason, exitCode });
  });
});
