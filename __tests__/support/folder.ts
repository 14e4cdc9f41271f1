// Temporary folders of tests, all below one that the set-up of this repository's test runs cleans up (scripts/jest-setup.js):
// what a killed test leaves behind goes with a later run.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new empty folder. Whoever makes it removes it. */
export function makeTestFolder(): string {
  const parent = join(tmpdir(), `lockstep-tests-${process.getuid?.() ?? 'user'}`);
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'world-'));
}
