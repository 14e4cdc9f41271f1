/**
 * The state of one passage through a gate, shared by the loop and by its two early ends. Mutable and private to one call.
 * Invariant: only `absorb` takes over what the board said; only the loop takes events from the outbox.
 */
import type { Deadline } from '../base/deadline.ts';
import { type Alarm, createAlarm } from '../lease/alarm.ts';
import type { Revision, Store } from '../store/contract.ts';
import { createEdges } from '../store/edges.ts';
import { type Activities, createActivities } from './activities.ts';
import type { GateClaim, GateDoc } from './contract.ts';
import type { GateEvent, GateVerdict, ReduceContext } from './event.ts';
import { isSameIncarnation } from './incarnation.ts';
import { createLiveness, type Liveness } from './liveness.ts';
import type { GateOptions } from './ports.ts';
import { type Applied, type BoardRegister, createBoardRegister } from './register.ts';

/** What the loop knows; shared by its parts. */
export interface Passing {
  readonly options: GateOptions;
  readonly register: BoardRegister;
  readonly liveness: Liveness;
  readonly activities: Activities;
  readonly deadline: Deadline;
  readonly alarm: Alarm;
  /** Events that are due, the oldest first. */
  readonly outbox: GateEvent[];
  epoch: number | null;
  doc: GateDoc | null;
  /** The revision evaluated last; undefined before the first. */
  revision: Revision | null | undefined;
  /** The last token this caller held or committed. */
  token: number | null;
  wakeupsByTimer: number;
  crashed: Error | null;
}

/** The verdicts that end a passage. */
export type FinalVerdict = Extract<GateVerdict, { kind: 'open' | 'announced' | 'failed' }>;

/** Subscribes at once; whoever made it stops its activities and disposes its alarm. */
export function createPassing(options: GateOptions, deadline: Deadline): Passing {
  const { clock, store, key, logger, self, jobs, hasBeats, config } = options;
  const outbox: GateEvent[] = [];
  // A store that polls would ask twice: there the reconcile timer is the watch.
  const watched: Store = store.capabilities.nativeWatch ? store : { ...store, watch: watchNothing };
  const alarm = createAlarm({ store: watched, key, clock, logger });
  const isOwn = (claim: GateClaim) => isSameIncarnation(claim.incarnation, self.incarnation);
  const post = (event: GateEvent) => {
    const last = outbox.at(-1);
    // Several members found ready at once are one write.
    if (event.kind === 'api-ready' && last?.kind === 'api-ready' && outbox.length > 1)
      outbox[outbox.length - 1] = { kind: 'api-ready', ready: [...last.ready, ...event.ready] };
    else outbox.push(event);
    alarm.ring();
  };
  const passing: Passing = {
    options,
    register: createBoardRegister({ store, clock, key }),
    liveness: createLiveness({ clock, jobs, expected: config.expected, hasBeats, isOwn }),
    activities: createActivities({
      options,
      post,
      crash(error) {
        passing.crashed ??= error;
        alarm.ring();
      },
    }),
    deadline,
    alarm,
    outbox,
    epoch: null,
    doc: null,
    revision: undefined,
    token: null,
    wakeupsByTimer: 0,
    crashed: null,
  };
  return passing;
}

/** What the caller knows at this moment, for one reduction of the document just read. */
export function contextOf(passing: Passing, doc: GateDoc | null): ReduceContext {
  const { options, liveness, epoch } = passing;
  const { config, scope, self, clock } = options;
  liveness.see(doc);
  const at = new Date(clock.wallMs()).toISOString();
  return { config, scope, self, at, epoch, judgeHolder: liveness.judge };
}

/** Takes over what the board said. */
export function absorb(passing: Passing, { doc, revision, verdict }: Applied): void {
  const { options } = passing;
  passing.epoch = verdict.epoch;
  passing.doc = doc;
  if (verdict.kind === 'migrate') passing.token = verdict.token;
  if (passing.revision !== revision) options.onProgress?.({ kind: 'board', doc });
  passing.revision = revision;
}

export function isFinal(verdict: GateVerdict): verdict is FinalVerdict {
  return verdict.kind === 'open' || verdict.kind === 'announced' || verdict.kind === 'failed';
}

function watchNothing(_key: string, { signal }: { signal: AbortSignal }) {
  const edges = createEdges(signal);
  edges.connected();
  return edges.watch;
}
