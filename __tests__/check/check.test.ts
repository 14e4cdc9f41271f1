import { describe, expect, test } from '@jest/globals';
import { createDeadline } from '../../src/base/deadline.ts';
import {
  CorruptRecordError,
  DeadlineError,
  IndeterminateError,
  UnavailableError,
} from '../../src/base/errors.ts';
import { createChecks } from '../../src/check/check.ts';
import { checkKey } from '../../src/probe/check-record.ts';
import type { FaultPlan } from '../support/faulty-store.ts';
import { createTestWorld, MINUTE, SECOND } from './scripted.ts';

describe('set and get', () => {
  test('what was set is read back, with its writer and a generation that rises', async () => {
    const world = createTestWorld();
    const checks = createChecks(world.open('deploy job'));
    await checks.set('db', { status: 'warning', output: 'slow', ttlMs: MINUTE });
    await checks.set('db', { status: 'passing', output: 'fine' });
    expect(await checks.get('db')).toMatchObject({
      status: 'passing',
      output: 'fine',
      record: { writer: 'deploy job', generation: 2, ttlMs: null, upstreams: [] },
    });
  });

  test('a check that nobody set reads unknown', async () => {
    expect(await createChecks(createTestWorld().open('w')).get('db')).toMatchObject({
      status: 'unknown',
      record: null,
    });
  });

  test('a single read cannot have observed an expiry and shows the stored status', async () => {
    const world = createTestWorld();
    const checks = createChecks(world.open('w'));
    await checks.set('db', { status: 'passing', ttlMs: SECOND });
    await world.clock.advance(MINUTE);
    expect((await checks.get('db')).status).toBe('passing');
  });

  test('outputs and writers are one printable line, whatever was given', async () => {
    const world = createTestWorld();
    await createChecks(world.open('a\nb')).set('db', { status: 'passing', output: '\u001b[2J::x\n\u202ey' });
    expect(JSON.stringify(world.stored('db'))).not.toMatch(/\\n|\\u001b|\u202e/);
  });

  test('many who set at once all get through, one generation each', async () => {
    const world = createTestWorld();
    const setting = Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        createChecks(world.open(`w${at}`)).set('db', { status: 'passing' }),
      ),
    );
    await world.clock.advance(10 * SECOND);
    const generations = (await setting).map((record) => record.generation);
    expect(generations.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test.each(['lose-reply', 'lose-request', 'apply-late'] as const)(
    'a write with %s is settled by reading back, and lands once in the end',
    async (fault) => {
      let writes = 0;
      const world = createTestWorld({
        decide: ({ kind }): FaultPlan =>
          kind === 'compareAndSet' && ++writes === 1 ? { fault, lateMs: 5 * SECOND } : {},
      });
      const setting = createChecks(world.open('w')).set('db', { status: 'passing' });
      await world.clock.advance(10 * SECOND);
      const record = await setting;
      expect(world.stored('db')).toEqual(record);
      expect(world.written('db')).toHaveLength(1);
    },
  );

  test('a write in doubt that cannot be read back stays in doubt: IndeterminateError', async () => {
    let isCut = false;
    const world = createTestWorld({
      decide: ({ kind }): FaultPlan => {
        if (kind === 'compareAndSet') isCut = true;
        return isCut ? { fault: kind === 'get' ? 'refuse' : 'lose-reply' } : {};
      },
    });
    const setting = createChecks(world.open('w')).set('db', { status: 'passing' });
    const outcome = expect(setting).rejects.toBeInstanceOf(IndeterminateError);
    await world.clock.advance(10 * SECOND);
    await outcome;
  });

  test('a silent store ends a set within its operation timeouts, in doubt', async () => {
    const world = createTestWorld({
      decide: ({ kind }): FaultPlan => (kind === 'compareAndSet' ? { fault: 'blackhole' } : {}),
    });
    const setting = createChecks(world.open('w', { operationTimeoutMs: 100 })).set('db', {
      status: 'passing',
    });
    const outcome = expect(setting).rejects.toBeInstanceOf(IndeterminateError);
    await world.clock.advance(MINUTE);
    await outcome;
    expect(world.clock.pendingTimers).toBe(0);
  });

  test.each([['{"v":2,"status":"passing"}'], ['not JSON'], ['{"v":1}'], ['[]']])(
    'a record that is not ours (%s) is refused and left untouched',
    async (value) => {
      const world = createTestWorld();
      const open = world.open('w');
      await open.store.compareAndSet(checkKey('test', 'db'), null, value);
      const checks = createChecks(open);
      await expect(checks.get('db')).rejects.toBeInstanceOf(CorruptRecordError);
      await expect(checks.set('db', { status: 'passing' })).rejects.toBeInstanceOf(CorruptRecordError);
      expect(world.network.backend.read(checkKey('test', 'db'))?.value).toBe(value);
    },
  );
});

describe('wait', () => {
  const open = (decide?: (kind: string) => FaultPlan) => {
    const world = createTestWorld(decide ? { decide: ({ kind }) => decide(kind) } : {});
    const deadline = createDeadline({ clock: world.clock, timeoutMs: 10 * MINUTE, waitingFor: 'check db' });
    return { world, checks: createChecks(world.open('w')), signal: deadline.signal, deadline };
  };

  test('a status that is there already returns at once', async () => {
    const { checks, signal, deadline } = open();
    await checks.set('db', { status: 'passing' });
    expect(await checks.wait('db', { pollMs: MINUTE, signal })).toMatchObject({ status: 'passing' });
    deadline.dispose();
  });

  test('a change arrives within one notification, and every change is told', async () => {
    const { world, checks, signal, deadline } = open();
    const told: string[] = [];
    const onChange = (view: { status: string }) => told.push(view.status);
    const waiting = checks.wait('db', { pollMs: MINUTE, signal, onChange });
    await world.clock.advance(0);
    await checks.set('db', { status: 'warning' });
    await world.clock.advance(0);
    await checks.set('db', { status: 'passing' });
    await world.clock.advance(0);
    expect((await waiting).status).toBe('passing');
    expect(told).toEqual(['unknown', 'warning', 'passing']);
    deadline.dispose();
    expect(world.clock.pendingTimers).toBe(0);
  });

  test('a lost edge costs one poll', async () => {
    const { world, checks, signal, deadline } = open((kind) => ({ dropEdge: kind === 'edge' }));
    const waiting = checks.wait('db', { pollMs: MINUTE, signal });
    await world.clock.advance(SECOND);
    await checks.set('db', { status: 'passing' });
    await world.clock.advance(MINUTE * 1.1);
    expect((await waiting).status).toBe('passing');
    deadline.dispose();
  });

  test('a time to live that nobody renewed reads critical, by how long the waiter saw it unchanged', async () => {
    const { world, checks, signal, deadline } = open();
    await checks.set('db', { status: 'passing', ttlMs: 30 * SECOND });
    await world.clock.advance(5 * MINUTE);
    const waiting = checks.wait('db', { pollMs: MINUTE, signal, until: 'critical' });
    let ended = false;
    void waiting.then(() => {
      ended = true;
    });
    await world.clock.advance(29 * SECOND);
    expect(ended).toBe(false);
    await checks.set('db', { status: 'passing', ttlMs: 30 * SECOND });
    await world.clock.advance(29 * SECOND);
    expect(ended).toBe(false);
    await world.clock.advance(2 * SECOND);
    expect(await waiting).toMatchObject({ status: 'critical', output: 'no update for 30 s' });
    deadline.dispose();
  });

  test('the deadline ends it with its own error; where the store never answered that is said instead', async () => {
    const quiet = open();
    const silent = quiet.checks.wait('db', { pollMs: MINUTE, signal: quiet.signal });
    const down = open(() => ({ fault: 'refuse' }));
    const unanswered = down.checks.wait('db', { pollMs: MINUTE, signal: down.signal });
    const outcomes = Promise.all([
      expect(silent).rejects.toBeInstanceOf(DeadlineError),
      expect(unanswered).rejects.toBeInstanceOf(UnavailableError),
    ]);
    await quiet.world.clock.advance(10 * MINUTE);
    await down.world.clock.advance(10 * MINUTE);
    await outcomes;
    expect([quiet.world.clock.pendingTimers, down.world.clock.pendingTimers]).toEqual([0, 0]);
  });
});
