// The package as its users get it: lib built, packed by npm, the tarball unpacked into a project's node_modules. Nothing is
// fetched: what the package depends on, and the runners, are links to this repository's own.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTestFolder } from './folder.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const jestBin = join(root, 'node_modules/jest/bin/jest.js');

export interface ChildResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface Project {
  readonly folder: string;
  write(files: Readonly<Record<string, string | object>>): void;
  /** A folder of apps older than a day, as the directory provider sees them. */
  addApps(...names: string[]): void;
  apps(): string[];
  /** Starts node in the project, with no variable of this machine but PATH, and a home and state of its own. */
  start(
    args: readonly string[],
    env?: Record<string, string>,
  ): { pid: number; output: () => string; result: Promise<ChildResult> };
  run(args: readonly string[], env?: Record<string, string>): Promise<ChildResult>;
}

export interface Packed {
  /** Files of the tarball, relative to the package. */
  readonly files: readonly string[];
  /** A project with the package installed. */
  createProject(name: string, packageJson?: object): Project;
  dispose(): void;
}

/** Builds and packs; without types in half the time. */
export function packPackage(options: { withTypes: boolean }): Packed {
  const folder = makeTestFolder();
  const staging = join(folder, 'staging');
  mkdirSync(staging);
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    files: string[];
    scripts?: unknown;
    dependencies: Record<string, string>;
  };
  // The build goes elsewhere: other tests load this repository's own lib meanwhile.
  const { scripts: _scripts, ...rest } = manifest;
  writeFileSync(join(staging, 'package.json'), JSON.stringify(rest));
  for (const name of [...manifest.files, 'README.md', 'LICENSE'].filter((each) => each !== 'lib')) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(staging, name), { recursive: true });
  }
  const env = { PATH: process.env['PATH'], HOME: folder };
  const mode = options.withTypes ? '--unchecked' : '--quick';
  const build = [join(root, 'scripts/build-lib.js'), '--out', join(staging, 'lib'), mode];
  execFileSync(process.execPath, build, { env });
  const said = execFileSync('npm', ['pack', '--json', '--offline', '--pack-destination', folder], {
    cwd: staging,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(`npm packed nothing: ${said}`);
  const unpacked = join(folder, 'unpacked');
  mkdirSync(unpacked);
  execFileSync('tar', ['-xzf', join(folder, tarball), '-C', unpacked]);
  const packageFolder = join(unpacked, 'package');

  return {
    files: readdirSync(packageFolder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(packageFolder.length + 1))
      .sort(),
    createProject(name, packageJson = {}) {
      const project = join(folder, name);
      const modules = join(project, 'node_modules');
      mkdirSync(modules, { recursive: true });
      cpSync(packageFolder, join(modules, 'lockstep'), { recursive: true });
      for (const dependency of [...Object.keys(manifest.dependencies), '@types/node', 'typescript']) {
        const link = join(modules, dependency);
        mkdirSync(dirname(link), { recursive: true });
        symlinkSync(join(root, 'node_modules', dependency), link);
      }
      writeFileSync(join(project, 'package.json'), JSON.stringify({ name, private: true, ...packageJson }));
      return openProject(project);
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function openProject(folder: string): Project {
  const appsFolder = join(folder, 'apps');
  mkdirSync(appsFolder);
  const project: Project = {
    folder,
    write(files) {
      for (const [name, content] of Object.entries(files)) {
        const path = join(folder, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      }
    },
    addApps(...names) {
      for (const name of names) {
        mkdirSync(join(appsFolder, name));
        writeFileSync(join(appsFolder, name, '.lockstep-created'), '2024-01-01T00:00:00Z');
      }
    },
    apps: () => readdirSync(appsFolder).sort(),
    start(args, env = {}) {
      const child = spawn(process.execPath, [...args], {
        cwd: folder,
        env: { PATH: process.env['PATH'], HOME: folder, CI: 'true', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      const take = (text: string) => {
        output += text;
      };
      child.stdout.setEncoding('utf8').on('data', take);
      child.stderr.setEncoding('utf8').on('data', take);
      const result = new Promise<ChildResult>((settle, reject) => {
        child.once('error', reject);
        child.once('close', (exitCode, signal) => settle({ exitCode, signal, output }));
      });
      return { pid: child.pid ?? 0, output: () => output, result };
    },
    run: (args, env) => project.start(args, env).result,
  };
  return project;
}
