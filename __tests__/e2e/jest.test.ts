// The hook in Jest projects of both kinds, from the packed and installed package.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { jestBin, type Packed, type Project, packPackage } from '../support/packed.ts';

let packed: Packed;
beforeAll(() => {
  packed = packPackage({ withTypes: false });
}, 60_000);
afterAll(() => packed.dispose());

const REAP = { provider: 'directory', root: 'apps', match: 'app-.*', olderThan: '1h', apply: true };
/** A test of the project: the clean-up was done before it, and its result is there. */
const SEES_RESULT = `test('sees the result', () => {
  const result = JSON.parse(process.env.LOCKSTEP_RESULT_REAP);
  expect(result).toMatchObject({ format: 1, command: 'reap', exitCode: 0 });
  expect(require('node:fs').readdirSync('apps')).toEqual(['keep']);
});`;
const SEES_RESULT_ESM = SEES_RESULT.replace("require('node:fs')", "(await import('node:fs'))").replace(
  '() => {',
  'async () => {',
);
const jestArgs = (project: Project) => ['--experimental-vm-modules', jestBin, '--rootDir', project.folder];
const jest = (project: Project, args: string[] = [], env?: Record<string, string>) =>
  project.run([...jestArgs(project), ...args], env);
const said = (output: string) => output.match(/^lockstep: reap: .*$/gm) ?? [];
let projects = 0;
const make = (files: Record<string, string | object>, packageJson = {}): Project => {
  projects += 1;
  const project = packed.createProject(`project-${projects}`, packageJson);
  project.write(files);
  project.addApps('app-1', 'app-2', 'keep');
  return project;
};

describe('a CommonJS project', () => {
  test('needs one line, the preset, and a config file', async () => {
    const project = make({
      'jest.config.js': "module.exports = { preset: 'lockstep' };",
      'lockstep.config.json': { reap: REAP },
      'a.test.js': SEES_RESULT,
    });
    const { exitCode, output } = await jest(project);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(said(output)).toEqual([expect.stringContaining('Reaped: 2 deleted')]);
  });

  test('may require createGlobalSetup in a set-up of its own', async () => {
    const project = make({
      'jest.config.js':
        "module.exports = { globalSetup: './setup.mjs', globalTeardown: 'lockstep/jest/teardown' };",
      'setup.mjs': `import { createGlobalSetup } from 'lockstep/jest';
        export default createGlobalSetup({ reap: ${JSON.stringify(REAP)} });`,
      'a.test.js': SEES_RESULT,
    });
    const { exitCode, output } = await jest(project);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(project.apps()).toEqual(['keep']);
  });
});

describe('an ESM project', () => {
  test('names set-up and teardown', async () => {
    const config = { globalSetup: 'lockstep/jest', globalTeardown: 'lockstep/jest/teardown' };
    const project = make(
      {
        'lockstep.config.mjs': `export default { reap: ${JSON.stringify(REAP)} };`,
        'a.test.js': SEES_RESULT_ESM,
      },
      { type: 'module', jest: config },
    );
    const { exitCode, output } = await jest(project);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(said(output)).toHaveLength(1);
  });

  test('may be set up by variables alone', async () => {
    const project = make({ 'a.test.js': SEES_RESULT_ESM }, { type: 'module', jest: { preset: 'lockstep' } });
    const env = {
      LOCKSTEP_PROVIDER: 'directory',
      LOCKSTEP_ROOT: 'apps',
      LOCKSTEP_MATCH: 'app-.*',
      LOCKSTEP_OLDER_THAN: '1h',
      LOCKSTEP_APPLY: 'true',
    };
    const result = await jest(project, [], env);
    expect(result).toMatchObject({ exitCode: 0 });
  });
});

