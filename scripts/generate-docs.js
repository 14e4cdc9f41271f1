// Writes what the option table says into the places that repeat it: the option tables of README.md and docs/*.md (between
// `<!-- options:NAME -->` and `<!-- /options -->`), the inputs of action.yml (between `# <options>` and `# </options>`) and
// the JSON Schema of the config file. `--check` writes nothing and exits 1 where something is stale.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import './register-ts.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { fillActionInputs, fillOptionBlocks } = await import('../src/config/documentation.ts');
const { renderConfigSchema } = await import('../src/config/json-schema.ts');

const docs = existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs')) : [];
const targets = [
  ...['README.md', ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)].map(
    (path) => ({
      path,
      fill: fillOptionBlocks,
    }),
  ),
  { path: 'action.yml', fill: fillActionInputs },
  { path: 'schema/lockstep.config.schema.json', fill: renderConfigSchema, isWhole: true },
];

const isCheck = process.argv.includes('--check');
for (const { path, fill, isWhole } of targets) {
  const file = join(root, path);
  if (!isWhole && !existsSync(file)) continue;
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const after = fill(before);
  if (after === before) continue;
  process.stdout.write(`${isCheck ? 'stale' : 'written'}: ${path}\n`);
  if (isCheck) process.exitCode = 1;
  else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, after);
  }
}
