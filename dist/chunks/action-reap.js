"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const reap = require("./reap.js");

const core = require("./core.js");

const summary = require("./summary.js");

const summaryTimeline = require("./summary-timeline.js");

const MAX_OPEN_ROWS = 25;

const MAX_STALE_ROWS = 300;

const TROUBLES = [ "failed", "forbidden", "busy", "changed" ];

const MAX_OTHER_ROWS = 100;

const MAX_BARS = 25;

const MAX_TROUBLED_BARS = 15;

const MAX_NAME = 80;

const APPLY_HINT = "Set `apply: true` to do it.";

const MARKS = {
 reaped: "\u2705",
 clean: "\u2705",
 planned: "\ud83d\udccb",
 skipped: "\u23ed\ufe0f",
 incomplete: "\u26a0\ufe0f",
 failed: "\u274c"
};

function renderReapSummary(report, times) {
 const stale = report.apps.filter(app => app.verdict === "eligible");
 const others = report.apps.filter(app => app.verdict !== "eligible");
 return summary.joinParts([ `### ${MARKS[report.outcome]} lockstep reap: ${report.outcome}`, sentence(report), report.counts.listed > 0 ? renderCounts(report.counts) : "", times ? summaryTimeline.renderTimeline(timelineOf(report, times)) : "", renderStale(stale), others.length > 0 ? summary.renderDetails(`${others.length} that stay`, renderApps(others, MAX_OTHER_ROWS)) : "", renderCost(report) ]);
}

function sentence(report) {
 const text = reap.describeOutcome(report, core.createStyle({
  colors: false
 }), "");
 const escaped = core.forMarkdown(text.trimEnd(), 600);
 return report.outcome === "planned" && report.counts.eligible > 0 ? `${escaped} ${APPLY_HINT}` : escaped;
}

function renderCounts(counts) {
 const always = [ [ "listed", counts.listed ], [ "matched", counts.matched ], [ "stale", counts.eligible ], [ "deleted", counts.deleted ] ];
 const rest = [ [ "already gone", counts.gone ], [ "changed", counts.changed ], [ "forbidden", counts.forbidden ], [ "in use", counts.busy ], [ "failed", counts.failed ], [ "deferred", counts.deferred ], [ "protected", counts.protected ], [ "young", counts.young ], [ "age unknown", counts.unknownAge ], [ "kept", counts.kept ] ];
 const shown = [ ...always, ...rest.filter(([, n]) => n > 0) ];
 return summary.renderMarkdownTable(shown.map(([name]) => name), [ shown.map(([, n]) => String(n)) ], shown.map((_, column) => column));
}

function renderStale(stale) {
 if (stale.length <= MAX_OPEN_ROWS) return renderApps(stale, MAX_OPEN_ROWS);
 const troubled = stale.filter(({outcome: outcome}) => isTrouble(outcome));
 return summary.joinParts([ renderApps(troubled, MAX_OTHER_ROWS), summary.renderDetails(`All ${stale.length} stale apps`, renderApps(stale, MAX_STALE_ROWS)) ]).trimEnd();
}

function renderApps(apps, most) {
 if (apps.length === 0) return "";
 const rows = apps.slice(0, most).map(app => [ core.forMarkdown(app.name, MAX_NAME), app.ageMs === null ? "?" : core.formatDuration(app.ageMs).replaceAll(" ", "&nbsp;"), core.forMarkdown(app.reason, 120), outcomeCell(app) ]);
 const more = apps.length - rows.length;
 return summary.joinParts([ summary.renderMarkdownTable([ "app", "age", "rule", "outcome" ], rows, [ 1 ]), more > 0 ? `\u2026 and ${more} more; the file that the output \`result-file\` names has them all.` : "" ]).trimEnd();
}

function outcomeCell({outcome: outcome, verdict: verdict}) {
 if (outcome === null) return verdict === "eligible" ? "would be deleted" : verdict;
 return isTrouble(outcome) ? `**${outcome}**` : outcome;
}

function isTrouble(outcome) {
 return TROUBLES.some(trouble => trouble === outcome);
}

