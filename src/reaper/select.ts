/**
 * The decision: one verdict with a reason for every matched app, which of them are to go, and in which order. Pure; ages
 * are by the provider's clock. Whatever cannot be judged is kept.
 *
 *   in scope ─▶ name matches ─▶ protected? ─▶ state ─▶ age known? ─▶ min-age ─▶ older-than or over the limit ─▶ children stay?
 *
 * The limit takes nothing that `olderThan` does not: where both are given, it only says whether there is room. With the
 * limit alone it takes the oldest until there is. An incomplete list says nothing about how many apps there are, so then
 * the limit decides nothing.
 */
import { formatDuration } from '../base/duration.ts';
import type { App } from '../provider/contract.ts';
import type { ReapSettings, Verdict } from './contract.ts';
import { orderChildrenFirst } from './order.ts';
import { MAX_NAME_LENGTH } from './pattern.ts';

/** Earlier stamps are unreadable dates or wrong units (seconds taken for milliseconds), not ages. */
const EARLIEST_CREATION_MS = Date.UTC(2001, 0, 1);
/** Clocks of one provider's servers differ by less; what is created later than this from now has no known age. */
const MAX_FUTURE_MS = 120_000;

/** What a listing told, as far as decisions need it. */
export interface Listing {
  /** Distinct by id. */
  readonly apps: readonly App[];
  readonly isComplete: boolean;
  /** The provider's clock, epoch ms; null where it told none: then no age is known. */
  readonly serverNowMs: number | null;
}

/** A matched app and what is thought of it. */
export interface Judged {
  readonly app: App;
  readonly ageMs: number | null;
  readonly verdict: Verdict;
  readonly reason: string;
}

export interface Selection {
  readonly listed: number;
  /** Every matched app, oldest first, unknown ages last. */
  readonly matched: readonly Judged[];
  /** The eligible ones in the order of deletion: children first, then oldest, ties by id. */
  readonly candidates: readonly App[];
  /** How many apps count against the limit now. */
  readonly counted: number;
  /** How many may be there at most: limit less headroom; null without a limit or where the list is incomplete. */
  readonly target: number | null;
  /** How many are too many even when every candidate is gone. */
  readonly shortfall: number;
  /** When the next matched app falls due, from now; null where none will. */
  readonly nextDueMs: number | null;
  /** How many more would go if the limit were lower: the rest of those that only the limit takes. */
  readonly spare: number;
}

/** A judgement in the making. `waitsFor`: what alone keeps the app, time to pass or the limit to be exceeded. */
type Mutable = { -readonly [K in keyof Judged]: Judged[K] } & { waitsFor: 'time' | 'excess' | null };
type Rules = Pick<ReapSettings, 'match' | 'protect' | 'olderThanMs' | 'limit' | 'headroom' | 'minAgeMs'> & {
  /** Ids of apps whose owners hold a live lease on them. */
  readonly held?: ReadonlySet<string>;
};

/** Judges a listing by the settings. */
export function selectApps(listing: Listing, rules: Rules): Selection {
  const matched = listing.apps
    .filter((app) => app.inScope && matchName(app, rules) !== 'no')
    .map((app) => judge(app, ageOf(app, listing.serverNowMs), rules))
    .sort((a, b) => (b.ageMs ?? -1) - (a.ageMs ?? -1) || compareIds(a.app, b.app));
  const eligible = new Map<string, Mutable>();
  for (const judged of matched) if (judged.verdict === 'eligible') eligible.set(judged.app.id, judged);
  keepParents(listing.apps, eligible);

  // What is already being deleted frees its place without our doing.
  const counted = listing.apps.filter((app) => app.inScope && app.state !== 'deleting').length;
  const target =
    rules.limit === null || !listing.isComplete ? null : Math.max(0, rules.limit - rules.headroom);
  if (target !== null && rules.olderThanMs === null)
    cull({ matched, eligible, apps: listing.apps, excess: counted - target, limit: rules.limit });

  return {
    listed: listing.apps.length,
    matched,
    candidates: orderChildrenFirst([...eligible.values()].map((judged) => judged.app)),
    counted,
    target,
    shortfall: target === null ? 0 : shortfallOf({ counted, target, rules, eligible, matched }),
    nextDueMs: nextDueMs(matched, rules),
    spare: matched.filter((judged) => judged.verdict === 'kept' && judged.waitsFor === 'excess').length,
  };
}

/**
 * How many places are missing. An account that is exactly full and has nothing to give is short of one: whoever asks with a
 * limit wants room. One that could cull its oldest is within its limit by choice.
 */
function shortfallOf(options: {
  counted: number;
  target: number;
  rules: Rules;
  eligible: ReadonlyMap<string, Mutable>;
  matched: readonly Mutable[];
}): number {
  const { counted, target, rules, eligible, matched } = options;
  const missing = Math.max(0, counted - eligible.size - target);
  const isExactlyFull = eligible.size === 0 && rules.limit !== null && counted >= rules.limit;
  return isExactlyFull && !matched.some((judged) => judged.waitsFor === 'excess')
    ? Math.max(1, missing)
    : missing;
}

