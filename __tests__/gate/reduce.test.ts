// One table or story per rule of the specification; the exploration covers their interplay.
import { describe, expect, test } from '@jest/globals';
import { parseGateConfig } from '../../src/gate/config.ts';
import type { GateDoc, GateFailureCode } from '../../src/gate/contract.ts';
import type { GateEvent, GateSelf, GateVerdict, HolderFate, ReduceContext } from '../../src/gate/event.ts';
import { reduce } from '../../src/gate/reduce.ts';

interface Caller extends Partial<Omit<GateSelf, 'versions'>> {
  schema?: string;
  api?: string[];
  run?: string;
  attempt?: number;
  id?: string;
}

interface Story {
  doc: GateDoc | null;
  /** Reduces and writes, as if the compare-and-set had won. */
  play(caller: Caller, event: GateEvent, fate?: HolderFate): GateVerdict;
  announce(caller: Caller, worldSchema?: string): GateVerdict;
}

interface Settings {
  members?: string[];
  requireApi?: string[] | null;
  versionScheme?: 'integer' | 'dotted' | 'list';
  scope?: 'run' | 'environment';
}

function begin(settings: Settings = {}): Story {
  const epochs = new Map<string, number>();
  const { scope = 'run' } = settings;
  const story: Story = {
    doc: null,
    play(caller, event, fate = 'held') {
      const { schema = '42', api = ['x'], run = '7', attempt = 1, name = 'a', ...rest } = caller;
      const id = caller.id ?? `${name}-${run}-${attempt}`;
      const ctx: ReduceContext = {
        config: configOf(settings),
        scope,
        self: {
          mode: 'wait',
          canMigrate: false,
          canProbeSchema: false,
          canProbeApi: true,
          allowDowngrade: false,
          onLeave: 'fail',
          timeoutMs: 1_800_000,
          leaseMs: 60_000,
          ...rest,
          name,
          incarnation: { run, attempt, id },
          versions: { schema, api },
        },
        at: '2026-01-01T12:00:00Z',
        epoch: epochs.get(id) ?? null,
        judgeHolder: () => fate,
      };
      const { doc, verdict } = reduce(story.doc, event, ctx);
      story.doc = doc;
      epochs.set(id, verdict.epoch);
      return verdict;
    },
    announce: (caller, worldSchema) =>
      story.play(caller, { kind: 'announce', ...(worldSchema === undefined ? {} : { worldSchema }) }),
  };
  return story;
}