describe('runs and their parts', () => {
  test('two runs in one process, as watch mode has them, both run the hook and leave no variable', async () => {
    const project = make({
      'jest.config.js': "module.exports = { preset: 'lockstep' };",
      'lockstep.config.json': { reap: { ...REAP, every: '0s' } },
      'a.test.js': SEES_RESULT,
      'twice.cjs': `const { runCLI } = require(${JSON.stringify(join(jestBin, '../../build/index.js'))});
        (async () => {
          for (let run = 0; run < 2; run += 1) {
            const { results } = await runCLI({ rootDir: __dirname, _: [], $0: '', runInBand: true }, [__dirname]);
            console.log('RUN', results.success, process.env.LOCKSTEP_RESULT_REAP === undefined);
          }
        })();`,
    });
    const { output } = await project.run(['twice.cjs']);
    expect(output.match(/^RUN .*$/gm)).toEqual(['RUN true true', 'RUN true true']);
    expect(said(output)).toEqual([expect.stringContaining('2 deleted'), expect.stringContaining('Clean')]);
  });

  test('projects that share the hook run it once', async () => {
    const project = make({
      'jest.config.js': "module.exports = { projects: ['<rootDir>/one', '<rootDir>/two'] };",
      'one/jest.config.js': "module.exports = { preset: 'lockstep' };",
      'two/jest.config.js': "module.exports = { preset: 'lockstep' };",
      'one/a.test.js': SEES_RESULT,
      'two/b.test.js': SEES_RESULT,
      'lockstep.config.json': { reap: REAP },
    });
    const { exitCode, output } = await jest(project);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(said(output)).toHaveLength(1);
  });

  test('the second shard finds the first one’s sweep; an empty shard never runs the hook', async () => {
    const project = make({
      'jest.config.js': "module.exports = { preset: 'lockstep' };",
      'lockstep.config.json': { reap: REAP },
      'a.test.js': SEES_RESULT,
      'b.test.js': SEES_RESULT,
    });
    const outputs: string[] = [];
    for (const shard of ['1/3', '2/3', '3/3']) {
      const { exitCode, output } = await jest(project, [`--shard=${shard}`, '--passWithNoTests']);
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      outputs.push(...said(output));
    }
    expect(outputs).toEqual([
      expect.stringContaining('2 deleted'),
      expect.stringContaining('swept a moment ago'),
    ]);
  });

  test('inside a run that has the result already nothing happens', async () => {
    const project = make({
      'jest.config.js': "module.exports = { preset: 'lockstep' };",
      'lockstep.config.json': { reap: REAP },
      'a.test.js': "test('runs', () => {});",
    });
    const outer = JSON.stringify({ format: 1, command: 'reap', exitCode: 0 });
    const { exitCode, output } = await jest(project, [], { LOCKSTEP_RESULT_REAP: outer });
    expect({ exitCode, said: said(output) }).toEqual({ exitCode: 0, said: [] });
    expect(project.apps()).toEqual(['app-1', 'app-2', 'keep']);
  });
});

describe('a set-up that goes wrong', () => {
  const broken = (top: object) =>
    make({
      'jest.config.js': "module.exports = { preset: 'lockstep' };",
      'lockstep.config.json': { ...top, reap: { ...REAP, root: 'nowhere', olderThen: '1h' } },
      'a.test.js': "test('runs', () => {});",
    });

  test('is a warning that says everything, and the tests run', async () => {
    const { exitCode, output } = await jest(broken({}));
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(output).toContain('lockstep: warn: reap: reap.olderThen in lockstep.config.json');
    expect(output).toContain('did you mean olderThan?');
  });

  test('fails the tests with failOnError', async () => {
    const { exitCode, output } = await jest(broken({ failOnError: true }));
    expect({ exitCode, output }).toMatchObject({ exitCode: 1 });
    expect(output).toContain('did you mean olderThan?');
    expect(output).not.toContain('✓ runs');
  });
});

