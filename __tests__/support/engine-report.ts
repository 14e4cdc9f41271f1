// Told once before the tests: which engines this machine lacks, and how to get them. With CI=true their tests fail instead.
import { ENGINES } from './engine-list.ts';

for (const { name, isInstalled, howToGet } of ENGINES) {
  if (!isInstalled)
    process.stdout.write(`${name} is missing: its tests are skipped (to run them: ${howToGet})\n`);
}
