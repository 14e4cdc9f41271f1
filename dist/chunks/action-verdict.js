"use strict";

const core = require("./core.js");

const core$1 = require("./core2.js");

const os = require("os");

const fs = require("fs");

const promises = require("node:fs/promises");

const ENTRIES = Object.freeze({
 check: async clock => (await Promise.resolve().then(() => require("./action-check.js"))).createCheckAction(clock),
 gate: async () => (await Promise.resolve().then(() => require("./action-gate.js"))).createGateAction(),
 lock: async () => (await Promise.resolve().then(() => require("./action-lock.js"))).createLockAction(),
 unlock: async () => (await Promise.resolve().then(() => require("./action-lock.js"))).unlockAction,
 reap: async clock => (await Promise.resolve().then(() => require("./action-reap.js"))).createReapAction(clock),
 status: async () => (await Promise.resolve().then(() => require("./action-status.js"))).statusAction,
 doctor: async () => (await Promise.resolve().then(() => require("./action-doctor.js"))).doctorAction
});

async function loadActionCommand(command, clock) {
 core.invariant(Object.hasOwn(ENTRIES, command), `the command ${command} has no entry for the Action`);
 return await ENTRIES[command](clock);
}

var __awaiter = undefined && undefined.__awaiter || function(thisArg, _arguments, P, generator) {
 function adopt(value) {
  return value instanceof P ? value : new P(function(resolve) {
   resolve(value);
  });
 }
 return new (P || (P = Promise))(function(resolve, reject) {
  function fulfilled(value) {
   try {
    step(generator.next(value));
   } catch (e) {
    reject(e);
   }
  }
  function rejected(value) {
   try {
    step(generator["throw"](value));
   } catch (e) {
    reject(e);
   }
  }
  function step(result) {
   result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected);
  }
  step((generator = generator.apply(thisArg, _arguments || [])).next());
 });
};

const {access: access, appendFile: appendFile, writeFile: writeFile} = fs.promises;

const SUMMARY_ENV_VAR = "GITHUB_STEP_SUMMARY";

