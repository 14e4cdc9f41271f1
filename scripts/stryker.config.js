// Mutation testing of the pure decisions: `npm run mutation`. Not part of CI, since it takes minutes; docs/mutation.md has the
// figures of the last run and the reason of every mutant that survived. Stryker comes by npx and is no dependency.
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default {
  mutate: [
    'src/lease/{decide,observation,timing,transition,record,stamp}.ts',
    'src/store/{key,file-layout,file-revisions,ref-prefix}.ts',
    'src/store/drivers/github-decisions.ts',
    'src/gate/versions.ts',
  ],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules'],
  jest: {
    projectType: 'custom',
    config: {
      // The hook sweeps the folders that tests of processes leave behind; these leave none, and each mutant would call it.
      globalSetup: null,
      globalTeardown: null,
      testMatch: [
        '<rootDir>/__tests__/lease/{decide,observation,timing,transition,record,stamp}.test.ts',
        '<rootDir>/__tests__/store/{key,file-revisions,github-decisions}.test.ts',
        '<rootDir>/__tests__/gate/versions.test.ts',
      ],
    },
  },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 30_000,
  // What Stryker copies; its copy lies outside, where no other run of the tests meets it.
  ignorePatterns: ['**', '!src/**', '!__tests__/**', '!scripts/**', '!package.json'],
  tempDirName: join(tmpdir(), 'lockstep-mutation'),
  tsconfigFile: 'absent.json',
  reporters: ['clear-text', 'json'],
  jsonReporter: { fileName: join(tmpdir(), 'lockstep-mutation.json') },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
};
