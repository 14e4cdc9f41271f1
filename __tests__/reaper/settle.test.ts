import { describe, expect, test } from '@jest/globals';
import type { DestroyAnswer, GetAnswer } from '../../src/provider/contract.ts';
import {
  decideAfterDestroy,
  decideAfterRead,
  describeChange,
  type History,
} from '../../src/reaper/settle.ts';
import { createApp } from '../support/reaper-harness.ts';
import { failure, meta } from '../support/scripted-provider.ts';

const app = createApp('1');
const first: History = { attempts: 1, throttles: 0, isDoubtful: false, wasBusy: false };
const deleted: DestroyAnswer = { kind: 'deleted', meta: meta() };
const changed: DestroyAnswer = { kind: 'changed', meta: meta(409), detail: 'another uid' };
const found = (overrides = {}): GetAnswer => ({ kind: 'found', meta: meta(), app: { ...app, ...overrides } });

describe('an answer to a deletion', () => {
  test.each<[string, DestroyAnswer, Partial<History>, object]>([
    ['deleted', deleted, {}, { step: 'done', outcome: 'deleted', isConflict: false }],
    ['gone', failure.gone(), {}, { step: 'done', outcome: 'gone', isConflict: true }],
    [
      'gone after a doubtful attempt of ours',
      failure.gone(),
      { isDoubtful: true },
      { outcome: 'deleted', isConflict: false },
    ],
    ['changed', changed, {}, { step: 'done', outcome: 'changed' }],
    ['accepted', failure.accepted(), {}, { step: 'poll' }],
    ['busy', failure.busy(), {}, { step: 'later' }],
    ['busy again', failure.busy(), { wasBusy: true }, { step: 'done', outcome: 'busy' }],
    ['busy at the last attempt', failure.busy(), { attempts: 3 }, { step: 'done', outcome: 'busy' }],
    ['forbidden', failure.forbidden(), {}, { step: 'read', cause: 'forbidden' }],
    ['unauthorized', failure.unauthorized(), {}, { step: 'done', outcome: 'failed' }],
    ['throttled', failure.throttled(), { throttles: 5 }, { step: 'again', isPaced: true }],
    ['throttled too often', failure.throttled(), { throttles: 6 }, { step: 'done', outcome: 'deferred' }],
    ['ambiguous', failure.ambiguous(), {}, { step: 'read', cause: 'ambiguous' }],
    ['invalid', failure.invalid(), {}, { step: 'done', outcome: 'failed' }],
  ])('that says %s', (_, answer, history, expected) => {
    expect(decideAfterDestroy(answer, { ...first, ...history })).toMatchObject(expected);
  });
});

describe('the read that settles', () => {
  test.each<[string, 'ambiguous' | 'forbidden', GetAnswer, Partial<History>, object]>([
    [
      'ambiguous, absent',
      'ambiguous',
      failure.gone(),
      { isDoubtful: true },
      { outcome: 'deleted', isConflict: false },
    ],
    ['ambiguous, present', 'ambiguous', found(), {}, { step: 'again', isPaced: false }],
    ['ambiguous, present at the last attempt', 'ambiguous', found(), { attempts: 3 }, { outcome: 'failed' }],
    [
      'ambiguous, being deleted',
      'ambiguous',
      found({ state: 'deleting' }),
      { attempts: 3 },
      { step: 'poll' },
    ],
    ['ambiguous, no longer the same', 'ambiguous', found({ version: 'v2' }), {}, { outcome: 'changed' }],
    ['ambiguous, unreadable', 'ambiguous', failure.ambiguous(), {}, { step: 'again' }],
    [
      'ambiguous, unreadable at the last attempt',
      'ambiguous',
      failure.ambiguous(),
      { attempts: 3 },
      { outcome: 'failed' },
    ],
    ['ambiguous, unauthorized', 'ambiguous', failure.unauthorized(), {}, { outcome: 'failed' }],
    ['forbidden, absent', 'forbidden', failure.gone(), {}, { outcome: 'gone', isConflict: true }],
    ['forbidden, present', 'forbidden', found(), {}, { outcome: 'forbidden' }],
    ['forbidden, unreadable', 'forbidden', failure.ambiguous(), {}, { outcome: 'forbidden' }],
  ])('after %s', (_, cause, answer, history, expected) => {
    expect(decideAfterRead(answer, { cause, detail: 'x', app }, { ...first, ...history })).toMatchObject(
      expected,
    );
  });
});

test('nothing differs between two readings of an untouched app', () => {
  expect(describeChange(app, { ...app })).toBeNull();
  expect(describeChange(app, { ...app, state: 'delete-failed' })).toBeNull();
});