class Summary {
 constructor() {
  this._buffer = "";
 }
 filePath() {
  return __awaiter(this, void 0, void 0, function*() {
   if (this._filePath) {
    return this._filePath;
   }
   const pathFromEnv = process.env[SUMMARY_ENV_VAR];
   if (!pathFromEnv) {
    throw new Error(`Unable to find environment variable for $${SUMMARY_ENV_VAR}. Check if your runtime environment supports job summaries.`);
   }
   try {
    yield access(pathFromEnv, fs.constants.R_OK | fs.constants.W_OK);
   } catch (_a) {
    throw new Error(`Unable to access summary file: '${pathFromEnv}'. Check if the file has correct read/write permissions.`);
   }
   this._filePath = pathFromEnv;
   return this._filePath;
  });
 }
 wrap(tag, content, attrs = {}) {
  const htmlAttrs = Object.entries(attrs).map(([key, value]) => ` ${key}="${value}"`).join("");
  if (!content) {
   return `<${tag}${htmlAttrs}>`;
  }
  return `<${tag}${htmlAttrs}>${content}</${tag}>`;
 }
 write(options) {
  return __awaiter(this, void 0, void 0, function*() {
   const overwrite = !!(options === null || options === void 0 ? void 0 : options.overwrite);
   const filePath = yield this.filePath();
   const writeFunc = overwrite ? writeFile : appendFile;
   yield writeFunc(filePath, this._buffer, {
    encoding: "utf8"
   });
   return this.emptyBuffer();
  });
 }
 clear() {
  return __awaiter(this, void 0, void 0, function*() {
   return this.emptyBuffer().write({
    overwrite: true
   });
  });
 }
 stringify() {
  return this._buffer;
 }
 isEmptyBuffer() {
  return this._buffer.length === 0;
 }
 emptyBuffer() {
  this._buffer = "";
  return this;
 }
 addRaw(text, addEOL = false) {
  this._buffer += text;
  return addEOL ? this.addEOL() : this;
 }
 addEOL() {
  return this.addRaw(os.EOL);
 }
 addCodeBlock(code, lang) {
  const attrs = Object.assign({}, lang && {
   lang: lang
  });
  const element = this.wrap("pre", this.wrap("code", code), attrs);
  return this.addRaw(element).addEOL();
 }
 addList(items, ordered = false) {
  const tag = ordered ? "ol" : "ul";
  const listItems = items.map(item => this.wrap("li", item)).join("");
  const element = this.wrap(tag, listItems);
  return this.addRaw(element).addEOL();
 }
 addTable(rows) {
  const tableBody = rows.map(row => {
   const cells = row.map(cell => {
    if (typeof cell === "string") {
     return this.wrap("td", cell);
    }
    const {header: header, data: data, colspan: colspan, rowspan: rowspan} = cell;
    const tag = header ? "th" : "td";
    const attrs = Object.assign(Object.assign({}, colspan && {
     colspan: colspan
    }), rowspan && {
     rowspan: rowspan
    });
    return this.wrap(tag, data, attrs);
   }).join("");
   return this.wrap("tr", cells);
  }).join("");
  const element = this.wrap("table", tableBody);
  return this.addRaw(element).addEOL();
 }
 addDetails(label, content) {
  const element = this.wrap("details", this.wrap("summary", label) + content);
  return this.addRaw(element).addEOL();
 }
 addImage(src, alt, options) {
  const {width: width, height: height} = options || {};
  const attrs = Object.assign(Object.assign({}, width && {
   width: width
  }), height && {
   height: height
  });
  const element = this.wrap("img", null, Object.assign({
   src: src,
   alt: alt
  }, attrs));
  return this.addRaw(element).addEOL();
 }
 addHeading(text, level) {
  const tag = `h${level}`;
  const allowedTag = [ "h1", "h2", "h3", "h4", "h5", "h6" ].includes(tag) ? tag : "h1";
  const element = this.wrap(allowedTag, text);
  return this.addRaw(element).addEOL();
 }
 addSeparator() {
  const element = this.wrap("hr", null);
  return this.addRaw(element).addEOL();
 }
 addBreak() {
  const element = this.wrap("br", null);
  return this.addRaw(element).addEOL();
 }
 addQuote(text, cite) {
  const attrs = Object.assign({}, cite && {
   cite: cite
  });
  const element = this.wrap("blockquote", text, attrs);
  return this.addRaw(element).addEOL();
 }
 addLink(text, href) {
  const element = this.wrap("a", text, {
   href: href
  });
  return this.addRaw(element).addEOL();
 }
}

const _summary = new Summary;

const summary = _summary;

const workflowCommands = Object.freeze({
 debug: core$1.debug,
 info: core$1.info,
 notice: message => core$1.notice(message),
 warning: message => core$1.warning(message),
 error: message => core$1.error(message),
 startGroup: core$1.startGroup,
 endGroup: core$1.endGroup,
 setSecret: core$1.setSecret,
 setOutput: core$1.setOutput,
 saveState: core$1.saveState,
 exportVariable: core$1.exportVariable,
 async writeSummary(markdown) {
  await summary.addRaw(markdown, true).write();
 }
});

const RESTRICTED_EVENTS = [ "pull_request", "pull_request_review", "pull_request_review_comment" ];

const DEPENDABOT_EVENTS = [ ...RESTRICTED_EVENTS, "push", "create", "deployment", "deployment_status" ];

async function isForkPullRequest(env) {
 const event = env["GITHUB_EVENT_NAME"] ?? "";
 if (env["GITHUB_ACTOR"] === "dependabot[bot]" && DEPENDABOT_EVENTS.includes(event)) return true;
 const path = env["GITHUB_EVENT_PATH"];
 if (!path || !RESTRICTED_EVENTS.includes(event)) return false;
 try {
  return comesFromFork(JSON.parse(await promises.readFile(path, "utf8")));
 } catch {
  return false;
 }
}

function comesFromFork(payload) {
 const pull = field(payload, "pull_request");
 if (pull === undefined || pull === null) return false;
 const head = field(field(pull, "head"), "repo");
 if (head === null) return true;
 const [headName, baseName] = [ field(head, "full_name"), field(field(field(pull, "base"), "repo"), "full_name") ];
 if (typeof headName === "string" && typeof baseName === "string") return headName !== baseName;
 return field(head, "fork") === true;
}

