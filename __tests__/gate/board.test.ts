import { describe, expect, test } from '@jest/globals';
import { parseBoard } from '../../src/gate/board.ts';
import { describeBoard } from '../../src/gate/board-status.ts';
import { encodeBoard, findSizeProblem } from '../../src/gate/board-text.ts';
import {
  findParallelismProblem,
  findStoreProblem,
  gateKeySegments,
  parseGateConfig,
} from '../../src/gate/config.ts';
import type { GateDoc, MemberRecord } from '../../src/gate/contract.ts';
import { MAX_VALUE_BYTES } from '../../src/store/contract.ts';
import { createKey } from '../../src/store/key.ts';

const TARGET = { schema: '20260101120000', api: ['billing', 'search', 'tenants'] };

function record(index: number, change: Partial<MemberRecord> = {}): MemberRecord {
  return {
    incarnation: { run: '12345678901', attempt: 1, id: `4012345${index}` },
    ...TARGET,
    state: 'api-ready',
    beat: 12,
    since: '2026-01-01T12:00:00Z',
    readyAt: '2026-01-01T12:01:00Z',
    committer: 'both',
    ...change,
  };
}

function board(members: Record<string, MemberRecord>, change: Partial<GateDoc> = {}): GateDoc {
  return {
    format: 1,
    gate: 'deploy',
    configHash: '0123456789abcdef',
    expected: Object.keys(members).sort(),
    epoch: 2,
    phase: 'api',
    target: TARGET,
    schemaFloor: '20260101120000',
    claim: null,
    lastToken: 3,
    commits: [],
    members,
    failure: null,
    deadlineMs: 1_800_000,
    history: [],
    openEpochs: [1],
    ...change,
  };
}

describe('the board as text', () => {
  test('what is written is read back', () => {
    const incarnation = { run: '7', attempt: 2, id: 'x' };
    const failure = {
      epoch: 2,
      code: 'timeout' as const,
      by: 'a',
      missing: ['b'],
      behind: [],
      diverged: [],
      lost: [],
      message: 'a waited 30 m',
      at: '2026-01-01T12:00:00Z',
      attempts: { '7': 2 },
    };
    const at = '2026-01-01T12:00:00Z';
    const doc = board(
      {
        a: record(1, {
          observed: { at, detail: '200', schema: '1', api: ['a'] },
          refused: true,
          allowDowngrade: true,
        }),
        b: record(2, {
          schema: '1',
          api: [],
          state: 'released',
          probedIn: 2,
          probe: { kind: 'http', url: 'https://b' },
        }),
        constructor: record(3, { reason: 'cancelled', state: 'left' }),
      },
      {
        claim: { member: 'a', incarnation, token: 3, beat: 4, leaseMs: 60_000, since: at },
        commits: [{ token: 1, member: 'a', incarnation, from: null, to: '1', how: 'adopted', at }],
        failure,
        history: [failure],
        phase: 'failed',
        openedAt: at,
      },
    );
    expect(parseBoard(encodeBoard(doc), 'gate/x')).toEqual(doc);
  });

  test('256 members with long names fit, even with what their probes said last', () => {
    const observed = { at: '2026-01-01T12:00:00Z', detail: '503 from https://app.example/ready' };
    const names = Array.from({ length: 256 }, (_, index) => `production-region-${index}`);
    const doc = board(Object.fromEntries(names.map((name, index) => [name, record(index, { observed })])));
    const text = encodeBoard(doc);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_VALUE_BYTES);
    // The probe answers had to go; nothing that decides did.
    expect(parseBoard(text, 'gate/x').members['production-region-7']).toEqual(record(7));
  });

  test('a board that cannot fit is refused before it is written', () => {
    const names = Array.from({ length: 256 }, (_, index) => `${'x'.repeat(60)}${index}`);
    const doc = board(
      Object.fromEntries(
        names.map((name, index) => [name, record(index, { schema: '1', reason: 'y'.repeat(90) })]),
      ),
    );
    expect(() => encodeBoard(doc)).toThrow(expect.objectContaining({ code: 'config' }));
  });

  test('whether a board will fit is known before the first write', () => {
    const names = (length: number) =>
      Array.from({ length: 256 }, (_, index) => `m${index}`.padEnd(length, 'x'));
    expect(findSizeProblem(names(20), record(1))).toBeNull();
    expect(findSizeProblem(names(64), record(1))).toContain('shorter member names');
    const failing = { missing: names(20), lost: names(20), message: 'x'.repeat(300) };
    const doc = board(Object.fromEntries(names(20).map((name) => [name, record(1)])));
    const failure = {
      epoch: 1,
      code: 'timeout' as const,
      by: '',
      behind: [],
      diverged: [],
      at: '',
      attempts: {},
    };
    expect(() => encodeBoard({ ...doc, failure: { ...failure, ...failing } })).not.toThrow();
  });

  const good = JSON.parse(encodeBoard(board({ a: record(1) }))) as Record<string, unknown>;
  test.each([
    ['a newer format', { format: 2 }],
    ['no format', { format: undefined }],
    ['a lease', { format: undefined, v: 1 }],
    ['an unknown phase', { phase: 'paused' }],
    ['a member nobody expects', { expected: ['b'] }],
    ['nobody expected', { expected: [], members: {} }],
    ['a token beyond what can rise', { lastToken: 2 ** 53 - 1 }],
    [
      'a claim longer than a lease may be',
      {
        claim: {
          member: 'a',
          incarnation: { run: '1', attempt: 1, id: 'x' },
          token: 1,
          beat: 0,
          leaseMs: 3_600_001,
          since: '',
        },
      },
    ],
    ['a list of something else', { expected: [1] }],
    ['a commit that is none', { commits: [1] }],
    ['members that are a list', { members: [] }],
  ])('%s is a corrupt record', (_what, change) => {
    expect(() => parseBoard(JSON.stringify({ ...good, ...change }), 'gate/x')).toThrow(
      expect.objectContaining({ code: 'corrupt-record' }),
    );
  });

  test('what is no JSON object is a corrupt record', () => {
    for (const text of ['', '[]', 'null', '{'])
      expect(() => parseBoard(text, 'gate/x')).toThrow(expect.objectContaining({ code: 'corrupt-record' }));
  });
});

