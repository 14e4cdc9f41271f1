/**
 * What `withRoom` takes and gives. The store and its lease manager are the caller's, and so is the provider: nothing here closes
 * them. The account's name is the provider's own, so that all who share it share the room.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { HolderInfo, Lease, LeaseManager } from '../lease/contract.ts';
import type { Pace, ReapSettings } from '../reaper/contract.ts';
import type { Store } from '../store/contract.ts';

/** The account is full; `limit` where the provider said how many it may have. */
export interface LimitRefusal {
  readonly limit: number | null;
}

export interface RoomOptions {
  readonly store: Store;
  /** Of the same store; not closed. */
  readonly manager: LeaseManager;
  /** `default` unless given. */
  readonly namespace?: string;
  /** What may go to make room. `limit`: how many apps the account may have; null takes the provider's word for it. */
  readonly settings: Omit<ReapSettings, 'apply'>;
  readonly pace: Pace;
  readonly holder: HolderInfo;
  /** How long the creator waits for room at most; 10 minutes unless given. */
  readonly timeoutMs?: number;
  readonly leaseMs?: number;
  readonly pollMs?: number;
  /**
   * Others free places in ways the store does not tell beforehand (their `giveBack`): wait for one until the time is over. Off
   * unless given: then only an expiry in time, or somebody who is creating, is waited for.
   */
  readonly isReleaseExpected?: boolean;
  /** Classifies what the caller's own client throws or returns; the provider's classification unless given. */
  readonly classify?: (outcome: unknown) => LimitRefusal | null | Promise<LimitRefusal | null>;
  /** The app's id, from what was created: then a lease on it is held until `giveBack`, and sweeps let it live. */
  readonly idOf?: (value: never) => string;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
}

/** What was created, and its place. */
export interface RoomPlace<T> {
  readonly value: T;
  /** The lease on the app; null without `idOf`, or where it could not be had. */
  readonly lease: Lease | null;
  /** Call it once the app is destroyed: its place is free, and one who waits is woken. Best effort, never rejects; idempotent. */
  giveBack(): Promise<void>;
}

/** Where the caller gave none. */
export const ROOM_DEFAULTS = Object.freeze({
  timeoutMs: 600_000,
  leaseMs: 60_000,
  pollMs: 5000,
  namespace: 'default',
});