function field(value, name) {
 return typeof value === "object" && value !== null ? value[name] : undefined;
}

const MAX_ANNOTATIONS = 8;

const MAX_LINE = 2e3;

function createStepLog({commands: commands, redact: redact}) {
 const said = {
  notice: new Set,
  warning: new Set,
  error: new Set
 };
 const clean = text => core.forWorkflowLog(redact(text), MAX_LINE);
 const line = text => commands.info(clean(text));
 const annotate = (kind, text) => {
  const message = clean(text);
  if (said[kind].has(message) || said[kind].size >= MAX_ANNOTATIONS) {
   line(`${kind}: ${text}`);
   return;
  }
  said[kind].add(message);
  commands[kind](message);
 };
 return {
  logger: core.createLogger("debug", (level, message) => {
   if (level === "error") annotate("error", message); else if (level === "warn") annotate("warning", message); else if (level === "info") line(message); else commands.debug(clean(message));
  }),
  line: line,
  annotate: annotate,
  conclude(kind, text) {
   const message = clean(text);
   if (said[kind].has(message)) return;
   said[kind].add(message);
   commands[kind](message);
  },
  async group(title, body) {
   commands.startGroup(clean(title));
   try {
    return await body();
   } finally {
    commands.endGroup();
   }
  },
  get notices() {
   return said.notice.size;
  }
 };
}

const SECRET_OPTIONS = core.OPTIONS.filter(spec => spec.secret);

const TARGET_OPTIONS = [ "ready", "schemaProbe", "of" ];

const MIN_SECRET = 4;

const MIN_QUERY_SECRET = 12;

function secretsOfStep(world) {
 const values = [ ...SECRET_OPTIONS.flatMap(spec => partsOf(spec, world.inputs[core.kebabCase(spec.name)])), ...SECRET_OPTIONS.flatMap(spec => valuesIn(world.config, spec.name).flatMap(text => partsOf(spec, text))), ...core.secretsOf(world.env, [ world.inputs["store"] ]) ];
 return [ ...new Set(values.map(value => value.trim()).filter(value => value.length >= MIN_SECRET)) ];
}

function partsOf(spec, text) {
 if (text === undefined || text.trim() === "") return [];
 if (spec.name === "store") return core.secretsOf({}, [ text ]);
 const lines = text.split(/[\r\n]+/).map(line => line.trim());
 if (TARGET_OPTIONS.includes(spec.name)) return lines.flatMap(secretsOfTarget);
 const values = spec.type === "lines" ? lines.map(line => line.replace(/^[^:]*:\s*/, "")) : lines;
 return values.flatMap(value => [ value, value.replace(/^(Bearer|Basic|token)\s+/i, "") ]);
}

function secretsOfTarget(target) {
 if (!/^https?:/i.test(target) || !URL.canParse(target)) return [];
 const url = new URL(target);
 const keys = [ ...url.searchParams.values() ].filter(value => value.length >= MIN_QUERY_SECRET);
 const password = core.decodeOrKeep(url.password);
 const pair = password === "" ? [] : [ `${core.decodeOrKeep(url.username)}:${password}` ];
 return [ url.password, password, ...pair, ...keys, ...keys.map(key => encodeURIComponent(key)) ];
}

function valuesIn(content, name) {
 if (typeof content !== "object" || content === null) return [];
 return Object.entries(content).flatMap(([key, value]) => {
  if (key !== name) return valuesIn(value, name);
  const items = Array.isArray(value) ? value : [ value ];
  return items.filter(item => typeof item === "string");
 });
}

const MAX_SECRET = 65536;