describe('what members must agree on', () => {
  const input = { gate: 'g', members: ['b', ' a', 'b'], requireApi: null, versionScheme: 'integer' } as const;

  test('members are sorted, without repetitions, and the hash does not depend on their order', () => {
    const [one, two] = [parseGateConfig(input), parseGateConfig({ ...input, members: ['a', 'b'] })];
    expect(one).toEqual(two);
    expect(one).toMatchObject({ ok: true, value: { expected: ['a', 'b'] } });
    expect(parseGateConfig({ ...input, requireApi: [] })).not.toEqual(one);
    expect(parseGateConfig({ ...input, versionScheme: 'list' })).not.toEqual(one);
  });

  test('all problems are told at once', () => {
    const parsed = parseGateConfig({ ...input, gate: ' ', members: [], requireApi: ['x'.repeat(200)] });
    expect(parsed.ok ? '' : parsed.problem.split('\n')).toHaveLength(3);
    const many = Array.from({ length: 257 }, (_, index) => `m${index}`);
    expect(parseGateConfig({ ...input, members: many }).ok).toBe(false);
    expect(parseGateConfig({ ...input, members: ['x'.repeat(65)] }).ok).toBe(false);
  });

  test('a key never carries the attempt, and no run can meet an environment', () => {
    const run = gateKeySegments({ scope: 'run', repository: 'o/r', run: 'env' }, 'prod');
    const environment = gateKeySegments(
      { scope: 'environment', repository: 'o/r', environment: 'prod' },
      'g',
    );
    expect(createKey('default', ...run)).toBe('default/gate/o~2fr/env/prod');
    expect(createKey('default', ...environment)).toBe('default/gate/o~2fr/env/prod/g');
  });

  test('fewer runners than members is refused in mode wait, naming the mode that works', () => {
    const config = { expected: ['a', 'b', 'c'] };
    expect(findParallelismProblem(config, { mode: 'wait', maxParallel: 2 })).toContain('wait-for');
    expect(findParallelismProblem(config, { mode: 'wait', maxParallel: 3 })).toBeNull();
    expect(findParallelismProblem(config, { mode: 'announce', maxParallel: 1 })).toBeNull();
    expect(findParallelismProblem(config, { mode: 'wait', maxParallel: null })).toBeNull();
  });

  test('more than 40 members on the GitHub store are sent to an engine', () => {
    const expected = Array.from({ length: 41 }, (_, index) => `m${index}`);
    expect(findStoreProblem({ expected }, 'github:o/r')).toContain('redis://');
    expect(findStoreProblem({ expected }, 'file:/tmp/x')).toBeNull();
    expect(findStoreProblem({ expected: expected.slice(1) }, 'github:o/r')).toBeNull();
  });
});

describe('a board in one row', () => {
  test('says the phase, who is waited for, and who holds the right to migrate', () => {
    const incarnation = { run: '7', attempt: 2, id: 'x' };
    const members = { a: record(1, { state: 'announced' }), b: record(2) };
    const doc = board(members, { expected: ['a', 'b', 'c'], phase: 'announce' });
    expect(describeBoard(encodeBoard(doc), 'gate/x')).toEqual({
      state: 'announce',
      holder: null,
      fencingToken: 3,
      leaseMs: null,
      waiters: 1,
      detail: '1 of 3 ready; schema 20260101120000; waits for c; try 2',
    });
    const claim = { member: 'a', incarnation, token: 4, beat: 0, leaseMs: 60_000, since: '' };
    expect(describeBoard(encodeBoard({ ...doc, phase: 'schema', claim }), 'gate/x')).toMatchObject({
      holder: 'a',
      leaseMs: 60_000,
    });
    expect(() => describeBoard('{"v":1}', 'gate/x')).toThrow(
      expect.objectContaining({ code: 'corrupt-record' }),
    );
  });
});
