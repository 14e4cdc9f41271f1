import { describe, expect, test } from '@jest/globals';
import type { GateClaim } from '../../src/gate/contract.ts';
import { claimBeat, type HolderSighting, judgeHolder } from '../../src/gate/holder.ts';
import { NOTHING_OBSERVED, observe } from '../../src/lease/observation.ts';

const CLAIM: GateClaim = {
  member: 'a',
  incarnation: { run: '7', attempt: 1, id: 'job-1' },
  token: 3,
  beat: 5,
  leaseMs: 60_000,
  since: '2026-01-01T12:00:00Z',
};

describe('whether the holder of the claim may be replaced', () => {
  const seenAt = (nowMs: number, claim = CLAIM) => observe(NOTHING_OBSERVED, [claimBeat(claim)], nowMs);
  const sighting = (change: Partial<HolderSighting>): HolderSighting => ({
    observation: seenAt(0),
    nowMs: 0,
    endedIds: new Set(),
    hasBeats: true,
    ...change,
  });

  test.each([
    ['seen a moment ago', { nowMs: 1000 }, 'held'],
    ['unchanged for less than its lease and the drift', { nowMs: 60_500 }, 'held'],
    ['unchanged for longer', { nowMs: 60_600 }, 'expired'],
    ['never seen by this observer', { observation: NOTHING_OBSERVED, nowMs: 1e9 }, 'held'],
    ['whose beat has risen since', { observation: seenAt(0, { ...CLAIM, beat: 4 }), nowMs: 1e9 }, 'held'],
    ['seen under an earlier token', { observation: seenAt(0, { ...CLAIM, token: 2 }), nowMs: 1e9 }, 'held'],
    ['whose job has ended', { endedIds: new Set(['job-1']) }, 'dead'],
    ['on a store without beats, however old', { nowMs: 1e9, hasBeats: false }, 'held'],
  ] as const)('%s: %s', (_what, change, fate) => {
    expect(judgeHolder(CLAIM, sighting(change))).toBe(fate);
  });
});
