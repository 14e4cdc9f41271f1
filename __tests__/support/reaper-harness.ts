// What the reaper's tests share: apps by the dozen, a lease that does as it is told, a pace that counts, and a driver that
// runs a sweep to its end on a manual clock.
import { createDeadline, type Deadline } from '../../src/base/deadline.ts';
import { LeaseLostError } from '../../src/base/errors.ts';
import type { App } from '../../src/provider/contract.ts';
import type { Permit } from '../../src/reaper/calls.ts';
import type { NamePattern, Pace, PassResult, ReapEvent, ReapSettings } from '../../src/reaper/contract.ts';
import type { HoldsQuestion } from '../../src/reaper/held.ts';
import { sweep } from '../../src/reaper/sweep.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { createManualClock, type ManualClock, settle } from './manual-clock.ts';
import {
  createScriptedProvider,
  type ScriptedProvider,
  type ScriptedProviderOptions,
} from './scripted-provider.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** Where the manual clock's wall starts. */
export const START_WALL_MS = Date.UTC(2026, 0, 1);

/** A stale app of the pattern `ci-…`, a day old unless told otherwise. */
export function createApp(id: string, overrides: Partial<App> & { ageMs?: number } = {}): App {
  const { ageMs = DAY_MS, ...rest } = overrides;
  return {
    id,
    name: `ci-${id}`,
    createdAtMs: START_WALL_MS - ageMs,
    version: 'v1',
    state: 'ready',
    isProtected: false,
    inScope: true,
    parentId: null,
    ...rest,
  };
}

/** `count` stale apps with ids 001, 002, …; each a second younger than the one before. */
export function createApps(count: number, overrides: Partial<App> = {}): App[] {
  return Array.from({ length: count }, (_, at) => {
    const id = String(at + 1).padStart(3, '0');
    return createApp(id, { ageMs: DAY_MS - at * 1000, ...overrides });
  });
}

/** Matches what starts with `ci-`. */
export const ciPattern: NamePattern = { source: 'ci-.+', matches: (name) => name.startsWith('ci-') };

export function createSettings(overrides: Partial<ReapSettings> = {}): ReapSettings {
  return {
    match: ciPattern,
    protect: [],
    olderThanMs: HOUR_MS,
    limit: null,
    headroom: 0,
    minAgeMs: 5 * MINUTE_MS,
    maxDeletes: null,
    apply: true,
    onConflict: 'refresh-and-continue',
    concurrency: 4,
    ...overrides,
  };
}

export interface FakePermit extends Permit {
  readonly asserted: number;
  /** From now on it is lost. `quietly`: the signal does not fire, as after a pause of the whole machine. */
  lose(options?: { quietly?: boolean }): void;
}

export function createPermit(token = 7): FakePermit {
  const controller = new AbortController();
  let asserted = 0;
  let isLost = false;
  const lost = () => new LeaseLostError('the lease ran out');
  return {
    token,
    signal: controller.signal,
    get asserted() {
      return asserted;
    },
    assertHeld() {
      asserted += 1;
      if (isLost) throw lost();
    },
    lose({ quietly = false } = {}) {
      isLost = true;
      if (!quietly) controller.abort(lost());
    },
  };
}

export interface SweepRun {
  readonly result: PassResult;
  readonly provider: ScriptedProvider;
  readonly permit: FakePermit;
  readonly pace: Pace;
  readonly clock: ManualClock;
  readonly events: ReapEvent[];
  readonly tookMs: number;
  notes(): string[];
  outcomeOf(id: string): string | null | undefined;
}

export interface SweepScript extends Omit<ScriptedProviderOptions, 'clock' | 'apps'> {
  apps?: readonly App[];
  clock?: ManualClock;
  settings?: Partial<ReapSettings>;
  pace?: Pace;
  timeoutMs?: number;
  interrupt?: AbortSignal;
  permit?: FakePermit;
  holds?: HoldsQuestion;
  /** Others run on the same clock, so their timers may be left. */
  isClockShared?: boolean;
}

/** Runs one sweep over a scripted provider to its end, moving time as fast as it is asked for. */
export async function runSweep(script: SweepScript): Promise<SweepRun> {
  const clock = script.clock ?? createManualClock({ wallStartMs: START_WALL_MS });
  const provider = createScriptedProvider({ ...script, apps: script.apps ?? [], clock });
  const permit = script.permit ?? createPermit();
  const pace = script.pace ?? createThrottle({ settings: { ...provider.pace, reserve: 0 }, clock });
  const events: ReapEvent[] = [];
  const settings = createSettings(script.settings);
  const deadline = createDeadline({
    clock,
    timeoutMs: script.timeoutMs ?? 10 * MINUTE_MS,
    waitingFor: 'the sweep',
    ...(script.interrupt ? { parent: script.interrupt } : {}),
  });
  const startMs = clock.monotonicMs();
  const result = await drive(
    clock,
    sweep({
      settings,
      provider,
      pace,
      permit: settings.apply ? permit : null,
      clock,
      deadline,
      ...(script.holds ? { holds: script.holds } : {}),
      onEvent: (event) => events.push(event),
    }),
    { deadline, isClockShared: script.isClockShared ?? false },
  );
  return {
    result,
    provider,
    permit,
    pace,
    clock,
    events,
    tookMs: clock.monotonicMs() - startMs,
    notes: () => events.flatMap((event) => (event.kind === 'note' ? [event.message] : [])),
    outcomeOf: (id) => result.apps.find((app) => app.id === id)?.outcome,
  };
}

/** Moves the clock from timer to timer until the work is done; then nothing may be left pending. */
export async function drive<T>(
  clock: ManualClock,
  work: Promise<T>,
  { deadline, isClockShared = false }: { deadline?: Deadline; isClockShared?: boolean } = {},
): Promise<T> {
  let isDone = false;
  const settled = work.finally(() => {
    isDone = true;
  });
  // The caller awaits the same promise below; this one only keeps a rejection from being called unhandled meanwhile.
  settled.catch(() => undefined);
  for (let step = 0; ; step += 1) {
    await settle();
    if (isDone) break;
    if (step > 100_000) throw new Error('the work never ends');
    await clock.advanceToNext();
  }
  deadline?.dispose();
  const result = await settled;
  if (clock.pendingTimers > 0 && !isClockShared)
    throw new Error(`${clock.pendingTimers} timers were left pending`);
  return result;
}
