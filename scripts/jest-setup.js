// This repository's own use of the hook: before the tests, folders that killed test processes left behind are removed, by one
// of the runs that start at once. Loads lib as its users do, by the package's name.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Where __tests__/support/folder.ts makes its folders; one per user, since users cannot remove each other's. */
const folder = join(tmpdir(), `lockstep-tests-${process.getuid?.() ?? 'user'}`);

export default async (globalConfig, projectConfig) => {
  // `npm test` has built it; a bare call of jest in a fresh clone has not.
  if (!existsSync(join(root, 'lib/hooks/jest.js'))) {
    execFileSync(process.execPath, [join(root, 'scripts/build-lib.js'), '--quick'], { stdio: 'inherit' });
  }
  mkdirSync(folder, { recursive: true });
  const { createGlobalSetup } = await import('lockstep/jest');
  const setUp = createGlobalSetup({
    store: `file:${join(folder, '.state')}`,
    logLevel: 'warn',
    reap: {
      provider: 'directory',
      root: folder,
      match: 'world-.+',
      olderThan: '2h',
      maxDeletes: 1000,
      apply: true,
    },
  });
  await setUp(globalConfig, projectConfig);
};
