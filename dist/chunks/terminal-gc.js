import { aH as requireStore, C as ConfigError, q as openStoreParts, a9 as UnsupportedError, g as createKey, aM as splitKey, o as createReleasers, as as parseRepository, aG as openGitHub, i as isJsonObject, p as plain } from "./core.js";

const RERUN_MS = 31 * 864e5;

const MAX_QUESTIONS = 100;

function findGateRun(segments) {
 const [, kind, repository = "", run = "", ...gate] = segments;
 if (kind !== "gate" || gate.length !== 1 || !/^[1-9]\d{0,17}$/.test(run)) return null;
 const parsed = parseRepository(repository);
 return parsed.ok ? {
  ...parsed.value,
  run: run
 } : null;
}

function isOverForGood(data, run, githubNowMs) {
 if (!isJsonObject(data) || String(data["id"]) !== run || data["status"] !== "completed") return false;
 const stamps = [ data["created_at"], data["run_started_at"], data["updated_at"] ];
 const times = stamps.map(stamp => typeof stamp === "string" ? Date.parse(stamp) : Number.NaN);
 return times.every(timeMs => githubNowMs - timeMs > RERUN_MS);
}

async function runGc(context, resolved) {
 const {signal: signal, logger: logger} = context;
 const {values: values} = resolved;
 const problems = [ ...resolved.problems ];
 const address = requireStore(context, resolved, problems);
 if (problems.length > 0 || !address) throw new ConfigError(problems);
 const releasers = createReleasers();
 try {
  const {store: store} = await openStoreParts(context, {
   address: address,
   values: values,
   releasers: releasers
  });
  if (!store.capabilities.conditionalDelete) {
   throw new UnsupportedError(`${store.url} cannot delete a record only if it is unchanged`, {
    hint: "nothing needs to be removed there: records are small, and one per name"
   });
  }
  const removed = [];
  const kept = {};
  const judge = await openJudge(context);
  for (const key of (await store.list(`${createKey(values.namespace)}/`, {
   signal: signal
  })).sort()) {
   const segments = splitKey(key);
   const [, kind = "", ...names] = segments;
   const gateRun = findGateRun(segments);
   const entry = gateRun && judge ? await store.get(key, {
    signal: signal
   }) : null;
   const isUseless = entry && gateRun && judge && await judge(gateRun, signal);
   if (isUseless && (await store.delete(key, entry.revision, {
    signal: signal
   })).ok) {
    removed.push({
     kind: kind,
     name: names.join("/")
    });
   } else kept[kind] = (kept[kind] ?? 0) + 1;
  }
  if (!judge && kept["gate"]) logger.info(NO_JUDGE);
  const outcome = removed.length > 0 ? "cleaned" : "clean";
  return {
   format: 1,
   command: "gc",
   outcome: outcome,
   removed: removed,
   kept: kept,
   exitCode: 0
  };
 } finally {
  await releasers.close();
 }
}

const NO_JUDGE = "gates of completed runs were kept: only in a job with a token, by GitHub's own stamps, can it be told that they are over";

async function openJudge(context) {
 const {env: env, isRunner: isRunner, signal: signal} = context;
 const own = parseRepository(env["GITHUB_REPOSITORY"] ?? "");
 const runId = env["GITHUB_RUN_ID"];
 const client = isRunner && own.ok && runId ? await openGitHub(context) : null;
 if (!client || !own.ok || !runId) return null;
 const data = await readRun(client, {
  ...own.value,
  run: runId
 }, signal);
 const stamp = isJsonObject(data) ? data["run_started_at"] : null;
 const githubNowMs = typeof stamp === "string" ? Date.parse(stamp) : Number.NaN;
 let questions = 0;
 return async (run, abort) => {
  questions += 1;
  return questions <= MAX_QUESTIONS && isOverForGood(await readRun(client, run, abort), run.run, githubNowMs);
 };
}

async function readRun(client, {owner: owner, repo: repo, run: run}, signal) {
 const answer = await client.read(`/repos/${owner}/${repo}/actions/runs/${run}`, {
  signal: signal
 });
 return answer.kind === "found" ? answer.data : null;
}

const gcCommand = Object.freeze({
 run: (context, resolved) => runGc(context, resolved),
 render(report) {
  const {removed: removed, kept: kept} = report;
  const counts = Object.entries(kept).map(([kind, count]) => `${count} ${plain(kind, 20)}`);
  return [ ...removed.map(({kind: kind, name: name}) => `removed ${plain(kind, 20)} ${plain(name, 100)}`), `${removed.length} removed, kept: ${counts.length > 0 ? counts.join(", ") : "nothing"}.` ];
 }
});

export { gcCommand };
