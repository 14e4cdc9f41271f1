// Builds lib/, what the npm package carries: plain JavaScript of the entries and all they reach, and types beside it.
// `--quick` neither checks nor declares types nor cleans up: enough for this repository's own tests, which load the hook.
// `--out FOLDER` builds somewhere else; `--unchecked` leaves the checking to `npm run types`.
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, out: { type: 'string' }, unchecked: { type: 'boolean' } },
});
const lib = resolve(values.out ?? join(root, 'lib'));
const isQuick = values.quick === true;

if (!isQuick) rmSync(lib, { recursive: true, force: true });
const quick = [
  ...(isQuick || values.unchecked ? ['--noCheck'] : []),
  ...(isQuick ? ['--declaration', 'false'] : []),
];
execFileSync(
  process.execPath,
  ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.lib.json', '--outDir', lib, ...quick],
  {
    cwd: root,
    stdio: 'inherit',
  },
);

// The compiler rewrites specifiers in JavaScript only; not every reader of declarations takes `./x.ts` for `./x.d.ts`.
for (const entry of readdirSync(lib, { recursive: true, withFileTypes: true })) {
  if (!entry.name.endsWith('.d.ts')) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const text = readFileSync(path, 'utf8');
  const rewritten = text.replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2');
  if (rewritten !== text) writeFileSync(path, rewritten);
}

const cli = join(lib, 'cli.js');
const source = readFileSync(cli, 'utf8');
if (!source.startsWith('#!')) writeFileSync(cli, `#!/usr/bin/env node\n${source}`);
chmodSync(cli, 0o755);