function renderCost(report) {
 const {requests: requests} = report;
 const kinds = [ [ requests.list, "list" ], [ requests.get, "read" ], [ requests.delete, "delete" ], [ requests.other, "other" ] ];
 const sent = kinds.reduce((sum, [n]) => sum + n, 0);
 const parts = kinds.filter(([n]) => n > 0).map(([n, kind]) => `${n} ${kind}`);
 const words = [ `${sent} request${sent === 1 ? "" : "s"} to the provider${parts.length > 0 ? ` (${parts.join(", ")})` : ""}`, `${requests.store} to the store`, ...requests.throttled > 0 ? [ `${requests.throttled} throttled` ] : [], ...report.fencingToken === null ? [] : [ `fencing token ${report.fencingToken}` ], ...report.holder === null ? [] : [ `holder ${core.forMarkdown(report.holder, 120)}` ], core.formatDuration(report.durationMs) ];
 return `<sub>${words.join(" \xb7 ")}</sub>`;
}

function timelineOf(report, times) {
 const bar = (word, name, ...span) => ({
  word: word,
  name: name,
  startMs: span[0],
  endMs: span[1],
  kind: "normal"
 });
 const lease = [];
 if (times.waitedFromMs !== null) lease.push(bar("waiting", "", times.waitedFromMs, times.acquiredMs ?? times.endMs));
 if (times.acquiredMs !== null) lease.push(bar("held,", `token ${report.fencingToken ?? ""}`, times.acquiredMs, times.endMs));
 const list = times.plannedMs === null ? [] : [ bar("listed", `${report.counts.listed} apps`, times.listedFromMs, times.plannedMs) ];
 return [ {
  title: "Lease",
  bars: lease
 }, {
  title: "List",
  bars: list
 }, {
  title: "Delete",
  bars: appBars(report, times)
 } ];
}

function appBars(report, times) {
 const byId = new Map(report.apps.map(app => [ app.id, app ]));
 const all = times.apps.flatMap(({id: id, startMs: startMs, endMs: endMs}) => {
  const app = byId.get(id);
  if (!app) return [];
  const kind = isTrouble(app.outcome) ? "trouble" : "done";
  return [ {
   word: app.outcome ?? app.verdict,
   name: core.plain(app.name, 60),
   startMs: startMs,
   endMs: endMs,
   kind: kind
  } ];
 }).sort((a, b) => a.startMs - b.startMs);
 const troubled = all.filter(({kind: kind}) => kind === "trouble").slice(0, MAX_TROUBLED_BARS);
 const shown = new Set([ ...all.slice(0, MAX_BARS), ...troubled ]);
 const rest = all.filter(bar => !shown.has(bar));
 const bars = all.filter(bar => shown.has(bar));
 const [first, ...others] = rest;
 if (!first) return bars;
 const endMs = others.reduce((latest, bar) => Math.max(latest, bar.endMs), first.endMs);
 return [ ...bars, {
  word: "and",
  name: `${rest.length} more`,
  startMs: first.startMs,
  endMs: endMs,
  kind: "done"
 } ];
}

function createReapAction(clock) {
 const times = createReapTimes(clock);
 const style = core.createStyle({
  colors: false
 });
 return {
  run: (context, resolved, step) => reap.runReap({
   ...context,
   exportVariable: (name, value) => step.exportVariable(name, value),
   onReapEvent(event) {
    times.onEvent(event);
    const line = reap.describeReapEvent(event);
    if (line) context.logger[line.level](line.message);
   }
  }, resolved),
  renderLog: report => [ reap.summarizeReap(report, style, APPLY_HINT.replaceAll("`", "")) ],
  renderSummary: report => renderReapSummary(report, times.read())
 };
}

function createReapTimes(clock) {
 const startMs = clock.monotonicMs();
 const nowMs = () => clock.monotonicMs() - startMs;
 const apps = [];
 let waitedFromMs = null;
 let acquiredMs = null;
 let plannedMs = null;
 let hasEvents = false;
 return {
  onEvent(event) {
   hasEvents = true;
   if (event.kind === "waiting") waitedFromMs ??= nowMs();
   if (event.kind === "acquired") acquiredMs = nowMs();
   if (event.kind === "planned") plannedMs = nowMs();
   if (event.kind === "app" && event.sentAtMs !== undefined) {
    apps.push({
     id: event.app.id,
     startMs: event.sentAtMs - startMs,
     endMs: nowMs()
    });
   }
  },
  read: () => hasEvents ? {
   waitedFromMs: waitedFromMs,
   acquiredMs: acquiredMs,
   listedFromMs: acquiredMs ?? 0,
   plannedMs: plannedMs,
   apps: apps,
   endMs: nowMs()
  } : null
 };
}

exports.createReapAction = createReapAction;

exports.createReapTimes = createReapTimes;
