// The floor plan of the house, enforced from the code's own imports: who may import whom, which clients live where, where
// clocks and the environment are read, and that no drawers or cycles appear. See CONTRIBUTING.md for the plan in words.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), '..');
const sourceRoot = join(root, 'src');

interface SourceFile {
  /** Relative to src, with forward slashes. */
  path: string;
  text: string;
  /** Static, type and re-export specifiers. */
  staticImports: string[];
  dynamicImports: string[];
}

function readSources(folder: string): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return readSources(path);
    if (!entry.name.endsWith('.ts')) return [];
    const text = readFileSync(path, 'utf8');
    return [
      { path: relative(sourceRoot, path), text: withoutComments(text), ...importsOf(withoutComments(text)) },
    ];
  });
}

/** Comments may name what code may not use. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
}

function importsOf(text: string): Pick<SourceFile, 'staticImports' | 'dynamicImports'> {
  const specifiers = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] as string);
  return {
    staticImports: specifiers(/^\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]/gm),
    dynamicImports: specifiers(/\bimport\(\s*['"]([^'"]+)['"]/g),
  };
}

/** Floors by folder; a file at the top of src is an entry. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  store: 1,
  github: 1,
  lease: 2,
  throttle: 2,
  evidence: 2,
  snapshot: 2,
  provider: 2,
  probe: 2,
  reaper: 3,
  gate: 3,
  check: 3,
  config: 4,
  app: 5,
  host: 6,
  hooks: 7,
};

const roomOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] as string) : 'entries');
const floorOf = (room: string): number | undefined => (room === 'entries' ? 7 : FLOORS[room]);

/** Sideways steps that the plan draws. */
const SIDEWAYS: readonly [from: RegExp, to: RegExp][] = [
  [/^store\/(drivers\/github|open)/, /^github\//],
  [/^(hooks\/|[^/]+$)/, /^(hooks\/|[^/]+$)/],
];

/** Which packages a place may import. Everything else is node's own. */
const PACKAGES: readonly [place: RegExp, packages: RegExp][] = [
  [/^host\//, /^@actions\/core$/],
  [/^snapshot\//, /^@actions\/cache$/],
  [/^github\//, /^@octokit\//],
  [/^store\/drivers\/redis/, /^@redis\/client$/],
  [/^store\/drivers\/postgres/, /^pg$/],
  [/^reaper\/pattern\.ts$/, /^re2js$/],
  [/^config\//, /^fastest-levenshtein$/],
];

const sources = readSources(sourceRoot);
const targetOf = (file: SourceFile, specifier: string) =>
  relative(sourceRoot, resolve(sourceRoot, dirname(file.path), specifier));

describe('the floor plan', () => {
  test('every folder of src has a floor', () => {
    const rooms = new Set(sources.map((file) => roomOf(file.path)));
    expect([...rooms].filter((room) => floorOf(room) === undefined)).toEqual([]);
  });

  test('imports go downward only, sideways only where drawn', () => {
    const wrong = sources.flatMap((file) =>
      [...file.staticImports, ...file.dynamicImports]
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => targetOf(file, specifier))
        .filter((target) => {
          const [from, to] = [roomOf(file.path), roomOf(target)];
          if (from === to && from !== 'entries') return false;
          const [fromFloor, toFloor] = [floorOf(from) ?? -1, floorOf(to) ?? 99];
          if (toFloor < fromFloor) return false;
          return !SIDEWAYS.some(([a, b]) => a.test(file.path) && b.test(target));
        })
        .map((target) => `${file.path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('there are no import cycles', () => {
    const graph = new Map(
      sources.map((file) => [
        file.path,
        [...file.staticImports, ...file.dynamicImports]
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => targetOf(file, specifier)),
      ]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]) => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      if (done.has(path) || trail.includes(path)) return;
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  test('a package is imported only by the place it is for', () => {
    const wrong = sources.flatMap((file) =>
      [...file.staticImports, ...file.dynamicImports]
        .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .filter((name) => !PACKAGES.some(([place, packages]) => place.test(file.path) && packages.test(name)))
        .map((name) => `${file.path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  test('drivers, providers and probes are loaded on demand, by the open.ts of their room only', () => {
    const implementation =
      /^(store\/drivers\/|provider\/(heroku|directory|command|module)\.ts|probe\/(http|command)\.ts)/;
    const wrong = sources.flatMap((file) =>
      file.staticImports
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => targetOf(file, specifier))
        .filter((target) => implementation.test(target) && !implementation.test(file.path))
        .filter(() => !file.path.startsWith('app/demo/') && file.path !== 'index.ts')
        .map((target) => `${file.path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('what only one place may touch', () => {
  const users = (pattern: RegExp, allowed: RegExp) =>
    sources.filter((file) => pattern.test(file.text) && !allowed.test(file.path)).map((file) => file.path);

  test('timers, clocks and chance are in base/clock.ts alone', () => {
    expect(
      users(
        /\b(setTimeout|setInterval|setImmediate|Date\.now|performance\.now|Math\.random|timers\/promises|new Date\(\))/,
        /^base\/clock\.ts$/,
      ),
    ).toEqual([]);
  });

  test('the environment is read, and the process ended, by hosts and the agent alone', () => {
    expect(users(/\bprocess\.(env|exit|exitCode|argv)\b/, /^(host\/|agent\.ts)/)).toEqual([]);
  });

  test('nothing writes to the console or to a standard stream below the hosts', () => {
    expect(users(/\bconsole\.|process\.std(out|err)/, /^(host\/|agent\.ts)/)).toEqual([]);
  });
});

describe('tidiness', () => {
  test('there are no drawers called utils, helpers, common or lib', () => {
    expect(
      sources
        .map((file) => file.path)
        .filter((path) => /(^|\/)(utils?|helpers?|common|lib)(\.ts|\/)/.test(path)),
    ).toEqual([]);
  });

  test('only the public surface re-exports', () => {
    expect(
      sources
        .filter((file) => /^export\s+(\*|\{[^}]*\}|type\s+\{[^}]*\})\s+from\b/m.test(file.text))
        .map((f) => f.path)
        .filter(
          (path) => !['index.ts', 'provider-conformance.ts'].includes(path) && !path.startsWith('hooks/'),
        ),
    ).toEqual([]);
  });

  test('file names are kebab-case nouns', () => {
    expect(
      sources
        .map((file) => file.path)
        .filter((path) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(path)),
    ).toEqual([]);
  });

  test('the types have no holes', () => {
    expect(
      sources
        .filter((file) => /\bas any\b|: any\b|<any>|@ts-(ignore|nocheck|expect-error)/.test(file.text))
        .map((f) => f.path),
    ).toEqual([]);
  });
});
