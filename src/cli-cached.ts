/**
 * The command line's entry in dist: `cli.ts` out of V8's code cache. CommonJS, as dist is; the package's own files are small and
 * are run as they are.
 */
import { codeCachePath, loadCompiled } from './host/code-cache.ts';

const { env, platform, arch, argv, versions } = process;
const place = { env, platform, arch, nodeVersion: versions.node, word: argv[2] };

/** A chunk by the name that rollup.config.js gives it. */
function load(name: string): unknown {
  const file = require.resolve(`./chunks/${name}.js`);
  const path = codeCachePath(place, name);
  return path === null ? require(file) : loadCompiled(file, path);
}

const core = load('core') as typeof import('./host/terminal-host.ts');
// The sweep's part, where it is sure to be asked for.
if (place.word === 'reap') load('reap');
void core.runTerminal(process);
