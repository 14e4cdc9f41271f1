"use strict";

const core = require("./core.js");

const FORMS = "https://\u2026, http://\u2026, command:\u2026, check:NAME, github-check:NAME@REF, github-deployment:ENVIRONMENT or heroku-release:APP";

const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f]/;

const HEROKU_APP = /^([a-z][a-z0-9-]{1,28}[a-z0-9]|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function parseTarget(text) {
 const trimmed = text.trim();
 const scheme = /^([a-z][a-z-]*):/i.exec(trimmed)?.[1]?.toLowerCase();
 const rest = scheme === undefined ? "" : trimmed.slice(scheme.length + 1);
 if (scheme === undefined) return problem(`is not a target; write ${FORMS}`);
 if (scheme !== "command" && UNPRINTABLE.test(trimmed)) return problem("contains a control character");
 switch (scheme) {
 case "http":
 case "https":
  return parseHttp(trimmed);

 case "command":
  return parseCommand(rest);

 case "check":
  return rest === "" ? problem("needs a name: check:NAME") : {
   ok: true,
   value: {
    kind: "check",
    name: rest
   }
  };

 case "github-check":
  return parseGithubCheck(rest);

 case "github-deployment":
  return rest === "" ? problem("needs an environment: github-deployment:ENVIRONMENT") : {
   ok: true,
   value: {
    kind: "github-deployment",
    environment: rest
   }
  };

 case "heroku-release":
  return HEROKU_APP.test(rest) ? {
   ok: true,
   value: {
    kind: "heroku-release",
    app: rest
   }
  } : problem("needs an app's name or id: heroku-release:APP");

 default:
  return problem(`has the unknown kind "${core.plain(scheme, 40)}"; write ${FORMS}`);
 }
}

function displayTarget(target) {
 switch (target.kind) {
 case "http":
  {
   const url = new URL(target.url);
   const names = [ ...url.searchParams.keys() ].map(name => `${name}=***`).join("&");
   return core.plain(`${url.origin}${url.pathname}${names === "" ? "" : `?${names}`}`);
  }

 case "command":
  return core.plain(`command:${target.file}${target.args.length > 0 ? " \u2026" : ""}`);

 case "check":
  return core.plain(`check:${target.name}`);

 case "github-check":
  return core.plain(`github-check:${target.name}@${target.ref}`);

 case "github-deployment":
  return core.plain(`github-deployment:${target.environment}`);

 case "heroku-release":
  return core.plain(`heroku-release:${target.app}`);
 }
}

function displayTargets(targets) {
 const seen = new Map;
 return targets.map(target => {
  const display = displayTarget(target);
  const count = (seen.get(display) ?? 0) + 1;
  seen.set(display, count);
  return count === 1 ? display : `${display}#${count}`;
 });
}

function parseHttp(text) {
 let url;
 try {
  url = new URL(text);
 } catch {
  return problem("is not a URL");
 }
 let credentials = null;
 try {
  if (url.username !== "" || url.password !== "") credentials = {
   user: decodeURIComponent(url.username),
   password: decodeURIComponent(url.password)
  };
 } catch {
  return problem("has a user or password that is not URL-encoded (write % as %25)");
 }
 if (credentials?.user.includes(":")) return problem("has a colon in its user name, which Basic authorization cannot carry");
 url.username = "";
 url.password = "";
 url.hash = "";
 return {
  ok: true,
  value: {
   kind: "http",
   url: url.href,
   credentials: credentials
  }
 };
}

function parseCommand(text) {
 const trimmed = text.trim();
 const words = trimmed.startsWith("[") ? parseWordList(trimmed) : core.splitWords(trimmed);
 if (!words.ok) return words;
 const [file, ...args] = words.value;
 if (file === undefined || file === "") return problem("needs a command: command:PROGRAM ARGUMENTS\u2026");
 if (words.value.some(word => word.includes("\0"))) return problem("contains a NUL character");
 return {
  ok: true,
  value: {
   kind: "command",
   file: file,
   args: args
  }
 };
}

function parseWordList(text) {
 let value;
 try {
  value = JSON.parse(text);
 } catch {
  return problem("starts with [ but is not a JSON list of strings");
 }
 return Array.isArray(value) && value.every(word => typeof word === "string") ? {
  ok: true,
  value: value
 } : problem("is a JSON list, but not only of strings");
}

function parseGithubCheck(rest) {
 const at = rest.lastIndexOf("@");
 const name = rest.slice(0, Math.max(0, at));
 const ref = rest.slice(at + 1);
 return name === "" || ref === "" ? problem("needs a name and a ref: github-check:NAME@REF") : {
  ok: true,
  value: {
   kind: "github-check",
   name: name,
   ref: ref
  }
 };
}

function problem(text) {
 return {
  ok: false,
  problem: text
 };
}

function findTargetProblem(target, world) {
 if (target.kind === "heroku-release" && world.heroku === null) return "needs a Heroku credential; set HEROKU_API_KEY";
 if ((target.kind === "github-check" || target.kind === "github-deployment") && world.github === null) return "needs GitHub; set GITHUB_TOKEN and GITHUB_REPOSITORY";
 return null;
}

function createProbeOpener(world) {
 const opened = [];
 let connections = null;
 const connect = async () => {
  const {createConnections: createConnections} = await Promise.resolve().then(() => require("./request.js"));
  connections ??= createConnections({
   clock: world.clock
  });
  return connections;
 };
 const openOne = async (target, id) => {
  const {clock: clock, store: store, namespace: namespace, cwd: cwd, env: env, redact: redact, heroku: heroku, github: github} = world;
  switch (target.kind) {
  case "http":
   {
    const {createHttpProbe: createHttpProbe} = await Promise.resolve().then(() => require("./http.js"));
    const headers = world.headers ?? {};
    return createHttpProbe({
     id: id,
     target: target,
     connections: await connect(),
     clock: clock,
     headers: headers
    });
   }

  case "command":
   {
    const {createCommandProbe: createCommandProbe} = await Promise.resolve().then(() => require("./command2.js"));
    return createCommandProbe({
     id: id,
     target: target,
     clock: clock,
     cwd: cwd,
     env: env,
     redact: redact
    });
   }

  case "check":
   {
    const {createCheckProbe: createCheckProbe} = await Promise.resolve().then(() => require("./check.js"));
    return createCheckProbe({
     id: id,
     name: target.name,
     namespace: namespace,
     store: store,
     clock: clock
    });
   }

  case "github-check":
   {
    core.invariant(github, "a GitHub target was opened without GitHub");
    const {createGithubCheckProbe: createGithubCheckProbe} = await Promise.resolve().then(() => require("./github-check.js"));
    return createGithubCheckProbe({
     id: id,
     target: target,
     ...github
    });
   }

  case "github-deployment":
   {
    core.invariant(github, "a GitHub target was opened without GitHub");
    const {createGithubDeploymentProbe: createGithubDeploymentProbe} = await Promise.resolve().then(() => require("./github-deployment.js"));
    return createGithubDeploymentProbe({
     id: id,
     target: target,
     ...github
    });
   }

  case "heroku-release":
   {
    core.invariant(heroku, "a Heroku target was opened without a credential");
    const {createHerokuReleaseProbe: createHerokuReleaseProbe} = await Promise.resolve().then(() => require("./heroku-release.js"));
    return createHerokuReleaseProbe({
     id: id,
     target: target,
     ...heroku,
     connections: await connect(),
     clock: clock
    });
   }
  }
 };
 return {
  async open(targets) {
   const ids = displayTargets(targets);
   const problems = targets.flatMap((target, at) => {
    const problem = findTargetProblem(target, world);
    return problem === null ? [] : [ {
     option: "",
     message: `${ids[at]} ${problem}`
    } ];
   });
   if (problems.length > 0) throw new core.ConfigError(problems);
   const probes = [];
   for (const [at, target] of targets.entries()) probes.push(await openOne(target, ids[at] ?? target.kind));
   opened.push(...probes);
   return probes;
  },
  async close() {
   await Promise.all(opened.splice(0).map(probe => probe.close()));
   connections?.close();
   connections = null;
  }
 };
}

function createHiding(context, more = []) {
 const {env: env} = context;
 const own = core.createRedactor([ env["HEROKU_API_KEY"] ?? "", env["GITHUB_TOKEN"] ?? "", ...more ]);
 return text => own(context.redact?.(text) ?? text);
}

function probeCredentials(context) {
 const {env: env} = context;
 const apiKey = env["HEROKU_API_KEY"];
 const [token, repository] = [ env["GITHUB_TOKEN"], env["GITHUB_REPOSITORY"] ];
 return {
  heroku: apiKey ? {
   apiUrl: env["HEROKU_API_URL"] || "https://api.heroku.com",
   apiKey: apiKey
  } : null,
  github: token && repository ? {
   reader: createReader(context),
   repository: repository
  } : null
 };
}

function createReader(context) {
 let opening = null;
 return {
  async get(path, {signal: signal}) {
   opening ??= core.openGitHub(context);
   const client = await opening;
   core.invariant(client, "GitHub was asked without a token");
   const read = await client.read(path, {
    signal: signal
   });
   const none = {
    etag: null,
    retryAfterMs: null
   };
   if (read.kind === "found") return {
    status: 200,
    body: read.data,
    ...none
   };
   if (read.kind === "missing") return {
    status: 404,
    body: null,
    ...none
   };
   return {
    status: read.status,
    body: {
     message: read.text
    },
    ...none
   };
  }
 };
}

async function openProbes(context, options) {
 const {env: env, cwd: cwd, clock: clock} = context;
 const {store: store, namespace: namespace, targets: targets, releasers: releasers, headers: headers} = options;
 const opener = createProbeOpener({
  clock: clock,
  store: store,
  namespace: namespace,
  cwd: cwd,
  env: context.childEnv ?? env,
  ...headers ? {
   headers: headers
  } : {},
  redact: createHiding(context, Object.values(headers ?? {})),
  ...probeCredentials(context)
 });
 releasers.add(() => opener.close());
 return opener.open(targets);
}

exports.createHiding = createHiding;

exports.displayTarget = displayTarget;

exports.findTargetProblem = findTargetProblem;

exports.openProbes = openProbes;

exports.parseTarget = parseTarget;

exports.probeCredentials = probeCredentials;
