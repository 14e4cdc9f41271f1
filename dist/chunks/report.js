import { i as invariant, e as exitCodeOf, h as hasCode, L as LockstepError } from './errors.js';

/**
 * Counting, and the two identities every result must satisfy. They are asserted in code: a sweep that lost or doubled an
 * app must end as a bug, not as a wrong report.
 */
                                                                                

/** All zero: what a skipped run counted. */
const NO_COUNTS             = Object.freeze({
  listed: 0,
  matched: 0,
  eligible: 0,
  deleted: 0,
  gone: 0,
  changed: 0,
  protected: 0,
  young: 0,
  unknownAge: 0,
  kept: 0,
  forbidden: 0,
  busy: 0,
  failed: 0,
  deferred: 0,
});

/**
 * Counts the matched apps of one pass. `listed` includes those outside scope and pattern. Throws InvariantError where an
 * identity does not hold: after an apply each eligible app has one outcome, in a plan none has, and nobody else ever has.
 */
function countApps(listed        , apps                      , isApplied         )             {
  const verdicts = (verdict         ) => apps.filter((app) => app.verdict === verdict).length;
  const outcomes = (outcome            ) => apps.filter((app) => app.outcome === outcome).length;
  const counts             = {
    listed,
    matched: apps.length,
    eligible: verdicts('eligible'),
    deleted: outcomes('deleted'),
    gone: outcomes('gone'),
    changed: outcomes('changed'),
    protected: verdicts('protected'),
    young: verdicts('young'),
    unknownAge: verdicts('unknown-age'),
    kept: verdicts('kept'),
    forbidden: outcomes('forbidden'),
    busy: outcomes('busy'),
    failed: outcomes('failed'),
    deferred: outcomes('deferred'),
  };
  const strayed = apps.find((app) => app.verdict !== 'eligible' && app.outcome !== null);
  invariant(!strayed, `an app with the verdict ${strayed?.verdict} has the outcome ${strayed?.outcome}`);
  assertIdentities(counts, isApplied);
  return counts;
}

/** Throws InvariantError unless both identities of the contract hold. */
function assertIdentities(counts            , isApplied         )       {
  const byVerdict = counts.eligible + counts.protected + counts.young + counts.unknownAge + counts.kept;
  invariant(
    counts.matched === byVerdict,
    `${counts.matched} apps matched, but the verdicts add up to ${byVerdict}`,
  );
  const byOutcome =
    counts.deleted +
    counts.gone +
    counts.changed +
    counts.forbidden +
    counts.busy +
    counts.failed +
    counts.deferred;
  const expected = isApplied ? counts.eligible : 0;
  invariant(byOutcome === expected, `${expected} outcomes were due, but the outcomes add up to ${byOutcome}`);
}

/**
 * From what a sweep came to, to the report: outcome, reason and exit code by the contract's precedence, and the reports of
 * runs that swept nothing. Pure.
 * Reasons beside the contract's own: `partial-list`, `throttled`, `conflict`, `max-deletes`, `failed`, `in-use`, `deferred`
 * (incomplete); `interrupted`, `lease-lost`; `unauthorized`, `forbidden`, `unavailable`; otherwise an error's code.
 */
                                          

/** What a conclusion is drawn from. */
                            
                              
                              
                                                      
                                   
                                                                
                                                   
                                                                 
                                 
                             
                                        
                             
 

                                                                             