/** The age by the provider's clock, or null where it cannot be known. */
export function ageOf(app: App, serverNowMs: number | null): number | null {
  const { createdAtMs } = app;
  if (serverNowMs === null || createdAtMs === null || !Number.isFinite(createdAtMs)) return null;
  if (createdAtMs < EARLIEST_CREATION_MS || createdAtMs > serverNowMs + MAX_FUTURE_MS) return null;
  return Math.max(0, serverNowMs - createdAtMs);
}

/** A name that cannot be judged counts as matched, so that the report shows it, and is kept. */
function matchName(app: App, rules: Rules): 'yes' | 'no' | 'unknown' {
  if (app.name.length > MAX_NAME_LENGTH) return 'unknown';
  try {
    return rules.match.matches(app.name) ? 'yes' : 'no';
  } catch {
    // A rule that cannot be evaluated protects.
    return 'unknown';
  }
}

function judge(app: App, ageMs: number | null, rules: Rules): Mutable {
  const is = (verdict: Verdict, reason: string, waitsFor: Mutable['waitsFor'] = null): Mutable => ({
    app,
    ageMs,
    verdict,
    reason,
    waitsFor,
  });
  const { minAgeMs, olderThanMs } = rules;
  if (app.name.length > MAX_NAME_LENGTH)
    return is('kept', `the name is longer than ${MAX_NAME_LENGTH} characters`);
  const protection = findProtection(app, rules);
  if (protection !== null) return is('protected', protection);
  if (rules.held?.has(app.id)) return is('kept', 'its owner holds a live lease');
  if (matchName(app, rules) === 'unknown') return is('kept', 'the pattern could not be evaluated');
  if (app.state === 'deleting') return is('kept', 'already being deleted');
  if (app.state === 'transitional') return is('kept', 'between two states');
  if (ageMs === null) return is('unknown-age', 'its age is unknown');
  if (ageMs <= minAgeMs) return is('young', `not older than ${formatDuration(minAgeMs)}`, 'time');
  if (olderThanMs === null) return is('kept', 'within the limit', 'excess');
  return ageMs > olderThanMs
    ? is('eligible', `older than ${formatDuration(olderThanMs)}`)
    : is('kept', `not older than ${formatDuration(olderThanMs)}`, 'time');
}

function findProtection(app: App, rules: Rules): string | null {
  if (app.isProtected) return 'protected by the provider';
  for (const rule of rules.protect) {
    try {
      if (rule.protects(app)) return `protected by ${rule.source}`;
    } catch {
      // A rule that cannot be evaluated protects.
      return `protected: ${rule.source} could not be evaluated`;
    }
  }
  return null;
}

/** A parent may not go while a child of it stays, wherever that child is listed. Withdraws upwards until nothing changes. */
function keepParents(apps: readonly App[], eligible: Map<string, Mutable>): void {
  const staying = apps.filter((app) => app.state !== 'deleting' && !eligible.has(app.id));
  for (let app = staying.pop(); app; app = staying.pop()) {
    const parent = app.parentId === null ? undefined : eligible.get(app.parentId);
    if (!parent) continue;
    eligible.delete(parent.app.id);
    parent.verdict = 'kept';
    parent.reason = 'has children that stay';
    parent.waitsFor = null;
    staying.push(parent.app);
  }
}

interface Cull {
  matched: readonly Mutable[];
  eligible: Map<string, Mutable>;
  apps: readonly App[];
  excess: number;
  limit: number | null;
}

/** Makes the oldest that are merely not due eligible until the limit is met; a parent only after all its children. */
function cull({ matched, eligible, apps, excess, limit }: Cull): void {
  const due = new Map(matched.filter((one) => one.waitsFor === 'excess').map((one) => [one.app.id, one]));
  const children = new Map<string, App[]>();
  for (const app of apps)
    if (app.parentId !== null) children.set(app.parentId, [...(children.get(app.parentId) ?? []), app]);
  let left = excess;
  for (const app of orderChildrenFirst([...due.values()].map((one) => one.app))) {
    if (left <= 0) return;
    const judged = due.get(app.id);
    const stays = (child: App) => child.state !== 'deleting' && !eligible.has(child.id);
    if (!judged || (children.get(app.id) ?? []).some(stays)) continue;
    judged.verdict = 'eligible';
    judged.reason = `over the limit of ${limit}`;
    eligible.set(app.id, judged);
    left -= 1;
  }
}

function nextDueMs(matched: readonly Mutable[], rules: Rules): number | null {
  const dueAgeMs = Math.max(rules.minAgeMs, rules.olderThanMs ?? 0);
  const waits = matched.flatMap(({ ageMs, waitsFor }) =>
    waitsFor === 'time' && ageMs !== null ? [Math.max(0, dueAgeMs - ageMs)] : [],
  );
  return waits.length > 0 ? waits.reduce((a, b) => Math.min(a, b)) : null;
}

function compareIds(a: App, b: App): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
