// What publint and "are the types wrong" say of the packed package. Both come from the registry, so this is not part of
// `npm test`; run it when package.json's exports or the build of lib change.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(join(tmpdir(), 'lockstep-package-'));
const run = (command, args, cwd) => {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
};

try {
  // A copy: packing builds, and other work may be using this repository's own lib.
  const { scripts: _scripts, ...manifest } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
  for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs', 'schema']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  run(process.execPath, [join(root, 'scripts/build-lib.js'), '--out', join(folder, 'lib')], root);
  run('npm', ['pack', '--silent'], folder);
  const tarball = join(folder, `${manifest.name}-${manifest.version}.tgz`);
  run('npx', ['-y', 'publint@0.3', tarball, '--strict'], folder);
  run('npx', ['-y', '@arethetypeswrong/cli@0.18', tarball, '--profile', 'esm-only'], folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
