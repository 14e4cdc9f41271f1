// Loads a CommonJS file through the code cache and prints what its `tell` says; the third word ends the process with 1.
import { loadCompiled } from '../../src/host/code-cache.ts';

const [file = '', notes = '', how] = process.argv.slice(2);
const { tell } = loadCompiled(file, notes) as { tell(): string };
process.stdout.write(tell());
if (how === 'badly') process.exitCode = 1;
