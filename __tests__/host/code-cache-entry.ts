// Loads CommonJS files through the code cache and prints what the first one's `tell` says. The third word is how the process
// ends: `badly` with 1, `unkept` as one whose code is not to be kept, `more` after a call of `more`, too.
import Module, { createRequire } from 'node:module';
import { loadCompiled } from '../../src/host/code-cache.ts';

const [files = '', notes = '', how = 'well'] = process.argv.slice(2);
const loader = {
  require: createRequire(import.meta.url),
  module: new Module(import.meta.url),
  ending: () => (how === 'unkept' ? null : how),
  later: { './later.js': `${notes}.later` },
};
const { tell, more } = loadCompiled(files.split(','), notes, loader) as { tell(): string; more(): string };
process.stdout.write(tell());
if (how === 'more') process.stdout.write(more());
if (how === 'badly') process.exitCode = 1;