/** The first that applies, in the contract's order: 130 and 143, 8, 5, 6, 3; then done. */
function concludePass(facts           )             {
  const { counts, halts, failure } = facts;
  const left = counts.busy + counts.failed + counts.deferred;
  const isShort = left > 0 || !facts.isListComplete;
  const is = (outcome             , reason               , exitCode        )             => ({
    outcome,
    reason,
    exitCode,
  });
  if (halts.has('interrupted')) return is('incomplete', 'interrupted', exitCodeOf(halts.get('interrupted')));
  // A lease lost after the last answer cost nothing.
  if (halts.has('lease-lost') && isShort) return is('incomplete', 'lease-lost', 8);
  if (halts.has('unauthorized')) return is('failed', 'unauthorized', 5);
  if (failure === 'forbidden') return is('failed', 'forbidden', 5);
  if (counts.forbidden > 0) return is('incomplete', 'forbidden', 5);
  if (facts.isUnanswered) return is('failed', 'unavailable', 6);
  if (halts.has('deadline') && isShort) return is('incomplete', 'deadline', 3);
  if ((halts.has('throttled') && isShort) || failure === 'throttled') return is('incomplete', 'throttled', 3);
  if (!facts.isListComplete) return is('incomplete', 'partial-list', 3);
  if (halts.has('conflict') && isShort) return is('incomplete', 'conflict', 3);
  if (counts.failed > 0) return is('incomplete', 'failed', 3);
  if (counts.busy > 0) return is('incomplete', 'in-use', 3);
  if (counts.deferred > 0) return is('incomplete', facts.isCapped ? 'max-deletes' : 'deferred', 3);
  if (facts.shortfall > 0) return is('incomplete', 'full', 3);
  if (!facts.isApplied) return is('planned', null, 0);
  return is(counts.eligible > 0 ? 'reaped' : 'clean', null, 0);
}

const NO_REQUESTS               = Object.freeze({
  list: 0,
  get: 0,
  delete: 0,
  other: 0,
  throttled: 0,
  store: 0,
});

/** What surrounds a pass: filled in where it is known. */
                                   
                                                                             
                                    
   
  

/** A run that rightly did nothing: exit 0, no provider call. For `not-elected`, `no-store`, `no-permission`, `low-quota` too. */
function createSkippedReport(reason        , surroundings               = {})             {
  return createEmptyReport({ outcome: 'skipped', reason, exitCode: 0 }, surroundings);
}

/**
 * A run that an error ended before it swept. Busy (the deadline passed while waiting for the lease) is exit 4; an interrupt
 * 130 or 143; every other error its own code.
 */
function createFailedReport(error         , surroundings               = {})             {
  const exitCode = exitCodeOf(error);
  if (hasCode(error, 'cancelled'))
    return createEmptyReport({ outcome: 'incomplete', reason: 'interrupted', exitCode }, surroundings);
  if (hasCode(error, 'lease-lost'))
    return createEmptyReport({ outcome: 'incomplete', reason: 'lease-lost', exitCode }, surroundings);
  const code = error instanceof LockstepError ? error.code : 'invariant';
  const reason = code === 'deadline' ? 'busy' : code;
  return createEmptyReport({ outcome: 'failed', reason, exitCode }, surroundings);
}

/** The report of one pass and what surrounded it. */
function createReport(
  pass            ,
  surroundings                                                                        ,
)             {
  return {
    ...createEmptyReport(pass, surroundings),
    counts: pass.counts,
    requests: { ...pass.requests, ...surroundings.requests },
    apps: pass.apps,
  };
}

/** The contract's shape with nothing counted, for whatever a run ended with. */
function createEmptyReport(conclusion            , surroundings               = {})             {
  return {
    format: 1,
    command: 'reap',
    outcome: conclusion.outcome,
    reason: conclusion.reason,
    counts: NO_COUNTS,
    requests: { ...NO_REQUESTS, ...surroundings.requests },
    fencingToken: surroundings.fencingToken ?? null,
    holder: surroundings.holder ?? null,
    waitedMs: Math.round(surroundings.waitedMs ?? 0),
    durationMs: Math.round(surroundings.durationMs ?? 0),
    apps: [],
    exitCode: conclusion.exitCode,
  };
}

export { NO_COUNTS as N, countApps as a, concludePass as b, createSkippedReport as c, createFailedReport as d, createReport as e };
