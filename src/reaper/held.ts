/**
 * Apps in use: an app whose owner holds a live lease on it is never deleted, whatever its age. Asked only for apps that would
 * go, and for so many at most; what could not be asked counts as held. Pure, but for the one function type the app wires.
 * A lease that is held says nothing about its holder's life, and a sweep has no time to watch it. So each sweep notes which
 * beat it saw and what the provider's clock said; when a later sweep sees the same beat although that one clock has moved on by
 * more than the lease, the holder is dead. Two readings of one clock are compared, never two machines' clocks.
 */
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import type { LeaseView } from '../lease/contract.ts';
import { takeoverAfterMs } from '../lease/timing.ts';
import type { App } from '../provider/contract.ts';

/** More than this are not asked about in one sweep: they are kept for the next. */
export const MAX_HELD_READS = 200;
/** The provider's servers disagree by less, and their stamps are whole seconds. */
const SERVER_SKEW_MS = 120_000;
const MAX_NOTED = 100;

/** A beat of an owner, and when the provider's clock said what. */
export interface SeenBeat {
  readonly nonce: string;
  readonly seq: number;
  readonly serverMs: number;
}

/** Beats by the app's id. */
export type SeenBeats = ReadonlyMap<string, SeenBeat>;

/** Which of the apps are held; asked in the sweep, with the provider's time. Rejects with the signal's reason only. */
export type HoldsQuestion = (
  apps: readonly App[],
  options: { serverNowMs: number | null; signal: AbortSignal },
) => Promise<ReadonlySet<string>>;

/** Whether an app is held by a living owner, and the beat to note; null where there is none. */
export function judgeHold(
  view: LeaseView,
  { known, serverNowMs }: { known: SeenBeat | undefined; serverNowMs: number | null },
): { isHeld: boolean; seen: SeenBeat | null } {
  const entry = view.record?.entries[0];
  if (!entry) return { isHeld: false, seen: null };
  if (serverNowMs === null) return { isHeld: true, seen: known ?? null };
  const { nonce, seq, leaseMs } = entry;
  const isSame = known !== undefined && known.nonce === nonce && known.seq === seq;
  if (!isSame) return { isHeld: true, seen: { nonce, seq, serverMs: serverNowMs } };
  const unchangedMs = serverNowMs - known.serverMs;
  return { isHeld: unchangedMs <= takeoverAfterMs(leaseMs) + SERVER_SKEW_MS, seen: known };
}

/** The beats that earlier sweeps noted; what cannot be read was not noted, which protects. */
export function readBeats(note: JsonObject): SeenBeats {
  const held = note['held'];
  const beats = new Map<string, SeenBeat>();
  if (!isJsonObject(held)) return beats;
  for (const [id, value] of Object.entries(held)) {
    if (!isJsonObject(value)) continue;
    const { nonce, seq, serverMs } = value;
    if (typeof nonce === 'string' && Number.isSafeInteger(seq) && Number.isFinite(serverMs))
      beats.set(id, { nonce, seq: seq as number, serverMs: serverMs as number });
  }
  return beats;
}

/** The note with these beats and no others. */
export function writeBeats(note: JsonObject, beats: SeenBeats): JsonObject {
  const { held: _before, ...rest } = note;
  return beats.size === 0 ? rest : { ...rest, held: Object.fromEntries([...beats].slice(0, MAX_NOTED)) };
}
