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

describe('the hooks of the other runners', () => {
  const options = { provider: 'directory', root: 'apps', match: 'app-.*', olderThan: '1h', apply: true };
  const makeProject = (name: string) => {
    const other = packed.createProject(name, { type: 'module' });
    other.write({ 'lockstep.config.json': { reap: options } });
    other.addApps('app-1', 'keep');
    return other;
  };

  test.each<[string, string]>([
    [
      'vitest',
      `const provided = {};
      const tearDown = await hook.default({ config: { root: process.cwd() }, provide: (key, value) => { provided[key] = value; } });
      say(provided.lockstep.reap.counts.deleted);
      await tearDown();`,
    ],
    [
      'playwright',
      `const tearDown = await hook.default({ configFile: process.cwd() + '/playwright.config.mjs', rootDir: '/nowhere' });
      say(1);
      await tearDown();`,
    ],
    ['mocha', 'await hook.mochaGlobalSetup(); say(1); await hook.mochaGlobalTeardown();'],
    ['node-test', 'await hook.globalSetup(); say(1); await hook.globalTeardown();'],
  ])('%s: called as the runner does, it cleans up and leaves no variable', async (name, calls) => {
    const other = makeProject(name);
    other.write({
      'drive.mjs': `import * as hook from 'lockstep/${name}';
        const say = (n) => console.log('DURING', n, JSON.parse(process.env.LOCKSTEP_RESULT_REAP).outcome);
        ${calls}
        console.log('AFTER', process.env.LOCKSTEP_RESULT_REAP);`,
    });
    const { exitCode, output } = await other.run(['drive.mjs']);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(output).toContain('DURING 1 reaped\nAFTER undefined');
    expect(other.apps()).toEqual(['keep']);
  });

  // Node 20, the lowest that lockstep runs in, has no such flag; `npm run test:runners` tries it in node 24 from there.
  if (Number(process.versions.node.split('.')[0]) >= 24) {
    test('node:test takes it as its global set-up', async () => {
      const other = makeProject('node-test-real');
      other.write({
        'setup.mjs': "export * from 'lockstep/node-test';",
        'a.test.mjs': `import { test } from 'node:test';
          test('sees it', () => { if (JSON.parse(process.env.LOCKSTEP_RESULT_REAP).outcome !== 'reaped') throw new Error(); });`,
      });
      const args = ['--test', '--test-global-setup=./setup.mjs', 'a.test.mjs'];
      expect(await other.run(args)).toMatchObject({ exitCode: 0 });
      expect(other.apps()).toEqual(['keep']);
    });
  }
});

describe('providers of one’s own, in the command line', () => {
  const createdAt = '2024-01-01T00:00:00Z';
  const list = `for (const name of fs.readdirSync('apps')) console.log(JSON.stringify({ id: name, name, createdAt: '${createdAt}' }))`;

  test('three commands', async () => {
    const own = packed.createProject('commands');
    own.addApps('app-1', 'app-2', 'keep');
    const node = `'${process.execPath}' -e`;
    const { exitCode, output } = await own.run([
      'node_modules/lockstep/lib/cli.js',
      ...['reap', '--provider', 'command', '--match', 'app-.*', '--older-than', '1h', '--apply', '--json'],
      ...['--list-command', `${node} "${list}"`],
      ...['--get-command', `${node} "console.log('{\\"outcome\\":\\"gone\\"}')"`],
      ...['--destroy-command', `${node} "fs.rmSync('apps/' + process.argv[1], { recursive: true })" {id}`],
    ]);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(output.trim().split('\n').at(-1) ?? '')).toMatchObject({
      outcome: 'reaped',
      counts: { deleted: 2 },
    });
    expect(own.apps()).toEqual(['keep']);
  });

  test('a module', async () => {
    const own = packed.createProject('module');
    own.addApps('app-1', 'keep');
    own.write({
      'own.mjs': `import fs from 'node:fs';
        const meta = () => ({ status: null, serverNowMs: Date.now() });
        export const createProvider = () => ({
          name: 'own', accountId: 'a', capabilities: { atomicPrecondition: false, openRequests: 0, pageSize: 9 },
          open: () => ({ kind: 'open', meta: meta(), label: 'x' }),
          list: () => ({ kind: 'page', meta: meta(), next: null, apps: fs.readdirSync('apps').map((id) => ({ id, name: id, createdAtMs: Date.parse('${createdAt}') })) }),
          get: () => ({ kind: 'gone', meta: meta() }),
          destroy: (app) => { fs.rmSync('apps/' + app.id, { recursive: true }); return { kind: 'deleted', meta: meta() }; },
          close: () => {},
        });`,
    });
    const options = [
      '--provider',
      'module',
      '--provider-module',
      'own.mjs',
      '--match',
      'app-.*',
      '--older-than',
      '1h',
    ];
    const cli = 'node_modules/lockstep/lib/cli.js';
    expect(await own.run([cli, 'reap', ...options, '--apply'])).toMatchObject({ exitCode: 0 });
    expect(own.apps()).toEqual(['keep']);
  });

  test('a module that does not load, and words that do not parse, are configuration errors', async () => {
    const cli = 'node_modules/lockstep/lib/cli.js';
    const options = ['reap', '--match', 'app-.*', '--older-than', '1h'];
    const missing = await project.run([
      cli,
      ...options,
      '--provider',
      'module',
      '--provider-module',
      'no.mjs',
    ]);
    expect(missing).toMatchObject({ exitCode: 2, output: expect.stringContaining('could not be loaded') });
    const commands = ['--list-command', '"a', '--get-command', 'b {name}', '--destroy-command', 'c'];
    const wrong = await project.run([cli, ...options, '--provider', 'command', ...commands]);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.output).toMatch(/--list-command.* never closed[\s\S]*--get-command.* place/);
  });
});

describe('the documents', () => {
  test('their TypeScript compiles against the package’s own types, as strictly as can be', () => {
    const docs = ['library.md', 'lock.md', 'providers.md', 'test-runners.md'];
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
      // What the examples take as given: a client for SQL as `pg` types it, and values of the reader's own.
      'docs/given.d.ts': `
        declare const sql: { query(text: string, values: unknown[]): Promise<{ rowCount: number | null }> };
        declare const id: number, version: string, url: string, body: string, folder: string, text: string;
      `,
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