function configOf({ members = ['a', 'b', 'c'], requireApi = null, versionScheme = 'integer' }: Settings) {
  const parsed = parseGateConfig({ gate: 'g', members, requireApi, versionScheme });
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

const LOOK: GateEvent = { kind: 'look' };
const A: Caller = { name: 'a', canMigrate: true, canProbeSchema: true };
const B: Caller = { ...A, name: 'b' };
const C: Caller = { ...A, name: 'c' };

function codeOf(verdict: GateVerdict): GateFailureCode | null {
  return verdict.kind === 'failed' ? verdict.failure.code : null;
}

function ready(caller: Caller): GateEvent {
  const { name = 'a', run = '7', attempt = 1 } = caller;
  return {
    kind: 'api-ready',
    ready: [{ name, incarnation: { run, attempt, id: `${name}-${run}-${attempt}` } }],
  };
}

function commitOf(token: number, to = '42'): GateEvent {
  return { kind: 'commit', token, from: null, to, how: 'ran' };
}

/** All three announced; c holds the claim with token 1. */
function announced(settings?: Settings): Story {
  const story = begin(settings);
  for (const caller of [A, B, C]) story.announce(caller);
  return story;
}

function opened(settings?: Settings): Story {
  const story = announced(settings);
  story.play(C, commitOf(1));
  for (const caller of [A, B, C]) story.play(caller, ready(caller));
  expect(story.doc?.phase).toBe('open');
  return story;
}

describe('R1 announcing', () => {
  test('the last to come takes the claim in the same write', () => {
    const story = begin();
    expect(story.announce(A)).toEqual({ kind: 'wait', epoch: 1, phase: 'announce' });
    expect(story.announce(B).kind).toBe('wait');
    expect(story.announce(C)).toEqual({ kind: 'migrate', epoch: 1, token: 1, from: null, to: '42' });
    expect(story.doc).toMatchObject({ phase: 'schema', claim: { member: 'c', token: 1 } });
  });

  test('a stranger and another list of members leave no trace', () => {
    const story = begin();
    expect(codeOf(story.announce({ name: 'z' }))).toBe('unexpected-member');
    story.announce(A);
    const before = story.doc;
    const other = begin({ members: ['a', 'b'] });
    other.doc = before;
    const verdict = other.announce(B);
    expect(codeOf(verdict)).toBe('config-mismatch');
    expect(verdict).toMatchObject({ failure: { message: expect.stringContaining('a, b, c') } });
    expect(other.doc).toBe(before);
  });

  test('a newer incarnation replaces the record, the older one is superseded and changes nothing', () => {
    const story = begin();
    story.announce(A);
    story.announce({ ...A, attempt: 2 });
    const before = story.doc;
    for (const event of [LOOK, ready(A), { kind: 'deadline' }, { kind: 'announce' }] as GateEvent[])
      expect(codeOf(story.play(A, event))).toBe('superseded');
    story.play(A, { kind: 'leave', reason: 'x', rolledBack: true, migrationEnded: true });
    expect(story.doc).toBe(before);
    expect(Object.keys(before?.members ?? {})).toEqual(['a']);
  });

  test('the same announcement again changes nothing', () => {
    const story = begin();
    story.announce(A);
    const before = story.doc;
    expect(story.announce(A).kind).toBe('wait');
    expect(story.doc).toEqual(before);
  });

  test.each(['constructor', '__proto__', 'toString'])('a member may be called %s', (name) => {
    const story = begin({ members: ['a', name] });
    expect(story.announce(A).kind).toBe('wait');
    expect(story.announce({ ...A, name }).kind).toBe('migrate');
  });

  test('behind is told at once, to a newcomer and to one that waits; the gate stays and its re-run lets the others pass', () => {
    const story = begin();
    story.announce({ ...A, schema: '41' });
    story.announce(B);
    expect(story.play({ ...A, schema: '41' }, LOOK)).toMatchObject({
      shared: false,
      failure: { code: 'behind', behind: ['a'], missing: ['c'] },
    });
    expect(story.doc?.phase).toBe('announce');
    expect(story.announce(C).kind).toBe('wait');
    expect(story.announce({ ...A, attempt: 2 }).kind).toBe('migrate');
  });

  test('whoever was turned away is not present, even if the others come down to its version', () => {
    const story = begin();
    story.announce(A);
    story.announce({ ...B, schema: '43' });
    expect(codeOf(story.play(A, { kind: 'deadline' }))).toBe('behind');
    story.announce({ ...B, attempt: 2 });
    expect(story.announce(C)).toMatchObject({ kind: 'wait', phase: 'announce' });
    expect(story.announce({ ...A, attempt: 2 }).kind).toBe('migrate');
  });

  test('diverged members are both told, with both lists', () => {
    const story = begin();
    story.announce({ ...A, api: ['x', 'y'] });
    const verdict = story.announce({ ...B, api: ['y', 'z'] });
    expect(verdict).toMatchObject({ failure: { code: 'diverged', diverged: ['a', 'b'] } });
    expect(verdict).toMatchObject({ failure: { message: expect.stringMatching(/misses api x.*/) } });
    expect(codeOf(story.play({ ...A, api: ['x', 'y'] }, LOOK))).toBe('diverged');
  });

  test('with --require-api extras do not matter', () => {
    const story = begin({ requireApi: ['x'] });
    story.announce({ ...A, api: ['x', 'y'] });
    expect(story.announce({ ...B, api: ['x', 'z'] }).kind).toBe('wait');
    expect(codeOf(story.announce({ ...C, api: ['z'] }))).toBe('behind');
  });
});

describe('downgrades', () => {
  test('below what the world has is refused, recorded, and not counted as present', () => {
    const story = begin();
    expect(codeOf(story.announce({ ...A, schema: '41' }, '42'))).toBe('schema-downgrade');
    expect(story.doc).toMatchObject({ schemaFloor: '42', members: { a: { schema: '41' } } });
    story.announce(B);
    expect(story.announce(C)).toMatchObject({ kind: 'wait', phase: 'announce' });
  });

  test('all together, meant: nobody is held against the old numbers, and nothing is migrated back', () => {
    const story = begin();
    const down = { schema: '41', allowDowngrade: true };
    story.announce({ ...A, ...down }, '42');
    story.announce({ ...B, ...down });
    expect(story.announce({ ...C, ...down }).kind).toBe('confirm');
    expect(story.doc?.commits).toEqual([]);
  });

  test('a full re-run at a lower version waits for the others instead of being judged against the dead', () => {
    const story = begin();
    story.announce(A);
    story.announce(B);
    const again = { attempt: 2, schema: '41' };
    expect(story.announce({ ...A, ...again }).kind).toBe('wait');
    expect(story.announce({ ...B, ...again }).kind).toBe('wait');
    expect(story.announce({ ...C, ...again }).kind).toBe('migrate');
  });

  test('only the API: allowed', () => {
    const story = begin();
    const less = { api: [], attempt: 2 };
    story.announce(A, '42');
    story.announce({ ...A, ...less });
    story.announce({ ...B, ...less });
    expect(story.announce({ ...C, ...less }).kind).toBe('confirm');
  });
});

describe('R3 and R4 the claim', () => {
  test('with nobody who could migrate or tell, the last one to come adopts the schema', () => {
    const story = begin();
    const nobody = { canMigrate: false, canProbeSchema: false, canProbeApi: false };
    story.announce({ ...A, ...nobody });
    story.announce({ ...B, ...nobody });
    story.announce({ ...C, ...nobody });
    expect(story.doc).toMatchObject({ phase: 'api', schemaFloor: '42' });
    expect(story.doc?.commits).toMatchObject([{ how: 'adopted', token: 1, member: 'c' }]);
    story.play({ ...A, ...nobody }, LOOK);
    expect(story.play({ ...B, ...nobody }, LOOK)).toMatchObject({ kind: 'open', committed: false });
    expect(story.play({ ...C, ...nobody }, LOOK)).toMatchObject({ kind: 'open', committed: true });
  });

  test.each([
    ['held', 'wait', 1],
    ['dead', 'migrate', 2],
    ['expired', 'migrate', 2],
  ] as const)('a holder that is %s: another waiter is told %s', (fate, kind, token) => {
    const story = announced();
    expect(story.play(A, LOOK, fate).kind).toBe(kind);
    expect(story.doc?.claim?.token).toBe(token);
  });

  test('a suspicion without a schema probe fails the gate instead of migrating twice', () => {
    const story = begin();
    const blind = { canProbeSchema: false };
    for (const caller of [A, B, C]) story.announce({ ...caller, ...blind });
    expect(codeOf(story.play({ ...A, ...blind }, LOOK, 'expired'))).toBe('committer-lost');
    expect(story.doc).toMatchObject({ phase: 'failed', claim: { token: 1 } });
  });

  test('proof of death lets one without a probe go on; one with a probe goes before a mere suspicion fails the gate', () => {
    const proven = begin();
    for (const caller of [A, B, C]) proven.announce({ ...caller, canProbeSchema: false });
    expect(proven.play({ ...A, canProbeSchema: false }, LOOK, 'dead').kind).toBe('migrate');
    const suspected = begin();
    suspected.announce({ ...A, canProbeSchema: false });
    suspected.announce(B);
    suspected.announce(C);
    expect(suspected.play({ ...A, canProbeSchema: false }, LOOK, 'expired').kind).toBe('wait');
    expect(suspected.play(B, LOOK, 'expired').kind).toBe('migrate');
  });

  test('a re-run of the holder proves that the old one is gone', () => {
    const story = announced();
    expect(story.announce({ ...C, attempt: 2 })).toMatchObject({ kind: 'migrate', token: 2 });
  });

  test('what a dead holder left done is recorded as adopted by its re-run, within the epoch and in the next', () => {
    const within = announced();
    within.announce({ ...C, attempt: 2 }, '42');
    const adopted = {
      phase: 'api',
      claim: null,
      commits: [{ token: 2, member: 'c', to: '42', how: 'adopted' }],
    };
    expect(within.doc).toMatchObject(adopted);
    // The dead one was alive after all: what it says now comes too late.
    expect(within.play(C, commitOf(1))).toMatchObject({ kind: 'fenced' });

    const next = announced();
    next.play(A, { kind: 'deadline' });
    for (const caller of [A, B, C]) next.announce({ ...caller, attempt: 2 }, '42');
    expect(next.doc).toMatchObject({ ...adopted, epoch: 2 });
  });

  test('what a living holder has done is its own to record', () => {
    const story = announced();
    story.announce({ ...A, attempt: 2 }, '42');
    expect(story.doc).toMatchObject({ phase: 'api', claim: { member: 'c', token: 1 }, commits: [] });
    story.play(C, commitOf(1));
    expect(story.doc?.commits).toMatchObject([{ token: 1, member: 'c', how: 'ran' }]);
  });

  test('a probe alone adopts what is there, and never stands in the way of a migration', () => {
    const probe = { canMigrate: false, canProbeSchema: true };
    const nothing = { canMigrate: false, canProbeSchema: false };
    const story = begin();
    story.announce({ ...A, ...nothing });
    story.announce({ ...B, ...nothing });
    expect(story.announce({ ...C, ...probe })).toEqual({ kind: 'probe-schema', epoch: 1, to: '42' });
    expect(story.play({ ...C, ...probe }, { kind: 'adopt', worldSchema: '41' }).kind).toBe('probe-schema');
    expect(story.play({ ...C, ...probe }, { kind: 'adopt', worldSchema: '42' }).kind).toBe('confirm');
    expect(story.doc?.commits).toMatchObject([{ how: 'adopted', to: '42', token: 1 }]);
    const mixed = begin();
    mixed.announce(A);
    mixed.announce({ ...B, ...nothing });
    expect(mixed.announce({ ...C, ...probe }).kind).toBe('wait');
    expect(mixed.play(A, LOOK).kind).toBe('migrate');
  });

  test('a failed migration fails the gate for all and frees the claim', () => {
    const story = announced();
    expect(codeOf(story.play(C, { kind: 'commit-failed', token: 1, message: 'exit 1: no column' }))).toBe(
      'commit-failed',
    );
    expect(story.play(A, LOOK)).toMatchObject({
      shared: true,
      failure: { code: 'commit-failed', by: 'c', message: 'exit 1: no column' },
    });
    expect(story.doc?.claim).toBeNull();
  });
});

describe('R5 the commit', () => {
  test('counts with the claim token alone, also after the gate failed', () => {
    const story = announced();
    story.play(A, { kind: 'deadline' });
    expect(codeOf(story.play(C, commitOf(1)))).toBe('timeout');
    expect(story.doc).toMatchObject({ phase: 'failed', schemaFloor: '42', claim: null });
    story.announce({ ...A, attempt: 2 });
    expect(story.doc).toMatchObject({ epoch: 2, lastToken: 1, schemaFloor: '42' });
    story.announce({ ...B, attempt: 2 });
    expect(story.announce({ ...C, attempt: 2 }).kind).toBe('confirm');
  });

  test('a stale token is fenced and changes nothing', () => {
    const story = announced();
    story.play(A, LOOK, 'expired');
    const before = story.doc;
    expect(story.play(C, commitOf(1)).kind).toBe('fenced');
    expect(story.play(C, { kind: 'commit-failed', token: 1, message: '' }).kind).toBe('fenced');
    expect(story.play(C, { kind: 'beat', token: 1 }).kind).toBe('fenced');
    expect(story.doc).toBe(before);
    expect(story.play(C, LOOK).kind).toBe('wait');
  });

  test('one whose answer was lost is found again, not refused', () => {
    const story = announced();
    story.play(C, commitOf(1));
    const before = story.doc;
    expect(story.play(C, commitOf(1)).kind).toBe('confirm');
    expect(story.doc).toBe(before);
  });

  test('the committer confirms in the same write', () => {
    const story = announced();
    story.play(C, {
      kind: 'commit',
      token: 1,
      from: null,
      to: '42',
      how: 'ran',
      ready: { at: '', detail: '200' },
    });
    expect(story.doc).toMatchObject({ phase: 'api', members: { c: { state: 'api-ready' } } });
  });

  test('a beat is a change of the claim alone', () => {
    const story = announced();
    expect(story.play(C, { kind: 'beat', token: 1 }).kind).toBe('migrate');
    expect(story.doc?.claim?.beat).toBe(1);
    story.play(A, { kind: 'beat' });
    expect(story.doc?.members['a']?.beat).toBe(1);
  });
});

describe('R6 and R7 readiness and opening', () => {
  test('readiness before the commit, and for another, is ignored', () => {
    const story = announced();
    const before = story.doc;
    story.play(A, ready(A));
    expect(story.doc).toBe(before);
    story.play(C, commitOf(1));
    story.play(A, ready(B));
    expect(story.doc?.members['b']?.state).toBe('announced');
  });

  test('exactly one member has committed', () => {
    const story = opened();
    const committed = [A, B, C].map((caller) => story.play(caller, LOOK));
    expect(committed).toMatchObject([{ committed: false }, { committed: false }, { committed: true }]);
  });

  test('a waiter whose deadline has passed reads open and succeeds', () => {
    const story = opened();
    expect(story.play(A, { kind: 'deadline' }).kind).toBe('open');
    expect(story.doc?.phase).toBe('open');
  });

  test('a re-run after open probes its own API and succeeds alone', () => {
    const story = opened();
    const again = { ...A, attempt: 2 };
    expect(story.announce(again).kind).toBe('confirm');
    expect(story.play(again, ready(again)).kind).toBe('open');
    expect(codeOf(story.announce({ ...B, attempt: 2, schema: '41' }))).toBe('schema-downgrade');
    expect(codeOf(story.announce({ ...B, attempt: 3, api: [] }))).toBe('behind');
    expect(codeOf(story.announce({ ...B, attempt: 4, schema: '43' }))).toBe('config-mismatch');
    expect(story.doc).toMatchObject({ phase: 'open', epoch: 1 });
  });

  test('a re-run after open that is never ready times out alone', () => {
    const story = opened();
    const again = { ...A, attempt: 2 };
    story.announce(again);
    expect(story.play(again, { kind: 'deadline' })).toMatchObject({
      shared: false,
      failure: { code: 'timeout' },
    });
    expect(story.doc?.phase).toBe('open');
  });
});

describe('R8 leaving', () => {
  const LEAVE: GateEvent = { kind: 'leave', reason: 'SIGTERM', rolledBack: false, migrationEnded: false };

  test('before it is ready fails the gate, or is waited for', () => {
    const story = announced();
    story.play(A, LEAVE);
    expect(codeOf(story.play(B, LOOK))).toBe('member-left');
    expect(story.doc).toMatchObject({ claim: { token: 1 }, failure: { missing: ['a', 'c'] } });
    const patient = announced();
    patient.play({ ...A, onLeave: 'wait' }, LEAVE);
    expect(patient.doc).toMatchObject({
      phase: 'schema',
      members: { a: { state: 'left', reason: 'SIGTERM' } },
    });
    patient.play(C, commitOf(1));
    patient.play(B, ready(B));
    expect(patient.play(C, ready(C)).kind).toBe('wait');
    const again = { ...A, attempt: 2 };
    patient.announce(again);
    expect(patient.play(again, ready(again)).kind).toBe('open');
  });

  test('once ready is no failure, unless it was rolled back', () => {
    for (const rolledBack of [false, true]) {
      const story = announced();
      story.play(C, commitOf(1));
      story.play(A, ready(A));
      story.play(A, { ...LEAVE, rolledBack } as GateEvent);
      expect(story.doc?.phase).toBe(rolledBack ? 'failed' : 'api');
    }
  });

  test('gives the claim back only where the migration is certainly over', () => {
    const story = announced();
    story.play(C, { ...LEAVE, migrationEnded: true } as GateEvent);
    expect(story.doc).toMatchObject({ phase: 'failed', claim: null });
  });
});

describe('R9 the deadline', () => {
  test('fails the gate once, for all, naming who was not there', () => {
    const story = begin();
    story.announce(A);
    story.announce(B);
    expect(story.play(A, { kind: 'deadline' })).toMatchObject({
      shared: true,
      failure: { code: 'timeout', missing: ['c'], by: 'a' },
    });
    const before = story.doc;
    expect(story.play(B, { kind: 'deadline' })).toMatchObject({ failure: { by: 'a' } });
    expect(story.doc).toBe(before);
  });

  test('within the attempt that failed nobody arms it again; a later attempt does', () => {
    const story = begin();
    story.announce(A);
    story.play(A, { kind: 'deadline' });
    const before = story.doc;
    expect(story.announce(B)).toMatchObject({ kind: 'failed', shared: true, failure: { by: 'a' } });
    expect(story.announce({ ...A, id: 'another' }).kind).toBe('failed');
    expect(story.doc).toBe(before);
    expect(story.announce({ ...B, attempt: 2 })).toEqual({ kind: 'wait', epoch: 2, phase: 'announce' });
    expect(Object.keys(story.doc?.members ?? {})).toEqual(['b']);
  });

  test('a waiter that reads only after the gate was armed again is told how its own epoch ended', () => {
    const story = begin();
    story.announce(A);
    story.announce(B);
    story.play(A, { kind: 'deadline' });
    story.announce({ ...A, attempt: 2 });
    expect(story.play(B, LOOK)).toMatchObject({ epoch: 1, failure: { code: 'timeout', by: 'a' } });
    expect(story.play(B, { kind: 'deadline' })).toMatchObject({ failure: { by: 'a' } });
    expect(story.doc).toMatchObject({ epoch: 2, phase: 'announce' });
  });

  test('without a board it names everybody', () => {
    expect(begin().play(A, { kind: 'deadline' })).toMatchObject({ failure: { missing: ['a', 'b', 'c'] } });
  });
});

describe('R10 members that will not come', () => {
  const lost = (name: string, attempt = 1): GateEvent => ({
    kind: 'lost',
    jobs: [{ name, run: '7', attempt, detail: 'cancelled' }],
  });

  test('fail the gate at once, by name', () => {
    const story = begin();
    story.announce(A);
    expect(story.play(A, lost('b'))).toMatchObject({
      failure: { code: 'member-lost', lost: ['b'], message: expect.stringContaining('cancelled') },
    });
  });

  test('an old job, a stranger, one that is ready, and a committer that may be replaced do not', () => {
    const story = announced();
    story.play(A, lost('c'));
    story.play(A, lost('z'));
    expect(story.doc?.phase).toBe('schema');
    story.play(C, commitOf(1));
    story.play(B, ready(B));
    story.play(A, lost('b'));
    expect(story.doc?.phase).toBe('api');
    story.play(A, lost('c'));
    expect(story.doc?.failure).toMatchObject({ code: 'member-lost', lost: ['c'] });
    const rerun = begin();
    rerun.announce({ ...A, attempt: 2 });
    rerun.play({ ...A, attempt: 2 }, lost('b', 1));
    expect(rerun.doc?.phase).toBe('announce');
  });
});

describe('modes announce and wait-for', () => {
  const released: Caller = { mode: 'announce', canMigrate: true };
  const W: Caller = { name: 'w', mode: 'wait-for', canMigrate: true, canProbeSchema: true };
  const all = ['a', 'b', 'c'].map((name): Caller => ({ ...released, name }));
  const confirmAll = (caller: Caller): GateEvent => ({
    kind: 'api-ready',
    ready: ['a', 'b', 'c'].map((name) => ({
      name,
      incarnation: { run: '7', attempt: caller.attempt ?? 1, id: `${name}-7-1` },
    })),
  });

  test('members record themselves and end; the later job commits, probes them and opens', () => {
    const story = begin();
    expect(story.announce(W)).toEqual({ kind: 'wait', epoch: 1, phase: 'announce' });
    expect(story.doc).toBeNull();
    for (const caller of all) expect(story.announce(caller).kind).toBe('announced');
    expect(story.doc).toMatchObject({ phase: 'schema', claim: null });
    expect(story.play(W, LOOK)).toMatchObject({ kind: 'migrate', token: 1 });
    expect(story.play(W, commitOf(1))).toMatchObject({ kind: 'confirm', members: [{ name: 'a' }, {}, {}] });
    expect(story.play(W, confirmAll(W))).toMatchObject({ kind: 'open', committed: true });
    expect(Object.keys(story.doc?.members ?? {})).toEqual(['a', 'b', 'c']);
  });

  test('after a failure its re-run alone arms the gate, and the released members are still there', () => {
    const story = begin();
    for (const caller of all) story.announce(caller);
    story.announce(W);
    story.play(W, commitOf(1));
    story.play(W, { kind: 'deadline' });
    const again = { ...W, attempt: 2 };
    expect(story.announce(again)).toMatchObject({ kind: 'confirm', epoch: 2 });
    expect(story.play(again, confirmAll(W)).kind).toBe('open');
  });

  test('without the means to migrate it adopts; with other versions it is turned away', () => {
    const poor = { ...W, canMigrate: false, canProbeSchema: false };
    const story = begin();
    for (const caller of all) story.announce(caller);
    expect(codeOf(story.announce({ ...poor, schema: '43' }))).toBe('behind');
    expect(codeOf(story.announce({ ...poor, schema: '41', id: 'other' }))).toBe('behind');
    expect(story.doc?.commits).toEqual([]);
    expect(story.announce({ ...poor, id: 'third' }).kind).toBe('confirm');
    expect(story.doc?.commits).toMatchObject([{ how: 'adopted', member: 'w' }]);
  });
});

describe('scope environment', () => {
  const scope = 'environment' as const;
  const next = { run: '8', schema: '43' };

  test('a newer version after open begins a new epoch; a slow waiter of the old one still reads open', () => {
    const story = opened({ scope });
    expect(story.announce({ ...A, ...next })).toEqual({ kind: 'wait', epoch: 2, phase: 'announce' });
    expect(story.play(B, LOOK)).toMatchObject({ kind: 'open', epoch: 1 });
    story.announce({ ...B, ...next });
    expect(story.announce({ ...C, ...next })).toMatchObject({
      kind: 'migrate',
      token: 2,
      from: '42',
      to: '43',
    });
  });

  test('the same version from a later run passes alone; a lower one is refused unless it is meant', () => {
    const story = opened({ scope });
    expect(story.announce({ ...A, run: '8' }).kind).toBe('confirm');
    expect(codeOf(story.announce({ ...B, run: '8', schema: '41' }))).toBe('schema-downgrade');
    const meant = { run: '9', schema: '41', allowDowngrade: true };
    expect(story.announce({ ...A, ...meant })).toMatchObject({ kind: 'wait', epoch: 2 });
    story.announce({ ...B, ...meant });
    expect(story.announce({ ...C, ...meant }).kind).toBe('confirm');
  });

  test('three runs of their own, with one version, open together; each may be run again after a failure', () => {
    const story = begin({ scope });
    story.announce({ ...A, run: '7' });
    story.announce({ ...B, run: '8' });
    expect(story.announce({ ...C, run: '9' }).kind).toBe('migrate');
    story.play({ ...A, run: '7' }, { kind: 'deadline' });
    expect(story.announce({ ...B, run: '8', id: 'late' }).kind).toBe('failed');
    expect(story.announce({ ...A, run: '6' }).kind).toBe('failed');
    expect(story.announce({ ...A, run: '7', attempt: 2 })).toMatchObject({ kind: 'wait', epoch: 2 });
  });

  test('a later run may bring another list of members once the gate is at rest', () => {
    const story = opened({ scope });
    const wider = begin({ scope, members: ['a', 'b', 'c', 'd'] });
    wider.doc = story.doc;
    expect(wider.announce({ ...A, run: '8' })).toMatchObject({ kind: 'wait', epoch: 2 });
    expect(wider.doc?.expected).toEqual(['a', 'b', 'c', 'd']);
    story.doc = wider.doc;
    expect(codeOf(story.announce({ ...B, run: '9' }))).toBe('config-mismatch');
  });

  test('a newer run in the middle of an older upgrade brings the gate back to announce; its claim still counts', () => {
    const story = announced({ scope });
    expect(story.announce({ ...A, ...next })).toMatchObject({ kind: 'wait', phase: 'announce' });
    expect(codeOf(story.play(B, LOOK))).toBe('behind');
    story.play(C, commitOf(1));
    expect(story.doc).toMatchObject({ schemaFloor: '42', phase: 'announce' });
    story.announce({ ...B, ...next });
    expect(story.announce({ ...C, ...next })).toMatchObject({ kind: 'migrate', token: 2, from: '42' });
  });
});

test('a waiter whose board is gone announces itself again', () => {
  expect(begin().play(A, LOOK).kind).toBe('announce');
});

test('records are values: what the reducer returns is frozen, what it was given unchanged', () => {
  const story = announced();
  expect(Object.isFrozen(story.doc?.members['a']?.incarnation)).toBe(true);
  const before = JSON.stringify(story.doc);
  const kept = story.doc;
  story.play(C, commitOf(1));
  expect(JSON.stringify(kept)).toBe(before);
});
