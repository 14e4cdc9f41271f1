// Bundles src into dist: self-contained entries (no node_modules needed at run time), with every store, provider and probe as
// a lazy chunk behind the import() at its point of use. The build is reproducible: dist is committed and compared.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import nodeResolve from '@rollup/plugin-node-resolve';
import { minify } from 'terser';

const { transformSync } = createRequire(import.meta.url)('amaro');
const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));

const stripTypes = {
  name: 'strip-types',
  transform(source, id) {
    if (!id.endsWith('.ts')) return null;
    return { code: transformSync(source, { mode: 'strip-only' }).code, map: null };
  },
};

/** dist is CommonJS whatever package.json stands above it: node reads it without a detour over promises, and can keep its code. */
const packageType = {
  name: 'package-type',
  generateBundle() {
    this.emitFile({
      type: 'asset',
      fileName: 'package.json',
      source: `${JSON.stringify({ type: 'commonjs', version })}\n`,
    });
  },
};

/**
 * Comments and indentation out, names kept: half the text to read at each start, and a stack trace still says where.
 * Only ASCII stays in code, since one other character doubles what the engine holds of the whole file.
 */
const withoutComments = {
  name: 'without-comments',
  async renderChunk(code) {
    const format = { comments: false, beautify: true, indent_level: 1, ascii_only: true };
    const { code: slim } = await minify(code, { module: true, compress: false, mangle: false, format });
    return { code: slim, map: null };
  },
};

/**
 * `import * as stream from 'stream'` as a view of the module. Rollup's own copy stops at names that are inherited (stream has
 * some), and would ask every getter of `fs` and `crypto`, some of which warn that they are deprecated.
 */
const namespaceViews = {
  name: 'namespace-views',
  renderChunk(code) {
    const copy = /function _interopNamespaceDefault\(e\) \{\n[\s\S]*?\n\}\n/;
    if (!code.includes('_interopNamespaceDefault')) return null;
    if (!copy.test(code)) throw new Error('rollup writes its namespaces in another way; see namespaceViews');
    const view =
      'function _interopNamespaceDefault(e) {\n return Object.create(e, { default: { value: e } });\n}\n';
    return { code: code.replace(copy, view), map: null };
  },
};

/** Natives that clients load where they find them, for features that lockstep does not use: there is nothing to find in dist. */
const absentNatives = {
  name: 'absent-natives',
  resolveId: (id) =>
    ['@node-rs/xxhash', 'pg-native', '@opentelemetry/api'].includes(id) ? `\0absent:${id}` : null,
  load: (id) => (id.startsWith('\0absent:') ? 'export default null;' : null),
};

/** Packages whose modules do nothing when imported, so that unused ones can go (undici alone weighs 1 MB). */
const PURE_PACKAGES = /node_modules\/(@actions|@octokit|undici|tunnel|re2js|fastest-levenshtein)\//;

const entries = {
  cli: 'src/cli-cached.ts',
  // What every command runs, loaded by its file name out of the code cache.
  'chunks/core': 'src/host/terminal-host.ts',
  agent: 'src/agent.ts',
  action: 'src/action.ts',
  post: 'src/post.ts',
  // A thread of its own, started by file name from the chunk that needs it.
  'chunks/cache-worker': 'src/snapshot/cache-worker.ts',
};

/**
 * What every start needs is one file, and so is what a job needs that only learns a fresh result on this machine: each file costs
 * a millisecond to find and read, and these two are kept compiled (src/host/code-cache.ts). A package gets a chunk of its own
 * name, whatever its files are called.
 */
const CHUNKS = {
  core: [
    /src\/base\/(?!child-process|words)/,
    /src\/config\/(?!help|documentation|json-|unknown-name|check-|gate-|config-module)/,
    /src\/host\/(terminal-host|signals|secrets|terminal|version|output|this-process)\./,
    /src\/store\/(?!drivers|file-|engine|follow|connection|tls)/,
    /src\/lease\/(lazy-manager|register|record|timing|stamp)\./,
    /src\/github\/repository\./,
    /src\/app\/(wire|contract|holder)\./,
    /src\/provider\/command-words\./,
  ],
  reap: [
    /src\/host\/(terminal-reap|reap-view)\./,
    /src\/app\/reap-command\./,
    /src\/reaper\/(reap|run|report|pattern|plain-pattern|protect|repetition|counts|sweep-note|store-answer)\./,
    /src\/provider\/(account|open|directory|timestamp)\b/,
    /src\/store\/(drivers\/file|file-)/,
  ],
  // Getting a lease: for all who write, and for those who find a sweep under way.
  lease: [/src\/lease\//, /src\/reaper\/turn\./, /src\/host\/who\./],
};

function manualChunks(id) {
  for (const [name, places] of Object.entries(CHUNKS))
    if (places.some((place) => place.test(id))) return name;
  return /node_modules\/(?<name>re2js|fastest-levenshtein)\//.exec(id)?.groups.name;
}

export default {
  input: entries,
  // An entry's file may hold what others need of it, too.
  preserveEntrySignatures: 'allow-extension',
  output: {
    dir: 'dist',
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    manualChunks,
    generatedCode: 'es2015',
    hoistTransitiveImports: false,
    banner: (chunk) => (chunk.name === 'cli' ? '#!/usr/bin/env node' : ''),
    exports: 'named',
  },
  treeshake: { moduleSideEffects: (id) => !PURE_PACKAGES.test(id) },
  plugins: [
    stripTypes,
    absentNatives,
    nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }),
    commonjs({ ignoreTryCatch: true }),
    json(),
    namespaceViews,
    withoutComments,
    packageType,
  ],
  onwarn(warning, report) {
    const foreign = (warning.id ?? warning.ids?.[0] ?? '').includes('node_modules');
    if (foreign && ['CIRCULAR_DEPENDENCY', 'THIS_IS_UNDEFINED'].includes(warning.code)) return;
    if (warning.code === 'UNRESOLVED_IMPORT' || !foreign) throw new Error(warning.message);
    report(warning);
  },
};