describe('a gate and a check before the tests', () => {
  /** Each process is a member of its own, named by its environment. */
  const withSections = (sections: object, files: Record<string, string> = {}) =>
    make({
      'jest.config.js':
        "module.exports = { globalSetup: './setup.mjs', globalTeardown: 'lockstep/jest/teardown' };",
      'setup.mjs': `import { createGlobalSetup } from 'lockstep/jest';
        const { gate, ...rest } = ${JSON.stringify(sections)};
        export default createGlobalSetup({
          ...rest, ...(gate && { gate: { member: process.env.MEMBER, ...gate } }),
        });`,
      'a.test.js': `test('sees the results', () => {
        const read = (name) => JSON.parse(process.env['LOCKSTEP_RESULT_' + name]);
        expect(read('GATE')).toMatchObject({ format: 1, command: 'gate', outcome: 'open', missing: [] });
        expect(read('CHECK')).toMatchObject({ format: 1, command: 'check', status: 'passing', exitCode: 0 });
      });`,
      ...files,
    });
  const gate = { name: 'shards', members: 'one, two', schema: '42' };
  const runAs = (project: Project, member: string) => jest(project, [], { MEMBER: member });
  const TEST = { 'a.test.js': "test('runs', () => { console.log('it ran'); });" };

  test('let the shards begin together; the results reach the tests', async () => {
    const project = withSections({ gate, check: { action: 'set', name: 'shards', status: 'passing' } });
    const results = await Promise.all(['one', 'two'].map((member) => runAs(project, member)));
    for (const { exitCode, output } of results) {
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      expect(output).toMatch(/^lockstep: gate: The gate is open: schema 42/m);
      expect(output).toMatch(/^lockstep: check: shards is passing$/m);
    }
    expect(await recordsOf(project)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'gate', name: 'local/local/shards', state: 'open' }),
        expect.objectContaining({ kind: 'check', name: 'shards', state: 'passing' }),
      ]),
    );
  });

  test('that does not open fails the run before the first test, and says what to do', async () => {
    const project = withSections({ gate: { ...gate, timeout: '1500ms' } }, TEST);
    const { exitCode, output } = await runAs(project, 'one');
    expect({ exitCode, output }).toMatchObject({ exitCode: 1 });
    expect(output).toMatch(/did not open \(timeout\).*missing: two/);
    expect(output).toMatch(/two: look whether its job was started/);
    expect(output).toMatch(/start all members again with attempt 2/);
    expect(output).not.toContain('it ran');
  });

  test('that is set up wrongly fails it, too, with every problem at once', async () => {
    const project = withSections({ gate: { ...gate, schema: 'x1', nonsense: 1 }, check: {} }, TEST);
    const { exitCode, output } = await runAs(project, 'three');
    expect({ exitCode, output }).toMatchObject({ exitCode: 1 });
    expect(output).toMatch(/schema: is not a whole number.*version-scheme dotted/);
    expect(output).toMatch(/member: three is not one of members: one, two/);
    expect(output).toMatch(/gate\.nonsense: there is no such option/);
    expect(output).not.toContain('it ran');
  });

  test('a check that is not reached fails it', async () => {
    const project = withSections({ check: { action: 'wait', name: 'db', timeout: '1500ms' } }, TEST);
    const { exitCode, output } = await runAs(project, 'one');
    expect({ exitCode, output }).toMatchObject({ exitCode: 1 });
    expect(output).toMatch(/lockstep check: Timed out: db is unknown/);
    expect(output).not.toContain('it ran');
  });

  test('SIGINT while it waits leaves the gate: the other shard fails at once', async () => {
    const project = withSections({ gate: { ...gate, members: 'one, two, three' } }, TEST);
    const left = project.start(jestArgs(project), { MEMBER: 'one' });
    const other = project.start(jestArgs(project), { MEMBER: 'two' });
    await waitFor(() => (/two {2}WAITING/.test(left.output()) ? true : null));
    process.kill(left.pid, 'SIGINT');
    expect(await left.result).toMatchObject({ exitCode: null, signal: 'SIGINT' });
    const { exitCode, output } = await other.result;
    expect({ exitCode, output }).toMatchObject({ exitCode: 1 });
    expect(output).toMatch(/member-left/);
  });
});

describe('SIGINT', () => {
  test('during the set-up ends the clean-up, its children and the run, and gives the lease back', async () => {
    const project = make({
      'jest.config.js': "module.exports = { preset: 'lockstep' };",
      'slow.mjs':
        "console.error('listing'); await import('node:fs').then((fs) => fs.writeFileSync('pid', String(process.pid))); setInterval(() => {}, 1000);",
      'lockstep.config.json': {
        reap: {
          provider: 'command',
          listCommand: `"${process.execPath}" slow.mjs`,
          getCommand: 'false',
          destroyCommand: 'false',
          match: 'app-.*',
          olderThan: '1h',
          apply: true,
        },
      },
      'a.test.js': "test('runs', () => {});",
    });
    const running = project.start(jestArgs(project));
    const pidFile = join(project.folder, 'pid');
    const pid = await waitFor(() => (existsSync(pidFile) && readFileSync(pidFile, 'utf8')) || null);
    process.kill(running.pid, 'SIGINT');
    const { exitCode, signal, output } = await running.result;
    expect({ exitCode, signal, output }).toMatchObject({ exitCode: null, signal: 'SIGINT' });
    expect(isAlive(Number(pid))).toBe(false);
    expect(await recordsOf(project)).toMatchObject([{ kind: 'reap', state: 'free' }]);
  });
});

test('SIGINT during the tests ends the run at once; nothing is held then', async () => {
  const project = make({
    'jest.config.js': "module.exports = { preset: 'lockstep' };",
    'lockstep.config.json': { reap: REAP },
    'a.test.js':
      "test('hangs', () => new Promise(() => { require('node:fs').writeFileSync('hanging', 'x'); setInterval(() => {}, 1000); }), 60_000);",
  });
  const running = project.start(jestArgs(project));
  await waitFor(() => existsSync(join(project.folder, 'hanging')) || null);
  process.kill(running.pid, 'SIGINT');
  expect((await running.result).exitCode).not.toBe(0);
  expect(await recordsOf(project)).toMatchObject([{ kind: 'reap', state: 'free' }]);
});

async function recordsOf(project: Project): Promise<readonly object[]> {
  const cli = join(project.folder, 'node_modules/lockstep/lib/cli.js');
  const { output } = await project.run([cli, 'status', '--json']);
  return (JSON.parse(output) as { records: object[] }).records;
}

async function waitFor<T>(look: () => T | null): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH: there is no such process any more.
    return false;
  }
}
