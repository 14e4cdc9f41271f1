import { describe, expect, test } from '@jest/globals';
import { CorruptRecordError } from '../../src/base/errors.ts';
import { createCheckProbe } from '../../src/probe/check.ts';
import {
  type CheckRecord,
  checkKey,
  decodeCheckRecord,
  encodeCheckRecord,
} from '../../src/probe/check-record.ts';
import { createMemoryStore } from '../../src/store/drivers/memory.ts';
import { createManualClock } from '../support/manual-clock.ts';

const record: CheckRecord = {
  v: 1,
  status: 'passing',
  output: 'fine',
  writer: 'job 1',
  generation: 1,
  run: 'r',
  nonce: 'n',
  setAt: '2026-01-01T00:00:00.000Z',
  ttlMs: null,
  upstreams: [],
};

describe('the record of a check', () => {
  test('comes back as it went, frozen', () => {
    const back = decodeCheckRecord(encodeCheckRecord({ ...record, ttlMs: 5, upstreams: ['check:a'] }), 'db');
    expect(back).toEqual({ ...record, ttlMs: 5, upstreams: ['check:a'] });
    expect([Object.isFrozen(back), Object.isFrozen(back.upstreams)]).toEqual([true, true]);
  });

  test('stays below the store limit whatever it holds', () => {
    const long = '\u0000'.repeat(100_000);
    const upstreams = Array.from({ length: 500 }, () => long);
    const stored = encodeCheckRecord({ ...record, output: long, writer: long, upstreams });
    expect(Buffer.byteLength(stored)).toBeLessThan(64 * 1024);
  });

  test.each<[string, Record<string, unknown>]>([
    ['a newer format', { v: 2 }],
    ['an unknown status', { status: 'fine' }],
    ['a generation that is no count', { generation: 1.5 }],
    ['a generation beyond any count', { generation: 2 ** 53 - 1 }],
    ['a time to live of nothing', { ttlMs: 0 }],
    ['a missing time to live', { ttlMs: undefined }],
    ['upstreams that are no texts', { upstreams: [1] }],
  ])('%s is corrupt', (_, fields) => {
    expect(() => decodeCheckRecord(JSON.stringify({ ...record, ...fields }), 'db')).toThrow(
      CorruptRecordError,
    );
  });
});

describe('check:NAME', () => {
  const open = () => {
    const clock = createManualClock();
    const store = createMemoryStore({ clock });
    const probe = createCheckProbe({ id: 'check:db', name: 'db', namespace: 'n', store, clock });
    const signal = new AbortController().signal;
    const write = async (value: string) => {
      const key = checkKey('n', 'db');
      await store.compareAndSet(key, (await store.get(key))?.revision ?? null, value);
    };
    return { clock, store, probe, write, ask: () => probe.probe({ signal }) };
  };

  test('nobody set it: critical, and the upstream is missing', async () => {
    expect(await open().ask()).toMatchObject({ status: 'critical', absent: 'upstream', unreachable: false });
  });

  test.each(['passing', 'warning', 'critical', 'unknown'] as const)('its %s is ours', async (status) => {
    const { write, ask } = open();
    await write(encodeCheckRecord({ ...record, status, output: 'words' }));
    expect(await ask()).toMatchObject({ status, detail: 'words', absent: null });
  });

  test('a time to live runs out by what this probe saw, and a renewal starts it again', async () => {
    const { clock, write, ask } = open();
    await write(encodeCheckRecord({ ...record, ttlMs: 1000 }));
    await clock.advance(5000);
    expect(await ask()).toMatchObject({ status: 'passing', recheckAfterMs: 1001 });
    await clock.advance(1000);
    expect(await ask()).toMatchObject({ status: 'passing', recheckAfterMs: 1 });
    await clock.advance(1);
    expect(await ask()).toMatchObject({ status: 'critical', detail: 'no update for 1 s' });
    await write(encodeCheckRecord({ ...record, ttlMs: 1000, nonce: 'n2' }));
    expect((await ask()).status).toBe('passing');
  });

  test('a corrupt record is critical and fatal, a store that does not answer unreachable', async () => {
    const { write, ask, store } = open();
    await write('{"v":9}');
    expect(await ask()).toMatchObject({ status: 'critical', hint: 'fatal', unreachable: false });
    await store.close();
    expect(await ask()).toMatchObject({ unreachable: true });
  });
});
