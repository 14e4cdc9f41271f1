// The npm package: what is in the tarball, what it needs, and its types and documents as a user's compiler sees them.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Packed, type Project, packPackage } from '../support/packed.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
  version: string;
};
const targets = Object.values(manifest.exports).flatMap((target) =>
  typeof target === 'string' ? [target] : [target.types, target.default],
);

let packed: Packed;
let project: Project;
beforeAll(() => {
  packed = packPackage({ withTypes: true });
  project = packed.createProject('consumer', { type: 'module' });
}, 60_000);
afterAll(() => packed.dispose());

describe('the tarball', () => {
  test('has every file that the exports name, and the command line', () => {
    expect(packed.files).toEqual(
      expect.arrayContaining([
        ...targets.map((target) => target.slice(2)),
        'lib/cli.js',
        'README.md',
        'LICENSE',
      ]),
    );
  });

  test('has no sources, no tests and no bundle', () => {
    expect(
      packed.files.filter((path) => /^(src|dist|__tests__|bench|scripts)\/|(?<!\.d)\.ts$/.test(path)),
    ).toEqual([]);
  });

  test('imports only what it depends on, and engine clients only as optional peers', () => {
    const lib = join(project.folder, 'node_modules/lockstep/lib');
    const imported = readdirSync(lib, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.js'))
      .flatMap((path) => [
        ...readFileSync(join(lib, path), 'utf8').matchAll(
          /(?:^import [^'"]*from |\bimport\()['"]([^.'"][^'"]*)['"]/gm,
        ),
      ])
      .map((match) => match[1] as string)
      .filter((name) => !name.startsWith('node:'));
    const known = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
    expect([...new Set(imported)].filter((name) => !known.includes(name))).toEqual([]);
    for (const name of Object.keys(manifest.peerDependencies)) {
      expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
    }
  });
});

describe('the installed package', () => {
  test('runs as a command', async () => {
    const cli = 'node_modules/lockstep/lib/cli.js';
    expect(await project.run([cli, '--version'])).toMatchObject({
      exitCode: 0,
      output: `${manifest.version}\n`,
    });
    expect(readFileSync(join(project.folder, cli), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test('is imported by ESM and required by CommonJS, by every name it exports', async () => {
    const names = Object.keys(manifest.exports)
      .filter((name) => name !== './package.json')
      .map((name) => `lockstep${name.slice(1)}`);
    project.write({
      'all.mjs': `for (const name of ${JSON.stringify(names)}) if (Object.keys(await import(name)).length === 0) throw new Error(name);`,
      // The hook's graph has no top-level await: a runner that requires may load it, where node can require ESM at all.
      'all.cjs': `if (process.features.require_module) for (const name of ${JSON.stringify(names)}) if (Object.keys(require(name)).length === 0) throw new Error(name);`,
    });
    expect(await project.run(['all.mjs'])).toMatchObject({ exitCode: 0 });
    expect(await project.run(['all.cjs'])).toMatchObject({ exitCode: 0 });
  });

  test('does as a library what the command does', async () => {
    project.addApps('app-1', 'keep');
    project.write({
      'use.mjs': `import { createLease, openStore, reap } from 'lockstep';
        const report = await reap({ provider: 'directory', root: 'apps', match: 'app-.*', olderThan: '1h', apply: true });
        const store = await openStore('file:state');
        const lease = await createLease({ store, name: 'deploy', holder: 'me' });
        const second = await createLease({ store, name: 'deploy', timeoutMs: 50 }).catch((error) => error.code);
        await lease.release();
        await store.close();
        const wrong = await reap({ olderThan: '7' }).catch((error) => error);
        console.log(JSON.stringify([report.outcome, report.counts.deleted, lease.token, second, wrong.code, wrong.problems.map((p) => p.option)]));`,
    });
    const { output } = await project.run(['use.mjs']);
    expect(JSON.parse(output)).toEqual([
      'reaped',
      1,
      1,
      'deadline',
      'config',
      ['provider', 'match', 'olderThan'],
    ]);
    expect(project.apps()).toEqual(['keep']);
  });
});

describe('the documents', () => {
  test('their TypeScript compiles against the package’s own types, as strictly as can be', () => {
    const docs = ['library.md', 'providers.md', 'test-runners.md'];
    const files: Record<string, string | object> = {
      'tsconfig.json': {
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          noEmit: true,
          target: 'es2023',
          lib: ['es2023', 'esnext.disposable'],
          module: 'nodenext',
          types: ['node'],
          skipLibCheck: false,
        },
        include: ['docs'],
      },
    };
    let blocks = 0;
    for (const name of docs) {
      const text = readFileSync(join(root, 'docs', name), 'utf8');
      for (const [, code] of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
        blocks += 1;
        files[`docs/${name.replace('.md', '')}-${blocks}.ts`] = `${code}\nexport {};\n`;
      }
    }
    expect(blocks).toBeGreaterThan(5);
    project.write(files);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const compile = () =>
      execFileSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: project.folder, encoding: 'utf8' });
    try {
      compile();
    } catch (error) {
      throw new Error((error as { stdout: string }).stdout, { cause: error });
    }
  });
});
