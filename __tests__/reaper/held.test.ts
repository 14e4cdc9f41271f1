import { describe, expect, test } from '@jest/globals';
import type { LeaseView } from '../../src/lease/contract.ts';
import { judgeHold, MAX_HELD_READS, readBeats, writeBeats } from '../../src/reaper/held.ts';
import { createHolds } from '../../src/reaper/holds.ts';
import { createApp, createApps, HOUR_MS, runSweep } from '../support/reaper-harness.ts';

const heldBy = (nonce: string, seq: number, leaseMs = 60_000): LeaseView => ({
  revision: 'r',
  record: {
    v: 1,
    state: 'held',
    token: 1,
    permits: 1,
    entries: [{ token: 1, nonce, seq, leaseMs, holder: { text: 't', host: 'h', pid: 1 }, since: '' }],
    tickets: [],
    note: {},
  },
});
const free: LeaseView = { revision: null, record: null };
const { signal } = new AbortController();

describe('whether an app is in use', () => {
  test('nobody holds it, or somebody was seen for the first time', () => {
    expect(judgeHold(free, { known: undefined, serverNowMs: 0 })).toEqual({ isHeld: false, seen: null });
    expect(judgeHold(heldBy('a', 3), { known: undefined, serverNowMs: 5000 })).toEqual({
      isHeld: true,
      seen: { nonce: 'a', seq: 3, serverMs: 5000 },
    });
  });

  test('a holder whose beat stands while the provider clock moved on by its lease and more is dead', () => {
    const known = { nonce: 'a', seq: 3, serverMs: 0 };
    expect(judgeHold(heldBy('a', 3), { known, serverNowMs: 170_000 }).isHeld).toBe(true);
    expect(judgeHold(heldBy('a', 3), { known, serverNowMs: 181_000 })).toEqual({
      isHeld: false,
      seen: known,
    });
    // It renewed: alive, and noted anew.
    expect(judgeHold(heldBy('a', 4), { known, serverNowMs: 999_000 })).toMatchObject({
      isHeld: true,
      seen: { seq: 4 },
    });
    expect(judgeHold(heldBy('b', 3), { known, serverNowMs: 999_000 }).isHeld).toBe(true);
  });

  test('without the provider clock nothing is ever judged dead', () => {
    const known = { nonce: 'a', seq: 3, serverMs: 0 };
    expect(judgeHold(heldBy('a', 3), { known, serverNowMs: null })).toEqual({ isHeld: true, seen: known });
  });

  test('is noted for later sweeps beside what else the note holds', () => {
    const beats = new Map([['id', { nonce: 'a', seq: 1, serverMs: 5 }]]);
    const note = writeBeats({ sweeps: { x: 1 } }, beats);
    expect(note['sweeps']).toEqual({ x: 1 });
    expect(readBeats(note)).toEqual(beats);
    expect(writeBeats(note, new Map())).toEqual({ sweeps: { x: 1 } });
    expect(readBeats({ held: { a: 7, b: { nonce: 1 }, c: null } }).size).toBe(0);
  });

  test('what could not be read, or was beyond the budget, counts as held', async () => {
    const failed: string[] = [];
    const holds = createHolds({
      source: {
        readHold: async (id) => {
          if (id === '002') throw new Error('down');
          return free;
        },
      },
      known: new Map(),
      onUnread: (error) => void failed.push(error.message),
    });
    const apps = createApps(MAX_HELD_READS + 3);
    const held = await holds.ask(apps, { serverNowMs: 0, signal });
    expect([...held].sort()).toEqual(['002', '201', '202', '203']);
    expect(failed).toEqual(['down']);
  });
});

describe('a sweep that protects apps in use', () => {
  test('asks only for those that would go, each once, and keeps those that are held', async () => {
    const asked: string[] = [];
    const apps = [...createApps(3), createApp('young', { ageMs: 60_000 })];
    const run = await runSweep({
      apps,
      holds: async (some) => {
        asked.push(...some.map((app) => app.id));
        return new Set(['002']);
      },
    });
    expect(asked).toEqual(['001', '002', '003']);
    expect(run.provider.destroyedIds().sort()).toEqual(['001', '003']);
    expect(run.result.apps.find((app) => app.id === '002')).toMatchObject({
      verdict: 'kept',
      reason: 'its owner holds a live lease',
      outcome: null,
    });
  });

  test('asks about those, too, that the limit takes instead', async () => {
    const asked: string[] = [];
    const run = await runSweep({
      apps: createApps(4),
      settings: { olderThanMs: null, limit: 3, minAgeMs: HOUR_MS },
      holds: async (some) => {
        asked.push(...some.map((app) => app.id));
        return new Set(some.map((app) => app.id).filter((id) => id !== '003'));
      },
    });
    expect(asked).toEqual(['001', '002', '003']);
    expect(run.provider.destroyedIds()).toEqual(['003']);
  });

  test('keeps a parent whose child is held', async () => {
    const run = await runSweep({
      apps: [createApp('parent'), createApp('child', { parentId: 'parent' })],
      holds: async (some) => new Set(some.map((app) => app.id).filter((id) => id === 'child')),
    });
    expect(run.provider.destroyedIds()).toEqual([]);
  });
});
