/**
 * The beginning and the end of an epoch: an empty board, failing it, arming it again, going on to a newer upgrade, and what a
 * waiter of an earlier epoch is told. Pure.
 * Invariant: claim, tokens, commits and floor are facts about the world and survive every change of epoch (S4, S5).
 */
import { plain } from '../base/text.ts';
import {
  GATE_FORMAT,
  type GateDoc,
  type GateFailure,
  type GateFailureCode,
  MAX_HISTORY,
  MAX_MESSAGE,
} from './contract.ts';
import type { ReduceContext } from './event.ts';
import { compareRanks, latestAttempts, newestRank, type Rank } from './incarnation.ts';
import { type Blame, blameOf } from './standing.ts';

const MAX_OPEN_EPOCHS = 10;

/** The board as its first writer makes it. */
export function createBoard({ config, self }: ReduceContext): GateDoc {
  return {
    format: GATE_FORMAT,
    gate: config.gate,
    configHash: config.configHash,
    expected: config.expected,
    epoch: 1,
    phase: 'announce',
    target: null,
    schemaFloor: null,
    claim: null,
    lastToken: 0,
    commits: [],
    members: {},
    failure: null,
    deadlineMs: self.timeoutMs,
    history: [],
    openEpochs: [],
  };
}

/** What is known about a failure; the lists are worked out from the board unless given. */
export interface FailureCause {
  readonly code: GateFailureCode;
  readonly message: string;
  readonly blame?: Blame;
  readonly lost?: readonly string[];
}

/** A failure as its value; whether it is written on the board or only told to one caller is the caller's choice. */
export function createFailure(doc: GateDoc, cause: FailureCause, ctx: ReduceContext): GateFailure {
  const blame = cause.blame ?? blameOf(doc, ctx.config);
  const ranks = [ctx.self, ...Object.values(doc.members)].map((each) => each.incarnation);
  return {
    epoch: doc.epoch,
    code: cause.code,
    by: ctx.self.name,
    missing: blame.missing,
    behind: blame.behind,
    diverged: blame.diverged,
    lost: cause.lost ?? [],
    message: plain(cause.message, MAX_MESSAGE),
    at: ctx.at,
    attempts: Object.fromEntries(latestAttempts(ranks)),
  };
}

/** Fails the epoch for all. Only from a phase before `open`. */
export function failGate(doc: GateDoc, cause: FailureCause, ctx: ReduceContext): GateDoc {
  const failure = createFailure(doc, cause, ctx);
  return { ...doc, phase: 'failed', failure, history: withHistory(doc, failure) };
}

/**
 * True where this incarnation belongs to the attempt that failed, or to an earlier one: the others cannot come back before
 * that attempt has ended, so arming the gate again would make it wait for nobody.
 */
export function isCoveredBy(failure: GateFailure, rank: Rank): boolean {
  const { run, attempt } = rank;
  const failed = Object.entries(failure.attempts).map(([each, last]) => ({ run: each, attempt: last }));
  const own = failed.find((each) => each.run === run);
  if (own) return attempt <= own.attempt;
  const newest = newestRank(failed);
  return newest !== null && compareRanks(rank, newest) < 0;
}

/**
 * Starts the next epoch. Members in state `released` stay (their jobs succeeded and will not run again); all others must come
 * anew.
 */
export function startEpoch(doc: GateDoc, ctx: ReduceContext): GateDoc {
  const { config, self } = ctx;
  const { openedAt: _openedAt, ...rest } = doc;
  const released = Object.entries(doc.members).filter(
    ([name, record]) => record.state === 'released' && config.expected.includes(name),
  );
  return {
    ...rest,
    // In scope environment a later run may bring another list of members; within one run the hash is the same.
    configHash: config.configHash,
    expected: config.expected,
    epoch: doc.epoch + 1,
    phase: 'announce',
    target: null,
    members: Object.fromEntries(released),
    failure: null,
    deadlineMs: self.timeoutMs,
  };
}

/**
 * Back to `announce` within the epoch: somebody of a newer attempt came with another version, so what was agreed no longer
 * holds. The records stay, readiness is required again; a claim lives on and its commit still counts.
 */
export function returnToAnnounce(doc: GateDoc): GateDoc {
  const members = Object.entries(doc.members).map(([name, record]) => {
    const { probedIn: _probedIn, readyAt: _readyAt, ...rest } = record;
    return [name, { ...rest, state: record.state === 'api-ready' ? 'announced' : record.state }] as const;
  });
  return { ...doc, phase: 'announce', members: Object.fromEntries(members) };
}

/** Opens the epoch. */
export function openGate(doc: GateDoc, at: string): GateDoc {
  return {
    ...doc,
    phase: 'open',
    openedAt: at,
    openEpochs: [...doc.openEpochs, doc.epoch].slice(-MAX_OPEN_EPOCHS),
  };
}

/** How an earlier epoch ended, for a waiter that comes to read only now. */
export function endOfEpoch(doc: GateDoc, epoch: number, ctx: ReduceContext): 'open' | GateFailure {
  if (doc.openEpochs.includes(epoch)) return 'open';
  const message = `the gate went on to try ${doc.epoch} without this job, which took part in try ${epoch}`;
  const unknown = { missing: [], behind: [], diverged: [] };
  return (
    doc.history.find((failure) => failure.epoch === epoch) ??
    createFailure(doc, { code: 'superseded', message, blame: unknown }, ctx)
  );
}

// The history only has to answer late waiters; `attempts` matter for the present failure alone, and cost room.
function withHistory(doc: GateDoc, failure: GateFailure): readonly GateFailure[] {
  return [...doc.history, { ...failure, attempts: {} }].slice(-MAX_HISTORY);
}
