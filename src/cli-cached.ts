/**
 * The command line's entry in dist: `cli.ts` out of V8's code cache. CommonJS, as dist is; the package's own files are small and
 * are run as they are.
 */
import { join } from 'node:path';
import type { CommandResult } from './app/contract.ts';
import { codeCachePath, loadCompiled } from './host/code-cache.ts';
import type { ReapReport } from './reaper/contract.ts';

const { env, platform, arch, argv, versions } = process;
const word = argv[2];
const place = { env, platform, arch, nodeVersion: versions.node, word };
const path = codeCachePath(place, 'core');
const leasePath = codeCachePath(place, 'lease');
const later = leasePath === null ? {} : { './lease.js': leasePath };
const fileOf = (name: string) => join(__dirname, 'chunks', `${name}.js`);
// The sweep's part, too, where it is sure to be asked for.
const files = (word === 'reap' ? ['core', 'reap'] : ['core']).map(fileOf);
let result: CommandResult | null = null;
/** A sweep's code is not kept: each of the many that only learn its result would have to read it. */
const ending = () => {
  if (result === null) return null;
  const { outcome, reason } = result as Partial<ReapReport>;
  return word !== 'reap' ? 'done' : outcome === 'skipped' ? (reason ?? null) : null;
};
const core = (
  path === null ? require(fileOf('core')) : loadCompiled(files, path, { require, module, ending, later })
) as typeof import('./host/terminal-host.ts');
void core.runTerminal(process).then((reported) => {
  result = reported;
});
