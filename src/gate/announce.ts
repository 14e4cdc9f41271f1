/**
 * R1: a member announces itself, or a `wait-for` job joins. Records first, judges after: also a version that is refused is
 * recorded, so that what the board says is what is deployed (LXD #15313).
 * Invariant: what the config refuses, an older incarnation, and a late one of a failed attempt leave no trace.
 */
import type { GateDoc, MemberRecord } from './contract.ts';
import { createBoard, createFailure, isCoveredBy, returnToAnnounce, startEpoch } from './epoch.ts';
import type { GateEvent, GateVerdict, ReduceContext } from './event.ts';
import { compareRanks, isSameIncarnation } from './incarnation.ts';
import { MISMATCH_REASON } from './refusal.ts';
import { fits, isBelow, recordOf } from './standing.ts';
import { refuse, superseded } from './verdict.ts';
import { compareVersions, highestSchema } from './versions.ts';

type Announce = Extract<GateEvent, { kind: 'announce' }>;

/** The board with the announcement on it (not yet settled), or the verdict that turns it away without a trace. */
export function announce(
  found: GateDoc | null,
  event: Announce,
  ctx: ReduceContext,
): { doc: GateDoc } | { refused: GateVerdict } {
  const { self, config } = ctx;
  const board = found ?? createBoard(ctx);
  const isMember = self.mode !== 'wait-for';

  // 1. What is wrong with the settings can only be mended there.
  if (isMember && !config.expected.includes(self.name)) {
    const message = `${self.name} is not one of the expected members ${config.expected.join(', ')}`;
    return turnAway(board, 'unexpected-member', { message, ctx });
  }
  if (board.configHash !== config.configHash && !mayBringConfig(board, ctx))
    return turnAway(board, 'config-mismatch', { message: describeMismatch(board, ctx), ctx });

  // 2. A newer incarnation replaces the record, an older one changes nothing, the same one has said it before.
  const record = isMember ? recordOf(board, self.name) : undefined;
  if (record && compareRanks(record.incarnation, self.incarnation) > 0)
    return { refused: superseded(board, record, ctx) };
  if (record && isSameIncarnation(record.incarnation, self.incarnation)) return { doc: board };

  // 3. A gate that failed is armed again by a later attempt alone; an open or running one by a newer upgrade.
  if (board.phase === 'failed' && board.failure && isCoveredBy(board.failure, self.incarnation)) {
    const { failure, epoch } = board;
    return { refused: { kind: 'failed', epoch, failure, shared: true } };
  }
  const armed = seedFloor(armFor(board, ctx), event, ctx);
  return { doc: isMember ? withRecord(armed, ctx) : armed };
}

function turnAway(
  board: GateDoc,
  code: 'unexpected-member' | 'config-mismatch',
  { message, ctx }: { message: string; ctx: ReduceContext },
): { refused: GateVerdict } {
  const blame = { missing: [], behind: [], diverged: [] };
  return { refused: refuse(createFailure(board, { code, message, blame }, ctx)) };
}

function armFor(board: GateDoc, ctx: ReduceContext): GateDoc {
  if (board.phase === 'failed') return startEpoch(board, ctx);
  // A wait-for job follows the members, it never calls them back.
  if (ctx.self.mode === 'wait-for' || board.phase === 'announce' || !startsUpgrade(board, ctx)) return board;
  return board.phase === 'open' ? startEpoch(board, ctx) : returnToAnnounce(board);
}

/** Whether this announcement, to a board past `announce`, begins another upgrade instead of joining or being refused. */
function startsUpgrade(board: GateDoc, ctx: ReduceContext): boolean {
  const { self, config, scope } = ctx;
  if (board.configHash !== config.configHash) return true;
  if (board.target === null || fits(self.versions, board.target, config)) return false;
  const isBelowFloor = board.schemaFloor !== null && isBelow(self.versions.schema, board.schemaFloor, config);
  if (isBelowFloor && !self.allowDowngrade) return false;
  const { relation } = compareVersions(self.versions, board.target, config);
  if (board.phase !== 'open')
    return isNewest(board, ctx) || (scope === 'environment' && relation === 'ahead');
  if (scope === 'run') return false;
  // An upgrade may also drop an API; a mere lack is a straggler unless it says that it is meant.
  return relation === 'ahead' || self.allowDowngrade || (relation === 'diverged' && isNewest(board, ctx));
}

/** True where nobody on the board is of the same or a later attempt. */
function isNewest(board: GateDoc, { self }: ReduceContext): boolean {
  return Object.values(board.members).every(
    (record) => compareRanks(record.incarnation, self.incarnation) < 0,
  );
}

// The list of members is frozen for an epoch; in an environment a later run that begins a new one may bring its own.
function mayBringConfig(board: GateDoc, ctx: ReduceContext): boolean {
  if (ctx.scope !== 'environment' || ctx.self.mode === 'wait-for' || !isNewest(board, ctx)) return false;
  if (board.phase === 'open') return true;
  return board.failure !== null && !isCoveredBy(board.failure, ctx.self.incarnation);
}

function describeMismatch(board: GateDoc, { config }: ReduceContext): string {
  const [theirs, ours] = [board.expected.join(', '), config.expected.join(', ')];
  if (theirs === ours)
    return `the members agree, but require-api or version-scheme differs from that of the first job`;
  return `the gate expects the members ${theirs}; this job names ${ours}`;
}

// What the world has is a floor too; in an environment the board itself remembers it.
function seedFloor(board: GateDoc, { worldSchema }: Announce, { scope, config }: ReduceContext): GateDoc {
  if (scope !== 'run' || worldSchema === undefined) return board;
  const known = board.schemaFloor === null ? [] : [board.schemaFloor];
  const schemaFloor = highestSchema([...known, worldSchema], config.versionScheme);
  return schemaFloor === board.schemaFloor ? board : { ...board, schemaFloor };
}

function withRecord(board: GateDoc, ctx: ReduceContext): GateDoc {
  const { self } = ctx;
  const isMismatch = board.phase !== 'announce' && isAheadOf(board, ctx);
  const record: MemberRecord = {
    incarnation: self.incarnation,
    ...self.versions,
    state: isMismatch ? 'left' : self.mode === 'announce' ? 'released' : 'announced',
    beat: 0,
    since: ctx.at,
    ...(isMismatch ? { reason: MISMATCH_REASON } : {}),
    ...committerOf(ctx),
    ...(self.allowDowngrade ? { allowDowngrade: true as const } : {}),
    ...(self.probe ? { probe: self.probe } : {}),
  };
  return { ...board, members: { ...board.members, [self.name]: record } };
}

// Only possible in scope run: in an environment it would have begun a new upgrade.
function isAheadOf(board: GateDoc, { self, config }: ReduceContext): boolean {
  if (board.target === null) return false;
  return compareVersions(self.versions, board.target, config).relation === 'ahead';
}

function committerOf({ self }: ReduceContext): Pick<MemberRecord, 'committer'> {
  // A job that ends after announcing cannot migrate.
  if (self.mode === 'announce') return {};
  if (self.canMigrate) return { committer: self.canProbeSchema ? 'both' : 'migrate' };
  return self.canProbeSchema ? { committer: 'probe' } : {};
}
