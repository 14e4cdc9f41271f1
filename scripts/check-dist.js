// Rebuilds dist into a temporary folder and compares it with the committed one, byte for byte.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const fresh = mkdtempSync(join(tmpdir(), 'lockstep-dist-'));

function read(folder) {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .map((path) => [relative(folder, path), readFileSync(path, 'utf8')]),
  );
}

try {
  execFileSync(process.execPath, ['node_modules/rollup/dist/bin/rollup', '-c', '--silent', '--dir', fresh], {
    stdio: 'inherit',
  });
  const [built, committed] = [read(fresh), read('dist')];
  const different = [...new Set([...built.keys(), ...committed.keys()])].filter(
    (name) => built.get(name) !== committed.get(name),
  );
  if (different.length > 0) {
    process.stderr.write(
      `dist is not what the sources build; run npm run build:\n  ${different.join('\n  ')}\n`,
    );
    process.exitCode = 1;
  } else {
    process.stdout.write(`dist equals a rebuild (${built.size} files)\n`);
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
