// Model-based: random sequences of calls through two handles against a plain Map, and the answers must agree throughout.
import { describe, test } from '@jest/globals';
import { createGitHubSubject } from '../support/github-worlds.ts';
import { checkAgainstMap } from '../support/store-model.ts';
import { fileSubject, memorySubject } from '../support/store-worlds.ts';

describe.each([
  { name: 'the memory store', subject: memorySubject, numRuns: 200 },
  { name: 'the file store', subject: fileSubject, numRuns: 25 },
  {
    name: 'the GitHub store over a model of GitHub',
    subject: createGitHubSubject({ name: 'GitHub (model)', backend: 'memory' }),
    numRuns: 25,
  },
  // Each reference and commit is a process of git.
  {
    name: 'the GitHub store over real git',
    subject: createGitHubSubject({ name: 'GitHub (real git)', backend: 'git' }),
    numRuns: 3,
  },
])('$name', ({ subject, numRuns }) => {
  test('agrees with a Map whatever is asked of it', () => checkAgainstMap(subject, numRuns));
});
