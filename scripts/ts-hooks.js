// Module hooks that let plain node (20.6 or later) run the TypeScript sources: `node --import ./scripts/register-ts.js file.ts`.
// Used by tests and benches that start real processes from the sources.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const { transformSync } = createRequire(import.meta.url)('amaro');

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const source = await readFile(new URL(url), 'utf8');
  return { format: 'module', shortCircuit: true, source: transformSync(source, { mode: 'strip-only' }).code };
}
