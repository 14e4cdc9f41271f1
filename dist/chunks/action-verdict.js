import { a as invariant, D as createLogger, u as forWorkflowLog, O as OPTIONS, s as kebabCase, F as secretsOf, G as inputsOf, H as createRedactor, I as listenForInterruption, J as forMarkdown, v as systemClock, K as userName, M as isCommandName } from "./core.js";

import { e as exportVariable, s as saveState, a as setOutput, b as setSecret, c as endGroup, d as startGroup, i as info, f as debug, g as error, w as warning, n as notice } from "./core2.js";

import { EOL } from "os";

import { promises, constants } from "fs";

import { hostname } from "node:os";

import { readFile } from "node:fs/promises";

const ENTRIES = Object.freeze({
 check: async () => (await (import("./action-check.js"))).createCheckAction(),
 gate: async () => (await (import("./action-gate.js"))).createGateAction(),
 lock: async () => (await (import("./action-lock.js"))).lockAction,
 unlock: async () => (await (import("./action-lock.js"))).unlockAction,
 reap: async clock => (await (import("./action-reap.js"))).createReapAction(clock),
 status: async () => (await (import("./action-status.js"))).statusAction,
 doctor: async () => (await (import("./action-doctor.js"))).doctorAction
});

async function loadActionCommand(command, clock) {
 invariant(Object.hasOwn(ENTRIES, command), `the command ${command} has no entry for the Action`);
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

const {access: access, appendFile: appendFile, writeFile: writeFile} = promises;

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
    yield access(pathFromEnv, constants.R_OK | constants.W_OK);
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
  return this.addRaw(EOL);
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
 debug: debug,
 info: info,
 notice: message => notice(message),
 warning: message => warning(message),
 error: message => error(message),
 startGroup: startGroup,
 endGroup: endGroup,
 setSecret: setSecret,
 setOutput: setOutput,
 saveState: saveState,
 exportVariable: exportVariable,
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
  return comesFromFork(JSON.parse(await readFile(path, "utf8")));
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
 const clean = text => forWorkflowLog(redact(text), MAX_LINE);
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
  logger: createLogger("debug", (level, message) => {
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

const SECRET_OPTIONS = OPTIONS.filter(spec => spec.secret);

function secretsOfStep(world) {
 const values = [ ...SECRET_OPTIONS.flatMap(spec => partsOf(spec, world.inputs[kebabCase(spec.name)])), ...SECRET_OPTIONS.flatMap(spec => valuesIn(world.config, spec.name).flatMap(text => partsOf(spec, text))), ...secretsOf(world.env, [ world.inputs["store"] ]) ];
 return [ ...new Set(values.map(value => value.trim()).filter(value => value !== "")) ];
}

function partsOf(spec, text) {
 if (text === undefined || text.trim() === "") return [];
 if (spec.name === "store") return secretsOf({}, [ text ]);
 const lines = text.split(/[\r\n]+/).map(line => line.trim());
 const values = spec.type === "lines" ? lines.map(line => line.replace(/^[^:]*:\s*/, "")) : lines;
 return values.flatMap(value => [ value, value.replace(/^(Bearer|Basic|token)\s+/i, "") ]);
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
 const inputs = inputsOf(process.env);
 const secrets = new Set;
 let redact = createRedactor([]);
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
  redact = createRedactor(secrets);
 };
 mask();
 const interruption = listenForInterruption({
  clock: systemClock,
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
   const forms = [ ...secrets ].flatMap(secret => [ secret, forMarkdown(secret, MAX_SECRET) ]);
   return createRedactor(forms)(text);
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
  clock: systemClock,
  logger: log.logger,
  env: {
   ...process.env,
   ...token ? {
    GITHUB_TOKEN: token
   } : {}
  },
  childEnv: childEnvironment(process.env),
  cwd: process.cwd(),
  signal: interruption.signal,
  takeSignals: listener => interruption.takeOver(listener),
  isRunner: process.env["GITHUB_ACTIONS"] === "true",
  isForkPullRequest: await isForkPullRequest(process.env),
  process: {
   host: hostname(),
   pid: process.pid,
   user: userName(process.env),
   execPath: process.execPath,
   execArgv: process.execArgv,
   entry: process.argv[1] ?? ""
  },
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
 if (typeof command !== "string" || !isCommandName(command)) return null;
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

export { createStepContext as c, decideStep as d, loadActionCommand as l, openStepSession as o, readHeld as r, saveHeld as s, workflowCommands as w };
