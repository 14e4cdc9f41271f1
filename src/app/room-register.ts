/**
 * The room's record in a store: read, decide, compare-and-set until it is settled, and who was seen dead meanwhile. A store that
 * is out of reach is waited for as long as the signal allows.
 * NOT guaranteed: that a step whose reply was lost is not decided twice; every step of reaper/room.ts may be.
 */
import { type Backoff, createBackoff } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { hasCode, UnavailableError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { NOTHING_OBSERVED, type Observation, observe, takeoverInMs } from '../lease/observation.ts';
import { dropDead } from '../reaper/room.ts';
import { EMPTY_ROOM, encodeRoom, parseRoom, type RoomRecord } from '../reaper/room-record.ts';
import type { Revision, Store } from '../store/contract.ts';
import { insist } from './store-patience.ts';

const MAX_ATTEMPTS = 64;
const RACE_BACKOFF = { baseMs: 4, capMs: 500 };

export interface RoomView {
  readonly revision: Revision | null;
  readonly record: RoomRecord;
  /** How long ago, by the own clock, the present census was first seen. */
  readonly censusSeenForMs: number;
}

export interface RoomRegister {
  readonly key: string;
  read(signal: AbortSignal): Promise<RoomView>;
  /**
   * Writes what `decide` makes of what is there, until a write has landed or it wants none (null); then what is there. `decide`
   * is pure and may run several times. Errors: the store's, the signal's reason.
   */
  update(decide: (record: RoomRecord) => RoomRecord | null, signal: AbortSignal): Promise<RoomView>;
}

export function createRoomRegister({
  store,
  key,
  clock,
  nonce,
  logger,
}: {
  store: Store;
  key: string;
  clock: Clock;
  /** The own claim's; never judged dead here. */
  nonce: string;
  logger: Logger;
}): RoomRegister {
  let observation: Observation = NOTHING_OBSERVED;
  let census = { number: 0, sinceMs: clock.monotonicMs() };
  let known: RoomRecord = EMPTY_ROOM;

  const view = (revision: Revision | null, record: RoomRecord): RoomView => {
    known = record;
    const number = record.census?.number ?? 0;
    if (number > census.number) census = { number, sinceMs: clock.monotonicMs() };
    return { revision, record, censusSeenForMs: clock.monotonicMs() - census.sinceMs };
  };

  const read = async (signal: AbortSignal): Promise<RoomView> => {
    const entry = await insist({ clock, logger, signal, isRead: true }, () => store.get(key, { signal }));
    // A store that forgot (a server without persistence was started again) has counted nothing anew: what was known goes on.
    const record = entry === null ? known : parseRoom(key, entry.value);
    observation = observe(observation, record.claims, clock.monotonicMs());
    return view(entry?.revision ?? null, record);
  };

  /** Those whose beat this process saw unchanged for longer than they said it would be. */
  const deadAmong = ({ claims }: RoomRecord): ReadonlySet<string> => {
    const nowMs = clock.monotonicMs();
    const dead = claims.filter((claim) => takeoverInMs(observation, claim, nowMs) === 0);
    return new Set(dead.map((claim) => claim.nonce).filter((each) => each !== nonce));
  };

  return {
    key,
    read,
    async update(decide, signal) {
      let backoff: Backoff = createBackoff(RACE_BACKOFF);
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const current = await read(signal);
        const cleaned = dropDead(current.record, deadAmong(current.record));
        const next = decide(cleaned);
        if (next === null) return { ...current, record: cleaned };
        try {
          const text = encodeRoom(next);
          const written = await insist({ clock, logger, signal }, () =>
            store.compareAndSet(key, current.revision, text, { signal }),
          );
          if (written.ok) return view(written.revision, next);
        } catch (error) {
          // In doubt the next round decides on what is there.
          if (!hasCode(error, 'indeterminate') || signal.aborted) throw error;
        }
        const step = backoff.next(clock.random());
        backoff = step.backoff;
        await sleep(clock, step.delayMs, signal);
      }
      throw new UnavailableError(
        `the room record ${key} was changed by others ${MAX_ATTEMPTS} times in a row`,
      );
    },
  };
}
