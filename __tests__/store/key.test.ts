import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { admitKey, isUnderPrefix } from '../../src/store/admission.ts';
import {
  createKey,
  escapeSegment,
  formatRefPath,
  parseRefPath,
  splitKey,
  unescapeSegment,
} from '../../src/store/key.ts';

const name = fc.oneof(
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.string({
    minLength: 1,
    unit: fc.constantFrom('.', 'a', 'A', '/', '~', '2', 'e', '-', 'l', 'o', 'c', 'k'),
  }),
);
// JavaScript strings with half a surrogate pair have no UTF-8 form, so they cannot be told apart.
const names = fc.array(
  name.filter((text) => !/\p{Surrogate}/u.test(text)),
  { minLength: 1, maxLength: 4 },
);

const gitIdentity = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
};

describe('keys', () => {
  test.each([
    ['db', 'db'],
    ['db-1_x.y', 'db-1_x.y'],
    ['Db', '~44b'],
    ['a/b', 'a~2fb'],
    ['a b', 'a~20b'],
    ['~', '~7e'],
    ['.', '~2e'],
    ['..', '~2e~2e'],
    ['.hidden', '~2ehidden'],
    ['a..b', 'a.~2eb'],
    ['a...b', 'a.~2e.b'],
    ['x.lock', 'x~2elock'],
    ['.lock', '~2elock'],
    ['x.lock.lock', 'x.lock~2elock'],
    ['x.', 'x~2e'],
    ['x..', 'x.~2e'],
    ['é', '~c3~a9'],
    ['@{0}', '~40~7b0~7d'],
    ['\u0000', '~00'],
  ])('%j is the segment %s, and back', (text, segment) => {
    expect(escapeSegment(text)).toBe(segment);
    expect(unescapeSegment(segment)).toBe(text);
  });

  test.each(['~zz', '~4', '~4g', '~4G', 'a~'])(
    '%j, which no name is escaped to, comes back as it is',
    (segment) => {
      expect(unescapeSegment(segment)).toBe(segment);
    },
  );

  test.each([
    ['db', 'db/@'],
    ['a/~2e~2e', 'a/=2e=2e/@'],
  ])('%s goes by the ref path %s, as every version writes it', (key, path) => {
    expect(formatRefPath(key)).toBe(path);
    expect(parseRefPath(path)).toBe(key);
  });

  test('an empty segment is a bug', () => {
    expect(() => escapeSegment('')).toThrow(/empty/);
  });

  test('a key gives its segments back, so no two names share one', () => {
    fc.assert(
      fc.property(names, (segments) => expect(splitKey(createKey(...segments))).toEqual(segments)),
      {
        numRuns: 500,
      },
    );
  });

  test('keys that differ also differ where case does not count, and a name is no folder of another by accident', () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b));
        const [first, second] = [createKey(...a), createKey(...b)];
        expect(first.toLowerCase()).not.toBe(second.toLowerCase());
        expect(first).toBe(first.toLowerCase());
        const isParent = b.length > a.length && a.every((segment, i) => segment === b[i]);
        expect(isUnderPrefix(second, first)).toBe(isParent);
      }),
      { numRuns: 500 },
    );
  });

  test('every key is admitted, and has a ref path of its own', () => {
    fc.assert(
      fc.property(names, (segments) => {
        const key = createKey(...segments);
        expect(admitKey(key)).toBe(key);
        expect(parseRefPath(formatRefPath(key))).toBe(key);
      }),
    );
    expect(parseRefPath('heads/main')).toBeNull();
  });

  test('git accepts the ref path of every key, a key beside one below it too', () => {
    const keys = new Set(
      fc.sample(names, { numRuns: 60, seed: 11 }).map((segments) => createKey(...segments)),
    );
    const refs = ['a', 'a/b', createKey('..', '.lock', '@', '@{0}', '-'), ...keys].map((key) =>
      formatRefPath(key),
    );
    const script = `
      git init -q --bare "$0" && cd "$0" || exit 1
      git update-ref --stdin --no-deref || exit 2
      git for-each-ref --format='%(refname)' | wc -l`;
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-refs-'));
    try {
      const commit = spawnSync(
        'sh',
        ['-c', 'git init -q --bare "$0" && cd "$0" && git commit-tree -m x $(git mktree </dev/null)', folder],
        {
          encoding: 'utf8',
          env: { ...gitIdentity, PATH: process.env['PATH'] },
        },
      );
      const input = [...new Set(refs)]
        .map((ref) => `create refs/lockstep/${ref} ${commit.stdout.trim()}\n`)
        .join('');
      const run = spawnSync('sh', ['-c', script, folder], { input, encoding: 'utf8' });
      expect(run.stderr).toBe('');
      expect(Number(run.stdout)).toBe(new Set(refs).size);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
