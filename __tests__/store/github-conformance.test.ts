// The conformance suite over the GitHub driver: over real git, over the model in memory, and in each hostile but legal way
// that GitHub's API has been seen to behave.
import { describe, test } from '@jest/globals';
import { describeStore, runStoreCase, STORE_CASES, type StoreSubject } from '../conformance/store-suite.ts';
import { type Fault, firstMoveOfEach } from '../support/github-faults.ts';
import { createGitHubSubject } from '../support/github-worlds.ts';

describeStore(createGitHubSubject({ name: 'GitHub (real git)', backend: 'git' }));
describeStore(createGitHubSubject({ name: 'GitHub (model)', backend: 'memory' }));

const HOSTILE: readonly (readonly [string, Fault])[] = [
  ['answers lost after applying', { kind: 'drop-after' }],
  ['connections cut before applying', { kind: 'drop-before' }],
  ['5xx after applying', { kind: 'error', status: 502, applied: true }],
  ['5xx before applying', { kind: 'error', status: 503, applied: false }],
  ['an unexplained 422', { kind: 'refuse', status: 422, message: 'Reference update failed', applied: false }],
  [
    'an unexplained 422 after applying',
    { kind: 'refuse', status: 422, message: 'Reference update failed', applied: true },
  ],
  ['409', { kind: 'refuse', status: 409, message: 'is at a1 but expected b2', applied: false }],
  ['truncated answers', { kind: 'truncate' }],
];

// The cases in which a write is judged; the rest is the same code whatever a move's answer was.
const JUDGING = new Set(['S1', 'S2', 'S3', 'S4', 'S5', 'S8', 'S14']);

function describeHostile(subject: StoreSubject): void {
  describe(`the ${subject.name} store`, () => {
    for (const storeCase of STORE_CASES.filter(({ rule }) => JUDGING.has(rule))) {
      test(`${storeCase.rule} ${storeCase.title}`, () => runStoreCase(subject, storeCase));
    }
  });
}

for (const [name, fault] of HOSTILE) {
  const plan = () => firstMoveOfEach(fault);
  describeHostile(createGitHubSubject({ name: `GitHub (${name})`, backend: 'memory', plan }));
}

for (const applied of [true, false]) {
  const fault: Fault = { kind: 'error', status: 502, applied };
  const plan = () => firstMoveOfEach(fault, { thenStale: true });
  const name = `GitHub (5xx ${applied ? 'after' : 'before'} applying, then a stale read)`;
  describeHostile(createGitHubSubject({ name, backend: 'memory', plan }));
}