function openStepSession(process, commands) {
 const inputs = core.inputsOf(process.env);
 const secrets = new Set;
 let redact = core.createRedactor([]);
 const mask = config => {
  for (const secret of secretsOfStep({
   env: process.env,
   inputs: inputs,
   config: config
  })) {
   if (secrets.has(secret)) continue;
   secrets.add(secret);
   commands.setSecret(secret);
  }
  redact = core.createRedactor(secrets);
 };
 mask();
 const interruption = core.listenForInterruption({
  clock: core.systemClock,
  process: process,
  onExpired: signalName => process.exit(signalName === "SIGINT" ? 130 : 143)
 });
 return {
  process: process,
  commands: commands,
  inputs: inputs,
  log: createStepLog({
   commands: commands,
   redact: text => redact(text)
  }),
  get secrets() {
   return [ ...secrets ];
  },
  redact: text => redact(text),
  redactMarkup: text => {
   const forms = [ ...secrets ].flatMap(secret => [ secret, core.forMarkdown(secret, MAX_SECRET) ]);
   return core.createRedactor(forms)(text);
  },
  maskConfig: mask,
  interruption: interruption,
  dispose: () => interruption.dispose()
 };
}

async function createStepContext(session) {
 const {process: process, inputs: inputs, log: log, interruption: interruption} = session;
 const token = inputs["token"]?.trim();
 return {
  clock: core.systemClock,
  logger: log.logger,
  env: {
   ...process.env,
   ...token ? {
    GITHUB_TOKEN: token
   } : {}
  },
  childEnv: childEnvironment(process.env),
  redact: session.redact,
  cwd: process.cwd(),
  signal: interruption.signal,
  takeSignals: listener => interruption.takeOver(listener),
  isRunner: process.env["GITHUB_ACTIONS"] === "true",
  isForkPullRequest: await isForkPullRequest(process.env),
  process: core.describeProcess(process, process.env),
  rest: null,
  onNotice: message => log.annotate("notice", message)
 };
}

function childEnvironment(env) {
 const isOwn = name => /^(INPUT|STATE)_/.test(name) || name === "ACTIONS_RUNTIME_TOKEN";
 return Object.fromEntries(Object.entries(env).filter(([name]) => !isOwn(name)));
}

const STATE_NAME = "held";

const CREDENTIAL = /\bgh[a-z]_\w{10,}|github_pat_|\beyJ[\w-]{8,}\.|\bHRKU-|:\/\/[^/\s]*:[^/\s]*@|\bBearer\s/i;

function saveHeld(held, {commands: commands, secrets: secrets}) {
 const {command: command, name: name, socketPath: socketPath, nonce: nonce, fencingToken: fencingToken} = held;
 const text = JSON.stringify({
  command: command,
  name: name,
  socketPath: socketPath,
  nonce: nonce,
  fencingToken: fencingToken
 });
 if (CREDENTIAL.test(text) || secrets.some(secret => secret.length >= 4 && text.includes(secret))) return false;
 commands.saveState(STATE_NAME, text);
 return true;
}

function readHeld(env) {
 const text = env[`STATE_${STATE_NAME}`];
 if (!text) return null;
 try {
  return parseHeld(JSON.parse(text));
 } catch {
  return null;
 }
}

function parseHeld(value) {
 if (typeof value !== "object" || value === null) return null;
 const {command: command, name: name, socketPath: socketPath, nonce: nonce, fencingToken: fencingToken} = value;
 if (typeof command !== "string" || !core.isCommandName(command)) return null;
 if (typeof name !== "string" || typeof socketPath !== "string" || typeof nonce !== "string") return null;
 if (typeof fencingToken !== "number" || !Number.isSafeInteger(fencingToken)) return null;
 return {
  command: command,
  name: name,
  socketPath: socketPath,
  nonce: nonce,
  fencingToken: fencingToken
 };
}

function decideStep(report, {failOnIncomplete: failOnIncomplete}) {
 const {exitCode: exitCode, childExitCode: childExitCode} = report;
 const isOwnCode = typeof childExitCode !== "number" || childExitCode === 0;
 if (exitCode === 0 || exitCode === 10 && isOwnCode) return {
  kind: "success"
 };
 if (exitCode === 3 && isOwnCode && !failOnIncomplete) return {
  kind: "warning"
 };
 return {
  kind: "failure",
  exitCode: exitCode
 };
}

exports.createStepContext = createStepContext;

exports.decideStep = decideStep;

exports.loadActionCommand = loadActionCommand;

exports.openStepSession = openStepSession;

exports.readHeld = readHeld;

exports.saveHeld = saveHeld;

exports.workflowCommands = workflowCommands;
