"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const fs = require("node:fs");

const node_path = require("node:path");

const EXIT_CODES = Object.freeze({
 config: 2,
 auth: 5,
 unsupported: 2,
 unavailable: 6,
 throttled: 3,
 indeterminate: 6,
 "lease-lost": 8,
 fenced: 8,
 "corrupt-record": 9,
 limit: 3,
 deadline: 4,
 cancelled: 130,
 invariant: 1
});

class LockstepError extends Error {
 code;
 retryable;
 hint;
 constructor(code, message, details = {}) {
  super(message, details.cause === undefined ? undefined : {
   cause: details.cause
  });
  this.name = new.target.name;
  this.code = code;
  this.retryable = details.retryable ?? false;
  this.hint = details.hint;
 }
}

class ConfigError extends LockstepError {
 problems;
 constructor(problems, details = {}) {
  super("config", problems.map(p => p.option ? `${p.option}: ${p.message}` : p.message).join("\n"), details);
  this.problems = Object.freeze([ ...problems ]);
 }
}

class AuthError extends LockstepError {
 constructor(message, details = {}) {
  super("auth", message, details);
 }
}

class UnsupportedError extends LockstepError {
 constructor(message, details = {}) {
  super("unsupported", message, details);
 }
}

class UnavailableError extends LockstepError {
 constructor(message, details = {}) {
  super("unavailable", message, {
   ...details,
   retryable: true
  });
 }
}

class ThrottledError extends LockstepError {
 retryAtMs;
 constructor(message, details) {
  super("throttled", message, {
   ...details,
   retryable: true
  });
  this.retryAtMs = details.retryAtMs;
 }
}

class IndeterminateError extends LockstepError {
 constructor(message, details = {}) {
  super("indeterminate", message, details);
 }
}

class LeaseLostError extends LockstepError {
 constructor(message, details = {}) {
  super("lease-lost", message, details);
 }
}

class CorruptRecordError extends LockstepError {
 constructor(message, details = {}) {
  super("corrupt-record", message, details);
 }
}

class DeadlineError extends LockstepError {
 waitedFor;
 constructor(waitedFor, details = {}) {
  super("deadline", `the time budget passed while waiting for ${waitedFor}`, details);
  this.waitedFor = waitedFor;
 }
}

class CancelledError extends LockstepError {
 signalName;
 constructor(message, details = {}) {
  super("cancelled", message, details);
  this.signalName = details.signalName ?? null;
 }
}

class InvariantError extends LockstepError {
 constructor(message, details = {}) {
  super("invariant", message, details);
 }
}

function hasCode(error, code) {
 return error instanceof Error && error.code === code;
}

function toError(thrown) {
 return thrown instanceof Error ? thrown : new Error(`non-error thrown: ${String(thrown)}`, {
  cause: thrown
 });
}

function invariant(condition, message) {
 if (!condition) throw new InvariantError(message);
}

function exitCodeOf(error) {
 const code = error?.code;
 if (code === "cancelled" && error.signalName === "SIGTERM") return 143;
 return typeof code === "string" && code in EXIT_CODES ? EXIT_CODES[code] : 1;
}

const BOOT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const TIME_NAMESPACE = /^time:\[(\d{1,20})\]$/;

function parseClockId(bootId, timeNamespace) {
 const boot = bootId.trim();
 const [, namespace] = TIME_NAMESPACE.exec(timeNamespace.trim()) ?? [];
 return BOOT_ID.test(boot) && namespace !== undefined ? `${boot}/${namespace}` : null;
}

function readClockId() {
 if (process.platform !== "linux") return null;
 try {
  return parseClockId(fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8"), fs.readlinkSync("/proc/self/ns/time"));
 } catch {
  return null;
 }
}

const MAX_TIMER_MS = 2 ** 31 - 1;

let clockId;

const systemClock = Object.freeze({
 monotonicMs() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
 },
 wallMs: () => Date.now(),
 machineTime() {
  if (clockId === undefined) clockId = readClockId();
  return clockId === null ? null : {
   clockId: clockId,
   ms: Number(process.hrtime.bigint()) / 1e6
  };
 },
 random: () => Math.random(),
 startTimer(delayMs, callback, options = {}) {
  let handle;
  let leftMs = Math.max(0, delayMs);
  const arm = () => {
   const stepMs = Math.min(leftMs, MAX_TIMER_MS);
   leftMs -= stepMs;
   handle = setTimeout(leftMs > 0 ? arm : callback, stepMs);
   if (options.background) handle.unref();
  };
  arm();
  return {
   cancel: () => clearTimeout(handle)
  };
 }
});

function nextTurn() {
 return new Promise(resolve => {
  setImmediate(resolve);
 });
}

function throwIfAborted(signal) {
 if (signal?.aborted) throw abortReason(signal);
}

function abortReason(signal) {
 const reason = signal.reason;
 if (reason instanceof Error && reason.name !== "AbortError") return reason;
 return new CancelledError("cancelled", {
  cause: reason
 });
}

async function sleep(clock, delayMs, signal) {
 throwIfAborted(signal);
 await new Promise((resolve, reject) => {
  const onAbort = () => {
   timer.cancel();
   reject(abortReason(signal));
  };
  const timer = clock.startTimer(delayMs, () => {
   signal?.removeEventListener("abort", onAbort);
   resolve();
  });
  signal?.addEventListener("abort", onAbort, {
   once: true
  });
 });
}

const COMMANDS = {
 reap: {
  summary: "find stale apps and delete them; of all the jobs that ask, one does it",
  hosts: [ "cli", "action", "hook" ],
  positionals: [],
  takesCommand: false
 },
 gate: {
  summary: "announce this member, wait for the others, and open together: schema first, then API",
  hosts: [ "cli", "action", "hook" ],
  positionals: [ "name" ],
  takesCommand: false
 },
 check: {
  summary: "publish, read, await or mirror the health of something",
  hosts: [ "cli", "action", "hook" ],
  positionals: [ "action", "name", "status" ],
  takesCommand: true
 },
 lock: {
  summary: "run a command while holding a lock that ends with its holder",
  hosts: [ "cli", "action", "hook" ],
  positionals: [ "name" ],
  takesCommand: true,
  shorthand: "name"
 },
 assert: {
  summary: "tell whether the fencing token of this process still holds its lock",
  hosts: [ "cli" ],
  positionals: [ "name" ],
  takesCommand: false
 },
 unlock: {
  summary: "take a lock from whoever holds it, and free it",
  hosts: [ "cli", "action" ],
  positionals: [ "name" ],
  takesCommand: false
 },
 gc: {
  summary: "remove records that provably nobody needs any more",
  hosts: [ "cli" ],
  positionals: [],
  takesCommand: false
 },
 status: {
  summary: "show who holds what",
  hosts: [ "cli", "action" ],
  positionals: [ "kind", "name" ],
  takesCommand: false
 },
 doctor: {
  summary: "tell whether store, permissions, budget and credential are as they should be",
  hosts: [ "cli", "action" ],
  positionals: [],
  takesCommand: false
 },
 demo: {
  summary: "watch several real processes coordinate on this machine",
  hosts: [ "cli" ],
  positionals: [],
  takesCommand: false
 }
};

const COMMAND_NAMES = Object.freeze(Object.keys(COMMANDS));

function isCommandName(text) {
 return Object.hasOwn(COMMANDS, text);
}

function isCommandOf(host, text) {
 return isCommandName(text) && commandSpec(text).hosts.includes(host);
}

function commandSpec(command) {
 return COMMANDS[command];
}

const LOCAL_TYPES = new Set([ ...[ "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "jfs", "zfs" ], ...[ "tmpfs", "ramfs", "overlay" ] ]);

const MAX_LINKS = 40;

function parseMounts(text) {
 const types = new Map;
 for (const line of text.split("\n")) {
  const fields = line.split(" ");
  const point = fields[4];
  const type = fields[fields.indexOf("-", 6) + 1];
  if (point?.startsWith("/") && type) types.set(point.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))), type);
 }
 return types;
}

function isLocalPath(path, mounts, readLink) {
 const isRemote = point => {
  const type = mounts.get(point);
  return type !== undefined && !LOCAL_TYPES.has(type);
 };
 if (!path.startsWith("/") || !mounts.has("/") || isRemote("/")) return false;
 let at = "";
 let rest = namesOf(path);
 for (let links = 0; rest.length > 0; ) {
  const [name, ...others] = rest;
  rest = others;
  const next = name === ".." ? parentOf(at) : `${at}/${name}`;
  if (isRemote(next === "" ? "/" : next)) return false;
  const target = name === ".." ? null : readLink(next);
  if (target === null) {
   at = next;
   continue;
  }
  links += 1;
  if (links > MAX_LINKS) return false;
  rest = [ ...namesOf(target), ...rest ];
  if (target.startsWith("/")) at = "";
 }
 for (const point of mounts.keys()) if (point.startsWith(`${at}/`) && isRemote(point)) return false;
 return true;
}

function parentOf(path) {
 return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function namesOf(path) {
 return path.split("/").filter(name => name !== "" && name !== ".");
}

function isOnLocalDisk(path) {
 if (process.platform !== "linux") return false;
 try {
  return isLocalPath(path, parseMounts(fs.readFileSync("/proc/self/mountinfo", "utf8")), readLink);
 } catch {
  return false;
 }
}

function readLink(path) {
 return fs.lstatSync(path, {
  throwIfNoEntry: false
 })?.isSymbolicLink() ? fs.readlinkSync(path) : null;
}

function promised(call) {
 const plain = call;
 const asPromise = (...parts) => new Promise((resolve, reject) => {
  plain(...parts, (error, value) => error ? reject(error) : resolve(value));
 });
 return asPromise;
}

const link = promised(fs.link);

const mkdir = promised(fs.mkdir);

const readdir = promised(fs.readdir);

const readFile = promised(fs.readFile);

const rename = promised(fs.rename);

const rm = promised(fs.rm);

const rmdir = promised(fs.rmdir);

const stat = promised(fs.stat);

const unlink = promised(fs.unlink);

const writeFile = promised(fs.writeFile);

const lstat = promised(fs.lstat);

function realpath(path) {
 return new Promise((resolve, reject) => {
  fs.realpath.native(path, (error, found) => error ? reject(error) : resolve(found));
 });
}

const pooledReads = {
 readFile: path => readFile(path),
 readdir: path => readdir(path),
 realpath: realpath,
 lstat: path => lstat(path, {
  bigint: true
 })
};

const READS_IN_A_ROW = 16;

let directReadCount = 0;

async function direct(read) {
 directReadCount += 1;
 if (directReadCount % READS_IN_A_ROW === 0) await nextTurn();
 return read();
}

const directReads = {
 readFile: path => direct(() => fs.readFileSync(path)),
 readdir: path => direct(() => fs.readdirSync(path)),
 realpath: path => direct(() => fs.realpathSync.native(path)),
 lstat: path => direct(() => fs.lstatSync(path, {
  bigint: true
 }))
};

function readsBelow(path) {
 return isOnLocalDisk(path) ? directReads : pooledReads;
}

function isThere(path) {
 try {
  return fs.statSync(path, {
   throwIfNoEntry: false
  }) !== undefined;
 } catch {
  return true;
 }
}

function openFile(path, flags, mode) {
 return fs.promises.open(path, flags, mode);
}

const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

const MAX_PLAIN = 256;

function plain(text, max = MAX_PLAIN) {
 const cut = text.length > max ? `${text.slice(0, max - 1)}\u2026` : text;
 return cut.replace(UNSAFE, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function forWorkflowLog(text, max = MAX_PLAIN) {
 return plain(text, max).replace(/:(?=:)/g, ":\u200b").replaceAll("##[", "#\u200b#[");
}

function forMarkdown(text, max = MAX_PLAIN) {
 return plain(text, max).replace(/[&<>\\`*_{}[\]()#+!|~$:@]/g, char => `&#${char.charCodeAt(0)};`).replace(/\b(https?|www)(?=[.:&])/gi, "$1\u200b");
}

function createRedactor(secrets) {
 const forms = new Set;
 for (const secret of secrets) {
  if (secret.length < 4) continue;
  forms.add(secret);
  forms.add(encodeURIComponent(secret));
  forms.add(Buffer.from(secret).toString("base64").replace(/=+$/, ""));
 }
 const ordered = [ ...forms ].sort((a, b) => b.length - a.length);
 return text => ordered.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}

const JSON_NAME = "lockstep.config.json";

const MODULE_NAME = "lockstep.config.mjs";

const NO_FILE = Object.freeze({
 file: null,
 problems: Object.freeze([])
});

async function readConfigFile(request) {
 const {directory: directory, named: named, canRunCode: canRunCode} = request;
 if (named) return readNamed(node_path.resolve(directory, named.path), named, canRunCode);
 if (!canRunCode) return NO_FILE;
 const jsonPath = node_path.resolve(directory, JSON_NAME);
 const modulePath = node_path.resolve(directory, MODULE_NAME);
 const hasModule = isThere(modulePath);
 const text = isThere(jsonPath) ? await readText(jsonPath) : {
  kind: "absent"
 };
 if (text.kind === "failed") return broken(JSON_NAME, text.message);
 if (text.kind === "absent") return hasModule ? readModule(modulePath, MODULE_NAME) : NO_FILE;
 if (hasModule) {
  return broken(JSON_NAME, `${MODULE_NAME} is there too; keep one of them, or name one with --config`);
 }
 return readJson(text.text, JSON_NAME);
}

async function readNamed(path, {path: name, spelling: spelling}, canRunCode) {
 const extension = node_path.extname(path);
 const shown = plain(name, 120);
 if (extension === ".mjs" && !canRunCode) {
  return broken(spelling, `${shown} is a module; only a JSON file is read here`);
 }
 if (extension !== ".mjs" && extension !== ".json") {
  return broken(spelling, `${shown} ends neither in .json nor in .mjs`);
 }
 if (extension === ".mjs") {
  return isThere(path) ? readModule(path, name) : broken(spelling, `there is no file ${shown}`);
 }
 const text = await readText(path);
 if (text.kind === "absent") return broken(spelling, `there is no file ${shown}`);
 if (text.kind === "failed") return broken(spelling, `${shown} cannot be read: ${text.message}`);
 return readJson(text.text, name);
}

async function readText(path) {
 try {
  return {
   kind: "text",
   text: await readFile(path, "utf8")
  };
 } catch (error) {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENOTDIR" ? {
   kind: "absent"
  } : {
   kind: "failed",
   message: code
  };
 }
}

function errorCode(error) {
 const code = error?.code;
 return typeof code === "string" ? code : "unknown error";
}

async function readJson(text, name) {
 const json = text.startsWith("\ufeff") ? text.slice(1) : text;
 try {
  return {
   file: {
    name: name,
    content: JSON.parse(json)
   },
   problems: []
  };
 } catch {
  const {findJsonError: findJsonError} = await Promise.resolve().then(() => require("./json-error.js"));
  const found = findJsonError(json);
  const where = found ? `line ${found.line}, column ${found.column}: ${found.message}` : "is not JSON";
  return broken(plain(name, 120), where);
 }
}

async function readModule(path, name) {
 const shown = plain(name, 120);
 let loaded;
 try {
  const {loadConfigModule: loadConfigModule} = await Promise.resolve().then(() => require("./config-module.js"));
  loaded = await loadConfigModule(path);
 } catch (error) {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return broken(shown, `could not be loaded: ${plain(message)}; \`node ${shown}\` shows where`);
 }
 if (loaded.default === undefined) return broken(shown, "has no default export");
 return {
  file: {
   name: name,
   content: loaded.default
  },
  problems: []
 };
}

function broken(option, message) {
 return {
  file: null,
  problems: [ {
   option: option,
   message: message
  } ]
 };
}

function kebabCase(name) {
 return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}

function camelCase(name) {
 return name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
}

function nameOfFlag(text) {
 const name = camelCase(text);
 return kebabCase(name) === text ? name : null;
}

function environmentName(name) {
 return `LOCKSTEP_${kebabCase(name).replaceAll("-", "_").toUpperCase()}`;
}

function isFrom(spec, source) {
 return spec.sources === undefined || spec.sources.includes(source);
}

function isFor(spec, command) {
 return spec.commands === "all" || spec.commands.includes(command);
}

function defaultOf(spec, command) {
 return spec.defaultFor?.[command] ?? spec.default;
}

const CHECK_OPTIONS = [ {
 name: "action",
 type: "choice",
 commands: [ "check" ],
 choices: [ "set", "get", "wait", "alias" ],
 required: true,
 sources: [ "flag", "input", "hook", "file" ],
 description: "What to do with the check."
}, {
 name: "name",
 type: "string",
 commands: [ "check" ],
 required: true,
 sources: [ "flag", "input", "hook", "file" ],
 description: "The check."
}, {
 name: "status",
 type: "choice",
 commands: [ "check" ],
 choices: [ "passing", "warning", "critical" ],
 sources: [ "flag", "input", "hook", "file" ],
 description: "For `set` only, and required there: the status to publish."
}, {
 name: "ttl",
 type: "duration",
 commands: [ "check" ],
 min: "1s",
 defaultText: "it stands until it is set again",
 description: "For `set` only: without an update for so long the check reads `critical`."
}, {
 name: "output",
 type: "string",
 commands: [ "check" ],
 placeholder: "TEXT",
 description: "For `set` only: one line that says why."
}, {
 name: "of",
 type: "lines",
 commands: [ "check" ],
 placeholder: "TARGET",
 default: [],
 secret: true,
 description: "For `alias` only, and required there: what it mirrors: `check:NAME`, `https://\u2026`, `command:\u2026`, `heroku-release:APP`, `github-check:NAME@REF` or `github-deployment:ENVIRONMENT`."
}, {
 name: "reconcile",
 type: "duration",
 commands: [ "check" ],
 default: "60s",
 min: "1s",
 max: "1h",
 description: "For `alias` only: at most this long between two readings of an upstream."
}, {
 name: "until",
 type: "choice",
 commands: [ "check" ],
 choices: [ "passing", "warning", "critical", "unknown" ],
 placeholder: "STATUS",
 defaultText: "`wait`: `passing`; `alias`: until it is stopped",
 description: "For `wait` and `alias`: end when the check has this status. In the Action `alias` needs it."
} ];

const DEMO_OPTIONS = [ {
 name: "jobs",
 type: "integer",
 commands: [ "demo" ],
 min: 1,
 max: 64,
 default: 8,
 sources: [ "flag" ],
 description: "How many processes ask at once."
}, {
 name: "apps",
 type: "integer",
 commands: [ "demo" ],
 min: 1,
 max: 1e3,
 default: 40,
 sources: [ "flag" ],
 description: "How many stale apps there are to begin with."
}, {
 name: "latency",
 type: "duration",
 commands: [ "demo" ],
 max: "10s",
 default: "50ms",
 sources: [ "flag" ],
 description: "How long the local provider takes to answer."
}, {
 name: "fault",
 type: "choice",
 commands: [ "demo" ],
 choices: [ "kill", "503", "429" ],
 defaultText: "none",
 sources: [ "flag" ],
 description: "What goes wrong in the middle: the sweeping process is killed, or the provider answers 503 or 429."
} ];

const DOCTOR_OPTIONS = [ {
 name: "jobs",
 type: "integer",
 commands: [ "doctor" ],
 min: 1,
 max: 1e3,
 defaultText: "no bill",
 sources: [ "flag", "input" ],
 description: "What a matrix of so many jobs, and a gate of so many members, would cost of GitHub's budget, design by design."
}, {
 name: "parallel",
 type: "integer",
 commands: [ "doctor" ],
 min: 1,
 max: 1e3,
 default: 20,
 sources: [ "flag", "input" ],
 description: "With `--jobs`: how many of them run at a time."
}, {
 name: "live",
 type: "boolean",
 commands: [ "doctor" ],
 default: false,
 sources: [ "flag", "input" ],
 description: "GitHub store only: try in the repository itself what cannot be known without one, and print the answers. Leaves a few references behind and names them."
}, {
 name: "provider",
 type: "choice",
 commands: [ "doctor" ],
 choices: [ "heroku", "directory" ],
 placeholder: "NAME",
 defaultText: "`heroku` where HEROKU_API_KEY is set",
 sources: [ "flag", "input" ],
 description: "Whose credential to try."
}, {
 name: "herokuTeam",
 type: "string",
 commands: [ "doctor" ],
 placeholder: "TEAM",
 defaultText: "the apps the account owns outside teams",
 sources: [ "flag", "input" ],
 description: "Heroku only: the team whose apps will be swept."
}, {
 name: "root",
 type: "string",
 commands: [ "doctor" ],
 placeholder: "PATH",
 sources: [ "flag", "input" ],
 description: "Directory provider only: the folder whose sub-folders are apps."
} ];

const COMMON_OPTIONS = [ {
 name: "store",
 type: "string",
 commands: "all",
 placeholder: "URL",
 defaultText: "on a GitHub runner with a token `github:OWNER/REPO`, on one without a token none, elsewhere `file:`",
 description: "Where the parties meet: `file:`, `file:PATH`, `github:OWNER/REPO`, `redis://\u2026`, `rediss://\u2026`, `postgres://\u2026`, `etcd://HOST:PORT` or `etcds://HOST:PORT`.",
 secret: true
}, {
 name: "namespace",
 type: "string",
 commands: "all",
 placeholder: "NAME",
 default: "default",
 description: "Prefix of every key, so that tools and repositories can share a store."
}, {
 name: "timeout",
 type: "duration",
 commands: "all",
 default: "10m",
 defaultFor: {
  lock: "30m",
  gate: "30m"
 },
 defaultText: "`10m`; lock and gate `30m`",
 min: "1ms",
 description: "One budget for the whole command; every wait inside ends with it."
}, {
 name: "poll",
 type: "duration",
 commands: "all",
 defaultText: "file `1s`, engines `5s`, GitHub `15s`",
 min: "10ms",
 max: "1h",
 description: "The interval at which state is re-read; on stores that push, only the fallback."
}, {
 name: "lease",
 type: "duration",
 commands: "all",
 defaultText: "`60s`; GitHub `10m`",
 min: "1s",
 max: "1h",
 description: "How long a holder that stopped renewing is respected."
}, {
 name: "refPrefix",
 type: "string",
 commands: "all",
 placeholder: "TEXT",
 default: "refs/lockstep",
 description: "GitHub store only: the git refs that hold the records start with it."
}, {
 name: "quotaFloor",
 type: "integer",
 commands: "all",
 defaultText: "20 % of the limit",
 description: "GitHub store only: with fewer requests left than this a clean-up is skipped."
}, {
 name: "holder",
 type: "string",
 commands: "all",
 placeholder: "TEXT",
 defaultText: "run, attempt, job and index on a runner; user@host:pid elsewhere",
 description: "The name others see."
}, {
 name: "json",
 type: "boolean",
 commands: "all",
 default: false,
 sources: [ "flag", "hook", "env", "file" ],
 description: "The result, one JSON object, is the last line of standard output; everything else goes to standard error."
}, {
 name: "logLevel",
 type: "choice",
 commands: "all",
 choices: [ "error", "warn", "info", "debug" ],
 placeholder: "LEVEL",
 default: "info",
 sources: [ "flag", "hook", "env", "file" ],
 description: "How much is said on the way."
}, {
 name: "config",
 type: "string",
 commands: "all",
 placeholder: "FILE",
 defaultText: "`lockstep.config.json` or `lockstep.config.mjs` where there is one; in the Action none",
 sources: [ "flag", "input", "hook", "env" ],
 description: "A configuration file; in the Action JSON only."
}, {
 name: "failOnError",
 type: "boolean",
 commands: "all",
 default: false,
 sources: [ "hook", "env", "file" ],
 description: "In a test runner hook: a failed or incomplete reap fails the tests."
}, {
 name: "help",
 type: "boolean",
 commands: "all",
 default: false,
 short: "h",
 sources: [ "flag" ],
 description: "Show the options of a command."
}, {
 name: "version",
 type: "boolean",
 commands: "all",
 default: false,
 short: "V",
 sources: [ "flag" ],
 description: "Show the version."
} ];

const ACTION_OPTIONS = [ {
 name: "command",
 type: "choice",
 commands: "all",
 choices: [ "reap", "gate", "check", "lock", "unlock", "status", "doctor" ],
 required: true,
 sources: [ "input" ],
 description: "What to do."
}, {
 name: "token",
 type: "string",
 commands: "all",
 placeholder: "TOKEN",
 actionDefault: "${{ github.token }}",
 sources: [ "input" ],
 secret: true,
 description: "The credential for the GitHub store and the jobs API."
}, {
 name: "jobId",
 type: "string",
 commands: "all",
 placeholder: "ID",
 actionDefault: "${{ job.check_run_id }}",
 sources: [ "input" ],
 description: "This job, so that others can tell whether it still runs; without it they judge by the run."
}, {
 name: "failOnIncomplete",
 type: "boolean",
 commands: "all",
 default: false,
 sources: [ "input" ],
 description: "An incomplete result (exit code 3) fails the step instead of warning."
} ];

const GATE_OPTIONS = [ {
 name: "name",
 type: "string",
 commands: [ "gate" ],
 required: true,
 sources: [ "flag", "input", "hook", "file" ],
 description: "The gate: all its members name the same one."
}, {
 name: "member",
 type: "string",
 commands: [ "gate" ],
 placeholder: "NAME",
 defaultText: "required, except with mode `wait-for`, where it only names this job in logs",
 description: "Which of the members this job is."
}, {
 name: "members",
 type: "list",
 commands: [ "gate" ],
 placeholder: "NAME",
 default: [],
 required: true,
 description: "All members, the same list in every job."
}, {
 name: "schema",
 type: "string",
 commands: [ "gate" ],
 placeholder: "VERSION",
 required: true,
 description: "The schema this member was built for; with scheme `list` the ids it needs, separated by commas."
}, {
 name: "api",
 type: "list",
 commands: [ "gate" ],
 placeholder: "NAME",
 default: [],
 description: "The API extensions this member has."
}, {
 name: "mode",
 type: "choice",
 commands: [ "gate" ],
 choices: [ "wait", "announce", "wait-for" ],
 default: "wait",
 description: "Announce and wait until the gate is open; or only announce and end; or, in a later job, wait for those who announced."
}, {
 name: "migrate",
 type: "string",
 commands: [ "gate" ],
 placeholder: "COMMAND",
 description: "Run by exactly one member, through the shell, with `LOCKSTEP_FENCING_TOKEN`, `LOCKSTEP_GATE_FROM` and `LOCKSTEP_GATE_TO` in its environment."
}, {
 name: "schemaProbe",
 type: "string",
 commands: [ "gate" ],
 placeholder: "TARGET",
 secret: true,
 description: 'Answers which schema the world has: JSON `{"schema":"42"}`, from `https://\u2026` or as the last line that `command:\u2026` prints.'
}, {
 name: "ready",
 type: "lines",
 commands: [ "gate" ],
 placeholder: "TARGET",
 default: [],
 secret: true,
 defaultText: "ready at once",
 description: "What must be ready before this member lets the gate open; where it answers JSON, with the schema and API wanted."
}, {
 name: "successes",
 type: "integer",
 commands: [ "gate" ],
 min: 1,
 max: 100,
 default: 2,
 description: "So many good answers in a row make a target ready: replicas behind one name may differ."
}, {
 name: "schemaPath",
 type: "string",
 commands: [ "gate" ],
 placeholder: "POINTER",
 default: "/schema",
 description: "Where the JSON of a probe has the schema."
}, {
 name: "apiPath",
 type: "string",
 commands: [ "gate" ],
 placeholder: "POINTER",
 default: "/api",
 description: "Where the JSON of a probe has the list of API extensions."
}, {
 name: "probeHeader",
 type: "lines",
 commands: [ "gate" ],
 placeholder: "'NAME: VALUE'",
 default: [],
 secret: true,
 description: "A header of every http probe; its value is masked."
}, {
 name: "versionScheme",
 type: "choice",
 commands: [ "gate" ],
 choices: [ "integer", "dotted", "list" ],
 default: "integer",
 description: "How schemas are compared: whole numbers, `1.12.0`, or sets of applied ids."
}, {
 name: "requireApi",
 type: "list",
 commands: [ "gate" ],
 placeholder: "NAME",
 default: [],
 defaultText: "all members must have the same",
 description: "This much API suffices. The same in every job."
}, {
 name: "scope",
 type: "choice",
 commands: [ "gate" ],
 choices: [ "run", "environment" ],
 default: "run",
 description: "One gate per workflow run, or one that lasts: the environment remembers its schema from run to run."
}, {
 name: "environment",
 type: "string",
 commands: [ "gate" ],
 placeholder: "NAME",
 description: "The environment, with scope `environment`."
}, {
 name: "allowDowngrade",
 type: "boolean",
 commands: [ "gate" ],
 default: false,
 description: "A schema below the committed one is meant. The schema itself is never taken back."
}, {
 name: "onLeave",
 type: "choice",
 commands: [ "gate" ],
 choices: [ "fail", "wait" ],
 default: "fail",
 description: "What happens to the others when this job is stopped: they fail at once, or wait for its re-run."
}, {
 name: "run",
 type: "string",
 commands: [ "gate" ],
 placeholder: "ID",
 defaultText: "on a runner its own, elsewhere `local`",
 description: "Which run this belongs to; numbers must rise."
}, {
 name: "attempt",
 type: "integer",
 commands: [ "gate" ],
 min: 1,
 max: 1e6,
 defaultText: "on a runner its own, elsewhere 1",
 description: "Which try of the run; a gate that failed needs a higher one."
}, {
 name: "jobTotal",
 type: "integer",
 commands: [ "gate" ],
 min: 1,
 defaultText: "unknown; in the Action the number of jobs in the matrix",
 actionDefault: "${{ strategy.job-total }}",
 sources: [ "flag", "input", "hook", "env" ],
 description: "How many jobs the matrix has."
}, {
 name: "maxParallel",
 type: "integer",
 commands: [ "gate" ],
 min: 1,
 defaultText: "unknown; in the Action that of the matrix",
 actionDefault: "${{ strategy.max-parallel }}",
 sources: [ "flag", "input", "hook", "env" ],
 description: "How many of them run at once: with fewer than members, waiting for each other cannot end well."
}, {
 name: "jobName",
 type: "string",
 commands: [ "gate" ],
 placeholder: "'deploy ({member})'",
 description: "How the members' jobs are called, so that the jobs API can tell that an absent one will not come."
} ];

const LOCK_OPTIONS = [ {
 name: "name",
 type: "string",
 commands: [ "lock" ],
 required: true,
 sources: [ "flag", "input", "hook", "file" ],
 description: "What to hold: all who name the same lock in one store and namespace contend for it."
}, {
 name: "whenBusy",
 type: "choice",
 commands: [ "lock" ],
 choices: [ "wait", "skip", "fail" ],
 default: "wait",
 description: "What to do while others hold it: wait for at most `--timeout`, go on without running the command, or fail."
}, {
 name: "permits",
 type: "integer",
 commands: [ "lock" ],
 min: 1,
 max: 100,
 default: 1,
 description: "How many may hold it at once. All contenders must use the same number."
}, {
 name: "order",
 type: "choice",
 commands: [ "lock" ],
 choices: [ "any", "fifo" ],
 default: "any",
 description: "Who is next: whoever is fastest, or with `fifo` whoever came first. All contenders should use the same."
}, {
 name: "run",
 type: "string",
 commands: [ "lock" ],
 placeholder: "SCRIPT",
 defaultText: "none: the lock is held until the end of the job",
 sources: [ "input" ],
 description: "A script for `bash`, run under the lock inside this step."
}, {
 name: "jobIndex",
 type: "integer",
 commands: [ "lock" ],
 defaultText: "unknown; in the Action the index in the matrix",
 actionDefault: "${{ strategy.job-index }}",
 sources: [ "flag", "input", "hook", "env" ],
 description: "Which job of the matrix this is, counted from 0: so that others can tell who holds the lock."
} ];

const ASSERT_OPTIONS = [ {
 name: "name",
 type: "string",
 commands: [ "assert" ],
 required: true,
 sources: [ "flag" ],
 description: "The lock that must still be held with the token in `LOCKSTEP_FENCING_TOKEN`."
} ];

const UNLOCK_OPTIONS = [ {
 name: "name",
 type: "string",
 commands: [ "unlock" ],
 required: true,
 sources: [ "flag", "input" ],
 description: "The lock to free, whoever holds it."
}, {
 name: "force",
 type: "boolean",
 commands: [ "unlock" ],
 default: false,
 sources: [ "flag", "input" ],
 description: "Required: the holder's work goes on until it notices, and its token is refused from now on."
} ];

const REAP_OPTIONS = [ {
 name: "provider",
 type: "choice",
 commands: [ "reap" ],
 choices: [ "heroku", "directory", "command", "module" ],
 placeholder: "NAME",
 required: true,
 description: "Where the apps live: `heroku`, `directory` (each sub-folder of `--root` is an app), or one of your own: `command`, `module` (see docs/providers.md)."
}, {
 name: "herokuTeam",
 type: "string",
 commands: [ "reap" ],
 placeholder: "TEAM",
 defaultText: "the apps the account owns outside teams",
 description: "Heroku only: the team whose apps are candidates and count against `--limit`."
}, {
 name: "root",
 type: "string",
 commands: [ "reap" ],
 placeholder: "PATH",
 description: "Directory provider only, and required there: the folder whose sub-folders are apps."
}, {
 name: "listCommand",
 type: "string",
 commands: [ "reap" ],
 placeholder: "COMMAND",
 runsCode: true,
 description: "Command provider only, and required there: prints one JSON line for each app."
}, {
 name: "getCommand",
 type: "string",
 commands: [ "reap" ],
 placeholder: "COMMAND",
 runsCode: true,
 description: "Command provider only, and required there: prints the app `{id}` as a JSON line, or that it is gone."
}, {
 name: "destroyCommand",
 type: "string",
 commands: [ "reap" ],
 placeholder: "COMMAND",
 runsCode: true,
 description: "Command provider only, and required there: deletes the app `{id}`."
}, {
 name: "providerModule",
 type: "string",
 commands: [ "reap" ],
 placeholder: "FILE",
 runsCode: true,
 sources: [ "flag", "hook", "env", "file" ],
 description: "Module provider only, and required there: a file that exports `createProvider`."
}, {
 name: "account",
 type: "string",
 commands: [ "reap" ],
 placeholder: "NAME",
 defaultText: "a hash of API origin, team or root, and credential; of `--list-command`; or as the module says",
 description: "The account the lease stands for; needed where several credentials reach one account."
}, {
 name: "match",
 type: "string",
 commands: [ "reap" ],
 placeholder: "REGEX",
 required: true,
 description: "Only apps whose whole name matches are candidates."
}, {
 name: "olderThan",
 type: "duration",
 commands: [ "reap" ],
 description: "Apps older than this are stale. This, or `--limit`, or both are required."
}, {
 name: "limit",
 type: "integer",
 commands: [ "reap" ],
 min: 1,
 description: "How many apps the account may have; the oldest candidates above it are stale."
}, {
 name: "headroom",
 type: "integer",
 commands: [ "reap" ],
 default: 0,
 description: "With `--limit`: places to keep free below it."
}, {
 name: "protect",
 type: "list",
 commands: [ "reap" ],
 placeholder: "PATTERN",
 default: [],
 description: "Never delete these: a whole name with `*` and `?`, or `id:ID`."
}, {
 name: "minAge",
 type: "duration",
 commands: [ "reap" ],
 default: "5m",
 description: "Nothing younger is ever deleted, whatever the rule."
}, {
 name: "maxDeletes",
 type: "integer",
 commands: [ "reap" ],
 min: 1,
 defaultText: "no maximum",
 description: "Delete at most this many in one run, the oldest first; the rest is deferred."
}, {
 name: "apply",
 type: "boolean",
 commands: [ "reap" ],
 default: false,
 description: "Delete. Without it the result is a plan and nothing is deleted."
}, {
 name: "whenBusy",
 type: "choice",
 commands: [ "reap" ],
 choices: [ "skip", "wait" ],
 default: "skip",
 description: "What to do while another job sweeps the same account."
}, {
 name: "onConflict",
 type: "choice",
 commands: [ "reap" ],
 choices: [ "refresh-and-continue", "stop-if-under-limit", "stop" ],
 placeholder: "STRATEGY",
 default: "refresh-and-continue",
 description: "What to do when somebody else deleted an app meanwhile."
}, {
 name: "every",
 type: "duration",
 commands: [ "reap" ],
 default: "10m",
 description: "A complete sweep of the same identity within this time makes this one `skipped`; `0s` turns it off."
}, {
 name: "electors",
 type: "integer",
 commands: [ "reap" ],
 min: 1,
 defaultText: "3 where the job index is known, otherwise all",
 description: "In a matrix only the first N jobs sweep; the others are skipped without a request."
}, {
 name: "jobIndex",
 type: "integer",
 commands: [ "reap" ],
 defaultText: "unknown; in the Action the index in the matrix",
 actionDefault: "${{ strategy.job-index }}",
 sources: [ "flag", "input", "hook", "env" ],
 description: "Which job of the matrix this is, counted from 0."
}, {
 name: "jobTotal",
 type: "integer",
 commands: [ "reap" ],
 min: 1,
 defaultText: "unknown; in the Action the number of jobs in the matrix",
 actionDefault: "${{ strategy.job-total }}",
 sources: [ "flag", "input", "hook", "env" ],
 description: "How many jobs the matrix has."
}, {
 name: "concurrency",
 type: "integer",
 commands: [ "reap" ],
 min: 1,
 max: 32,
 default: 4,
 description: "How many deletions are under way at once."
}, {
 name: "reserve",
 type: "integer",
 commands: [ "reap" ],
 default: 0,
 description: "Calls of the provider's rate limit to leave for the build itself."
}, {
 name: "protectWhileHeld",
 type: "boolean",
 commands: [ "reap" ],
 default: false,
 description: "Never delete an app whose owner holds a live lease on it, as `withRoom` does, whatever its age."
}, {
 name: "shareThrottle",
 type: "boolean",
 commands: [ "reap" ],
 default: false,
 defaultText: "on when the store is an engine (redis, postgres, etcd), otherwise off",
 description: "Pace the calls to the provider together with every other process of the account, through the store, so that they share its rate limit without refusals."
}, {
 name: "detailedExitcode",
 type: "boolean",
 commands: [ "reap" ],
 default: false,
 description: "A plan that found candidates exits with 10 instead of 0."
} ];

const STATUS_OPTIONS = [ {
 name: "kind",
 type: "choice",
 commands: [ "status" ],
 choices: [ "lock", "reap", "gate", "check" ],
 defaultText: "all kinds",
 sources: [ "flag", "input", "hook", "file" ],
 description: "Show only records of this kind."
}, {
 name: "name",
 type: "string",
 commands: [ "status" ],
 defaultText: "all names",
 sources: [ "flag", "input", "hook", "file" ],
 description: "Show only the record of this name."
} ];

const TABLE = [ ...ACTION_OPTIONS, ...COMMON_OPTIONS, ...REAP_OPTIONS, ...LOCK_OPTIONS, ...ASSERT_OPTIONS, ...UNLOCK_OPTIONS, ...GATE_OPTIONS, ...CHECK_OPTIONS, ...STATUS_OPTIONS, ...DOCTOR_OPTIONS, ...DEMO_OPTIONS ];

const OPTIONS = TABLE;

function optionsOf(command) {
 return OPTIONS.filter(spec => isFor(spec, command));
}

function isPositional(command, name) {
 return commandSpec(command).positionals.includes(name);
}

function valueKey(spec) {
 return spec.type === "duration" ? `${spec.name}Ms` : spec.name;
}

const UNIT_MS = Object.freeze({
 ms: 1,
 s: 1e3,
 m: 6e4,
 h: 36e5,
 d: 864e5
});

function parseDuration(text) {
 const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
 const unitMs = match?.[2] === undefined ? undefined : UNIT_MS[match[2]];
 if (!match || unitMs === undefined) {
  const bare = /^\d+(\.\d+)?$/.test(text);
  return {
   ok: false,
   problem: bare ? `a duration needs a unit; write ${text}s, ${text}m, ${text}h or ${text}d` : "is not a duration; write a number and a unit, such as 90s, 15m, 12h or 7d"
  };
 }
 const ms = Math.round(Number(match[1]) * unitMs);
 if (ms > 3650 * 864e5) return {
  ok: false,
  problem: "is longer than ten years"
 };
 return {
  ok: true,
  value: ms
 };
}

function formatDuration(ms) {
 if (ms < 1e3) return `${Math.round(ms)} ms`;
 if (ms < 6e4) return `${Number((ms / 1e3).toFixed(1))} s`;
 const units = [ [ "d", 864e5 ], [ "h", 36e5 ], [ "m", 6e4 ], [ "s", 1e3 ] ];
 const first = units.findIndex(([, unitMs]) => ms >= unitMs);
 let leftMs = ms;
 const parts = units.slice(first, first + 2).map(([name, unitMs]) => {
  const count = Math.floor(leftMs / unitMs);
  leftMs -= count * unitMs;
  return count > 0 ? `${count} ${name}` : "";
 });
 return parts.filter(Boolean).join(" ");
}

const MAX_DIGITS = 15;

const MAX_ECHO = 60;

function isUnset(raw) {
 if (raw === undefined) return true;
 if (typeof raw === "string") return raw.trim() === "";
 return Array.isArray(raw) && raw.every(isUnset);
}

function parseText(spec, raw) {
 if (typeof raw === "boolean") return {
  ok: true,
  value: raw
 };
 const texts = typeof raw === "string" ? [ raw ] : raw;
 if (spec.type === "list" || spec.type === "lines") return {
  ok: true,
  value: splitItems(spec, texts)
 };
 const text = (texts.findLast(each => each.trim() !== "") ?? "").trim();
 switch (spec.type) {
 case "duration":
  return parseDurationIn(spec, text);

 case "integer":
  return parseIntegerIn(spec, text);

 case "boolean":
  return parseBoolean(spec, text);

 case "choice":
  return parseChoice(spec, text);

 case "string":
  return {
   ok: true,
   value: text
  };
 }
}

function parseTyped(spec, raw) {
 switch (spec.type) {
 case "boolean":
  return typeof raw === "boolean" ? {
   ok: true,
   value: raw
  } : refuse("must be true or false", raw);

 case "integer":
  if (typeof raw !== "number") return refuse("must be a whole number", raw);
  return Number.isSafeInteger(raw) ? inRange(spec, raw) : {
   ok: false,
   problem: `${raw} is not a whole number`
  };

 case "list":
 case "lines":
  if (typeof raw === "string") return parseText(spec, raw);
  return Array.isArray(raw) && raw.every(item => typeof item === "string") ? parseText(spec, raw) : refuse("must be a list of strings", raw);

 case "duration":
  if (typeof raw === "number") return parseText(spec, String(raw));
  return typeof raw === "string" ? parseText(spec, raw) : refuse('must be a duration such as "15m"', raw);

 case "choice":
 case "string":
  return typeof raw === "string" ? parseText(spec, raw) : refuse("must be a string", raw);
 }
}

function refuse(expectation, raw) {
 const kind = raw === null ? "null" : Array.isArray(raw) ? "a list" : typeof raw;
 const found = kind === "object" ? "an object" : kind === "null" || kind === "a list" ? kind : `a ${kind}`;
 return {
  ok: false,
  problem: `${expectation}, not ${found}`
 };
}

function splitItems(spec, texts) {
 const separator = spec.type === "list" ? /[,\r\n]/ : /[\r\n]+/;
 const items = texts.flatMap(text => text.split(separator)).map(item => item.trim());
 return Object.freeze([ ...new Set(items.filter(item => item !== "")) ]);
}

function quote(spec, text) {
 return spec.secret ? "the value" : `"${plain(text, MAX_ECHO)}"`;
}

function parseDurationIn(spec, text) {
 if (text.length > MAX_ECHO) return {
  ok: false,
  problem: `${quote(spec, text)} is not a duration`
 };
 const parsed = parseDuration(text);
 if (!parsed.ok) {
  const {problem: problem} = parsed;
  return {
   ok: false,
   problem: problem.startsWith("is ") ? `${quote(spec, text)} ${problem}` : problem
  };
 }
 return inRange(spec, parsed.value);
}

function parseIntegerIn(spec, text) {
 if (!/^\d+$/.test(text)) {
  return {
   ok: false,
   problem: `${quote(spec, text)} is not a whole number; write digits only`
  };
 }
 if (text.length > MAX_DIGITS) return {
  ok: false,
  problem: `${quote(spec, text)} is too large`
 };
 return inRange(spec, Number(text));
}

function parseBoolean(spec, text) {
 const lower = text.toLowerCase();
 if (lower === "true" || lower === "false") return {
  ok: true,
  value: lower === "true"
 };
 return {
  ok: false,
  problem: `${quote(spec, text)} is neither true nor false`
 };
}

function parseChoice(spec, text) {
 const choices = spec.choices ?? [];
 if (choices.includes(text)) return {
  ok: true,
  value: text
 };
 return {
  ok: false,
  problem: `${quote(spec, text)} is not one of ${choices.join(", ")}`
 };
}

function boundOf(bound) {
 if (typeof bound !== "string") return bound;
 const parsed = parseDuration(bound);
 return parsed.ok ? parsed.value : undefined;
}

function inRange(spec, value) {
 const min = spec.min ?? 0;
 if (value < (boundOf(min) ?? 0) || value > (boundOf(spec.max) ?? Number.POSITIVE_INFINITY)) {
  const range = spec.max === undefined ? `at least ${min}` : `from ${min} to ${spec.max}`;
  return {
   ok: false,
   problem: `must be ${range}`
  };
 }
 return {
  ok: true,
  value: value
 };
}

const EMPTY_READING = Object.freeze({
 given: new Map,
 unknown: Object.freeze([]),
 problems: Object.freeze([])
});

const RESERVED = /^LOCKSTEP_(LOCK_NAME|FENCING_TOKEN|SESSION|GATE_.*|RESULT_.*)$/;

function readInputs(inputs, command) {
 const given = new Map;
 const unknown = [];
 for (const [name, raw] of Object.entries(inputs)) {
  if (isUnset(raw)) continue;
  const rows = OPTIONS.filter(spec => kebabCase(spec.name) === name && isFrom(spec, "input"));
  const own = rows.find(spec => isFor(spec, command));
  if (own) given.set(own.name, {
   source: "input",
   spelling: name,
   raw: raw
  }); else if (!rows.some(spec => spec.actionDefault !== undefined)) {
   unknown.push({
    source: "input",
    spelling: plain(name, 60),
    name: name,
    section: null
   });
  }
 }
 return {
  given: given,
  unknown: unknown,
  problems: []
 };
}

function inputsOf(environment) {
 return Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith("INPUT_")).map(([name, value]) => [ name.slice("INPUT_".length).toLowerCase(), value ]));
}

function readEnvironment(environment, command) {
 const given = new Map;
 const unknown = [];
 for (const name of Object.keys(environment)) {
  if (!name.startsWith("LOCKSTEP_") || RESERVED.test(name) || isUnset(environment[name])) continue;
  const rows = OPTIONS.filter(spec => environmentName(spec.name) === name && isFrom(spec, "env"));
  const own = rows.find(spec => isFor(spec, command));
  if (own) given.set(own.name, {
   source: "env",
   spelling: name,
   raw: environment[name]
  }); else if (rows.length === 0) {
   unknown.push({
    source: "env",
    spelling: plain(name, 60),
    name: name,
    section: null
   });
  }
 }
 return {
  given: given,
  unknown: unknown,
  problems: []
 };
}

function sectionNames(source) {
 const names = OPTIONS.flatMap(spec => isFrom(spec, source) && spec.commands !== "all" ? spec.commands : []);
 return [ ...new Set(names) ];
}

function sectionOptions(source, section) {
 return OPTIONS.filter(spec => isFrom(spec, source) && isFor(spec, section));
}

function topOptions(source) {
 return OPTIONS.filter(spec => isFrom(spec, source) && spec.commands === "all");
}

function readSections(content, {source: source, command: command, fileName: fileName}) {
 const where = fileName === undefined ? "" : ` in ${plain(fileName, 120)}`;
 const problems = [];
 const given = new Map;
 const unknown = [];
 if (!isRecord(content)) {
  const option = fileName === undefined ? "options" : plain(fileName, 120);
  return {
   given: given,
   unknown: unknown,
   problems: [ {
    option: option,
    message: "must be an object"
   } ]
  };
 }
 const sections = sectionNames(source);
 const spell = path => `${plain(path, 80)}${where}`;
 const take = (record, section) => {
  const known = section === null ? topOptions(source) : sectionOptions(source, section);
  for (const [name, raw] of Object.entries(record)) {
   if (section === null && (name === "$schema" || isSection(name))) continue;
   const path = section === null ? name : `${section}.${name}`;
   const spec = known.find(each => each.name === name);
   if (!spec) unknown.push({
    source: source,
    spelling: spell(path),
    name: name,
    section: section
   }); else if (!isUnset(raw) && (section === null || section === command)) {
    given.set(name, {
     source: source,
     spelling: source === "hook" ? name : spell(path),
     raw: raw
    });
   }
  }
 };
 const isSection = name => isCommandName(name) && sections.includes(name);
 take(content, null);
 for (const [name, raw] of Object.entries(content)) {
  if (!isSection(name) || raw === undefined) continue;
  const {shorthand: shorthand} = commandSpec(name);
  if (isRecord(raw)) take(raw, name); else if (typeof raw === "string" && shorthand !== undefined) take({
   [shorthand]: raw
  }, name); else problems.push({
   option: spell(name),
   message: "must be an object with the options of this command"
  });
 }
 return {
  given: given,
  unknown: unknown,
  problems: problems
 };
}

function isRecord(value) {
 return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function resolveOptions(request) {
 const {command: command, host: host} = request;
 const readings = readingsOf(request);
 const given = new Map;
 const values = {};
 const problems = [ ...await unknownNames(readings, command) ];
 problems.push(...readings.flatMap(reading => reading.problems));
 for (const spec of optionsOf(command)) {
  const winner = readings.map(reading => reading.given.get(spec.name)).find(isSet);
  values[valueKey(spec)] = defaultValue(spec, command);
  if (!winner) {
   if (isMissing(spec, host)) {
    problems.push({
     option: hostSpelling(spec, command, host),
     message: missingMessage(spec)
    });
   }
   continue;
  }
  given.set(spec.name, winner);
  if (spec.runsCode && host === "action" && winner.source === "file") {
   problems.push({
    option: winner.spelling,
    message: "runs code, so in the Action no file may set it"
   });
   continue;
  }
  const parsed = parseGiven(spec, winner);
  if (parsed.ok) values[valueKey(spec)] = parsed.value; else problems.push({
   option: winner.spelling,
   message: parsed.problem
  });
 }
 return {
  command: command,
  values: Object.freeze(values),
  problems: Object.freeze(problems),
  sourceOf: name => given.get(name)?.source ?? null,
  spellingOf: name => given.get(name)?.spelling ?? spellOption(name, command, host)
 };
}

function namedConfigFile(request) {
 for (const reading of readingsOf(request)) {
  const given = reading.given.get("config");
  if (given === undefined || !isSet(given)) continue;
  const raw = Array.isArray(given.raw) ? given.raw.at(-1) : given.raw;
  return typeof raw === "string" ? {
   path: raw.trim(),
   spelling: given.spelling
  } : null;
 }
 return null;
}

function spellOption(name, command, host) {
 const spec = optionsOf(command).find(each => each.name === name);
 return spec ? hostSpelling(spec, command, host) : name;
}

function readingsOf(request) {
 const {command: command, host: host, flags: flags, inputs: inputs, hook: hook, env: env, file: file} = request;
 const isAction = host === "action";
 const fileName = file?.name;
 return [ flags ?? EMPTY_READING, inputs ? readInputs(inputs, command) : EMPTY_READING, hook === undefined || isAction ? EMPTY_READING : readSections(hook, {
  source: "hook",
  command: command
 }), env === undefined || isAction ? EMPTY_READING : readEnvironment(env, command), file && fileName !== undefined ? readSections(file.content, {
  source: "file",
  command: command,
  fileName: fileName
 }) : EMPTY_READING ];
}

async function unknownNames(readings, command) {
 const unknown = readings.flatMap(reading => reading.unknown);
 if (unknown.length === 0) return [];
 const {describeUnknownName: describeUnknownName} = await Promise.resolve().then(() => require("./unknown-name.js"));
 return unknown.map(each => describeUnknownName(each, command));
}

function defaultValue(spec, command) {
 const value = defaultOf(spec, command);
 if (value === undefined) return null;
 const parsed = parseTyped(spec, value);
 return parsed.ok ? parsed.value : null;
}

function isSet(given) {
 return given !== undefined && (given.problem !== undefined || !isUnset(given.raw));
}

function parseGiven(spec, {source: source, raw: raw, problem: problem}) {
 if (problem !== undefined) return {
  ok: false,
  problem: problem
 };
 return source === "hook" || source === "file" ? parseTyped(spec, raw) : parseText(spec, raw);
}

function isMissing(spec, host) {
 if (!spec.required) return false;
 const own = host === "cli" ? "flag" : host === "action" ? "input" : "hook";
 return isFrom(spec, own);
}

function missingMessage(spec) {
 return spec.choices ? `is required; one of ${spec.choices.join(", ")}` : "is required";
}

function hostSpelling(spec, command, host) {
 if (host === "action" && isFrom(spec, "input")) return kebabCase(spec.name);
 if (host === "hook" && isFrom(spec, "hook")) return spec.name;
 if (isFrom(spec, "flag")) {
  return isPositional(command, spec.name) ? spec.name.toUpperCase() : `--${kebabCase(spec.name)}`;
 }
 return isFrom(spec, "env") ? environmentName(spec.name) : kebabCase(spec.name);
}

const ROUND = Uint32Array.of(1116352408, 1899447441, 3049323471, 3921009573, 961987163, 1508970993, 2453635748, 2870763221, 3624381080, 310598401, 607225278, 1426881987, 1925078388, 2162078206, 2614888103, 3248222580, 3835390401, 4022224774, 264347078, 604807628, 770255983, 1249150122, 1555081692, 1996064986, 2554220882, 2821834349, 2952996808, 3210313671, 3336571891, 3584528711, 113926993, 338241895, 666307205, 773529912, 1294757372, 1396182291, 1695183700, 1986661051, 2177026350, 2456956037, 2730485921, 2820302411, 3259730800, 3345764771, 3516065817, 3600352804, 4094571909, 275423344, 430227734, 506948616, 659060556, 883997877, 958139571, 1322822218, 1537002063, 1747873779, 1955562222, 2024104815, 2227730452, 2361852424, 2428436474, 2756734187, 3204031479, 3329325298);

const START = Uint32Array.of(1779033703, 3144134277, 1013904242, 2773480762, 1359893119, 2600822924, 528734635, 1541459225);

function sha256(bytes) {
 const padded = pad(bytes);
 const hash = Uint32Array.from(START);
 const words = new Int32Array(64);
 for (let at = 0; at < padded.byteLength; at += 64) compress(hash, expand(words, padded, at));
 return Array.from(hash, each => each.toString(16).padStart(8, "0")).join("");
}

function expand(words, padded, at) {
 for (let i = 0; i < 16; i += 1) words[i] = padded.getInt32(at + 4 * i);
 for (let i = 16; i < 64; i += 1) {
  const a = words[i - 15];
  const b = words[i - 2];
  const s0 = (a >>> 7 | a << 25) ^ (a >>> 18 | a << 14) ^ a >>> 3;
  const s1 = (b >>> 17 | b << 15) ^ (b >>> 19 | b << 13) ^ b >>> 10;
  words[i] = words[i - 16] + s0 + words[i - 7] + s1;
 }
 return words;
}

function compress(hash, words) {
 let a = hash[0];
 let b = hash[1];
 let c = hash[2];
 let d = hash[3];
 let e = hash[4];
 let f = hash[5];
 let g = hash[6];
 let h = hash[7];
 for (let i = 0; i < 64; i += 1) {
  const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
  const t1 = h + s1 + (e & f ^ ~e & g) + ROUND[i] + words[i] | 0;
  const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
  const t2 = s0 + (a & b ^ a & c ^ b & c);
  h = g;
  g = f;
  f = e;
  e = d + t1 | 0;
  d = c;
  c = b;
  b = a;
  a = t1 + t2 | 0;
 }
 hash[0] = hash[0] + a;
 hash[1] = hash[1] + b;
 hash[2] = hash[2] + c;
 hash[3] = hash[3] + d;
 hash[4] = hash[4] + e;
 hash[5] = hash[5] + f;
 hash[6] = hash[6] + g;
 hash[7] = hash[7] + h;
}

function pad(bytes) {
 const blocks = Math.ceil((bytes.length + 9) / 64);
 const padded = new Uint8Array(blocks * 64);
 padded.set(bytes);
 padded[bytes.length] = 128;
 const view = new DataView(padded.buffer);
 view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
 view.setUint32(padded.length - 4, bytes.length * 8);
 return view;
}

const RANDOM_DEVICE = "/dev/urandom";

const UUID_BYTES = 16;

function createNonce() {
 const bytes = readKernelRandom(UUID_BYTES);
 return bytes === null ? globalThis.crypto.randomUUID() : formatUuid(bytes);
}

function readKernelRandom(size) {
 let device;
 try {
  device = fs.openSync(RANDOM_DEVICE, "r");
 } catch {
  return null;
 }
 try {
  const bytes = Buffer.alloc(size);
  const isDevice = fs.fstatSync(device).isCharacterDevice();
  return isDevice && fs.readSync(device, bytes) === size ? bytes : null;
 } finally {
  fs.closeSync(device);
 }
}

function formatUuid(bytes) {
 bytes.writeUInt8(bytes.readUInt8(6) & 15 | 64, 6);
 bytes.writeUInt8(bytes.readUInt8(8) & 63 | 128, 8);
 const hex = bytes.toString("hex");
 return [ hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20) ].join("-");
}

function hashIdentity(parts) {
 const joined = parts.map(part => `${Buffer.byteLength(part)}:${part}`).join("");
 return sha256(Buffer.from(joined)).slice(0, 16);
}

const LOG_LEVELS = [ "error", "warn", "info", "debug" ];

const nullLogger = Object.freeze({
 error: drop,
 warn: drop,
 info: drop,
 debug: drop
});

function drop() {}

function createLogger(level, write) {
 const most = LOG_LEVELS.indexOf(level);
 const at = own => message => {
  if (LOG_LEVELS.indexOf(own) <= most) write(own, message);
 };
 return {
  error: at("error"),
  warn: at("warn"),
  info: at("info"),
  debug: at("debug")
 };
}

const SECRET_NAMES = [ "HEROKU_API_KEY", "GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN" ];

const URL_WITH_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/([^\s/@:]*:([^\s/@]+)@)\S+$/i;

const MIN_LONE_PASSWORD = 12;

function secretsOf(env, texts) {
 const fromNames = SECRET_NAMES.map(name => env[name]);
 const fromUrls = texts.filter(hasUrl).flatMap(text => [ /^(?:--store=)?[a-z]+:\/\/[^/@]*:([^/@]+)@/.exec(text)?.[1], /^(?:--store=)?[a-z]+:\/\/[^?]*\?(?:[^&]*&)*password=([^&#]+)/.exec(text)?.[1] ]);
 const found = [ ...fromUrls, ...Object.values(env).filter(hasUrl).flatMap(passwordIn) ];
 const all = [ ...fromNames, ...found, ...found.map(text => text && decodeOrKeep(text)) ];
 return all.filter(value => typeof value === "string" && value !== "");
}

function hasUrl(text) {
 return text?.includes("://") === true;
}

function passwordIn(value) {
 const [, pair, password = ""] = URL_WITH_PASSWORD.exec(value) ?? [];
 if (pair === undefined) return [];
 return password.length < MIN_LONE_PASSWORD ? [ pair ] : [ pair, password ];
}

function decodeOrKeep(text) {
 try {
  return decodeURIComponent(text);
 } catch {
  return text;
 }
}

const GRACE_MS = 7e3;

function listenForInterruption(options) {
 const controller = new AbortController;
 let received = null;
 let timer = null;
 let taker = null;
 const startGrace = signalName => {
  timer = options.clock.startTimer(GRACE_MS, () => options.onExpired(signalName), {
   background: true
  });
 };
 const handle = signalName => {
  const isFirst = received === null;
  received ??= signalName;
  if (isFirst) controller.abort(new CancelledError(`interrupted by ${signalName}`, {
   signalName: signalName
  }));
  if (taker) return taker(signalName);
  if (!isFirst) return options.onExpired(received);
  startGrace(signalName);
 };
 const onInterrupt = () => handle("SIGINT");
 const onTerminate = () => handle("SIGTERM");
 options.process.on("SIGINT", onInterrupt);
 options.process.on("SIGTERM", onTerminate);
 return {
  signal: controller.signal,
  received: () => received,
  takeOver(listener) {
   taker = listener;
   timer?.cancel();
   return () => {
    if (taker !== listener) return;
    taker = null;
    if (received !== null) startGrace(received);
   };
  },
  dispose() {
   timer?.cancel();
   options.process.off("SIGINT", onInterrupt);
   options.process.off("SIGTERM", onTerminate);
  }
 };
}

function describeProcess({pid: pid, execPath: execPath, execArgv: execArgv, argv: argv}, env) {
 return {
  pid: pid,
  who: async () => (await Promise.resolve().then(() => require("./lease.js")).then(n => n.who)).whoRunsThis(env),
  execPath: execPath,
  execArgv: execArgv,
  entry: argv[1] ?? ""
 };
}

function createDeadline({clock: clock, timeoutMs: timeoutMs, waitingFor: waitingFor, parent: parent}) {
 const controller = new AbortController;
 const atMs = clock.monotonicMs() + timeoutMs;
 const onParentAbort = () => controller.abort(abortReason(parent));
 if (parent?.aborted) onParentAbort(); else parent?.addEventListener("abort", onParentAbort, {
  once: true
 });
 const timer = Number.isFinite(timeoutMs) ? clock.startTimer(timeoutMs, () => controller.abort(new DeadlineError(waitingFor)), {
  background: true
 }) : null;
 return {
  atMs: atMs,
  signal: controller.signal,
  remainingMs: () => Math.max(0, atMs - clock.monotonicMs()),
  sleep: delayMs => sleep(clock, delayMs, controller.signal),
  throwIfPassed: () => throwIfAborted(controller.signal),
  dispose() {
   timer?.cancel();
   parent?.removeEventListener("abort", onParentAbort);
  }
 };
}

async function withTimeout(options, operation) {
 const deadline = createDeadline(options);
 try {
  return await new Promise((resolve, reject) => {
   const onAbort = () => {
    const reason = abortReason(deadline.signal);
    const timedOut = reason instanceof DeadlineError && !options.parent?.aborted;
    reject(timedOut && options.onTimeout ? options.onTimeout() : reason);
   };
   if (deadline.signal.aborted) return onAbort();
   deadline.signal.addEventListener("abort", onAbort, {
    once: true
   });
   operation(deadline.signal).then(resolve, reject);
  });
 } finally {
  deadline.dispose();
 }
}

async function withEither(signals, operation) {
 const given = signals.filter(signal => signal !== undefined);
 for (const signal of given) throwIfAborted(signal);
 const joint = new AbortController;
 const links = given.map(source => {
  const onAbort = () => joint.abort(abortReason(source));
  source.addEventListener("abort", onAbort, {
   once: true
  });
  return () => source.removeEventListener("abort", onAbort);
 });
 try {
  return await operation(joint.signal);
 } finally {
  for (const unlink of links) unlink();
 }
}

const SAFE = /[a-z0-9._-]/;

function escapeSegment(text) {
 invariant(text.length > 0, "a key segment is empty");
 let escaped = "";
 for (const byte of Buffer.from(text, "utf8")) {
  const char = String.fromCharCode(byte);
  const dotNeedsEscape = char === "." && (escaped === "" || escaped.endsWith("."));
  escaped += SAFE.test(char) && !dotNeedsEscape ? char : `~${byte.toString(16).padStart(2, "0")}`;
 }
 if (escaped.endsWith(".lock")) escaped = `${escaped.slice(0, -5)}~2elock`;
 return escaped.endsWith(".") ? `${escaped.slice(0, -1)}~2e` : escaped;
}

function unescapeSegment(segment) {
 const bytes = segment.replace(/~([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
 return Buffer.from(bytes, "latin1").toString("utf8");
}

function createKey(...segments) {
 return segments.map(escapeSegment).join("/");
}

function splitKey(key) {
 return key.split("/").map(unescapeSegment);
}

const REF_LEAF = "/@";

function formatRefPath(key) {
 return key.replaceAll("~", "=") + REF_LEAF;
}

function parseRefPath(path) {
 return path.endsWith(REF_LEAF) ? path.slice(0, -REF_LEAF.length).replaceAll("=", "~") : null;
}

async function createHolder(context, options) {
 const {env: env, process: process} = context;
 const who = await process.who();
 const run = env["GITHUB_RUN_ID"];
 const attempt = env["GITHUB_RUN_ATTEMPT"];
 const url = runUrl(context, options.jobId);
 return {
  text: plain(options.holder ?? defaultText(context, who, options)),
  host: who.host,
  pid: process.pid,
  ...context.isRunner && run ? {
   run: run
  } : {},
  ...context.isRunner && attempt ? {
   attempt: attempt
  } : {},
  ...context.isRunner && options.jobId ? {
   job: options.jobId
  } : {},
  ...url ? {
   url: url
  } : {}
 };
}

function defaultText({env: env, isRunner: isRunner, process: process}, {user: user, host: host}, {jobIndex: jobIndex}) {
 const run = env["GITHUB_RUN_ID"];
 if (!isRunner || !run) return `${user}@${host}:${process.pid}`;
 const parts = [ `run ${run}` ];
 if (env["GITHUB_RUN_ATTEMPT"]) parts.push(`attempt ${env["GITHUB_RUN_ATTEMPT"]}`);
 if (env["GITHUB_JOB"]) parts.push(`job ${env["GITHUB_JOB"]}`);
 parts.push(jobIndex === undefined ? `pid ${process.pid} on ${host}` : `index ${jobIndex}`);
 return parts.join(", ");
}

function runUrl({env: env, isRunner: isRunner}, jobId) {
 const [server, repository, run] = [ env["GITHUB_SERVER_URL"], env["GITHUB_REPOSITORY"], env["GITHUB_RUN_ID"] ];
 if (!isRunner || !server || !repository || !run) return null;
 const runPage = `${server}/${repository}/actions/runs/${run}`;
 return jobId ? `${runPage}/job/${jobId}` : runPage;
}

function parseRepository(text) {
 const match = /^([A-Za-z0-9][A-Za-z0-9_-]{0,99})\/([A-Za-z0-9._-]{1,100})$/.exec(text);
 const [, owner, repo] = match ?? [];
 if (owner === undefined || repo === undefined || repo === "." || repo === "..") {
  return {
   ok: false,
   problem: "is not a repository; write OWNER/REPO"
  };
 }
 return {
  ok: true,
  value: {
   owner: owner,
   repo: repo
  }
 };
}

function isJsonObject(value) {
 return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseJsonObject(text, what) {
 let value;
 try {
  value = JSON.parse(text);
 } catch (cause) {
  throw new CorruptRecordError(`${what} is not JSON; it was left untouched`, {
   cause: cause
  });
 }
 if (!isJsonObject(value)) throw new CorruptRecordError(`${what} is not a JSON object; it was left untouched`);
 return value;
}

function readFields(object, path) {
 const fail = (name, expected) => {
  throw new CorruptRecordError(`${path}.${name} should be ${expected}; the record was left untouched`);
 };
 return {
  raw: object,
  string(name) {
   const value = object[name];
   return typeof value === "string" ? value : fail(name, "a string");
  },
  optionalString(name) {
   const value = object[name];
   return value === undefined || typeof value === "string" ? value : fail(name, "a string or absent");
  },
  integer(name, {min: min = Number.MIN_SAFE_INTEGER, max: max = Number.MAX_SAFE_INTEGER} = {}) {
   const value = object[name];
   const fits = typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
   return fits ? value : fail(name, `an integer from ${min} to ${max}`);
  },
  choice(name, choices) {
   const value = object[name];
   const found = choices.find(choice => choice === value);
   return found ?? fail(name, `one of ${choices.join(", ")}`);
  },
  object(name) {
   const value = object[name];
   return isJsonObject(value) ? readFields(value, `${path}.${name}`) : fail(name, "an object");
  },
  array(name) {
   const value = object[name];
   return Array.isArray(value) ? value : fail(name, "a list");
  }
 };
}

function deepFreeze(value) {
 if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
 }
 return value;
}

const MAX_VALUE_BYTES = 64 * 1024;

const MIN_LEASE_MS = 1e3;

const MAX_LEASE_MS = 36e5;

const MAX_TOKEN = 2 ** 53 - 2 ** 20;

const MAX_PERMITS = 100;

const MAX_TICKETS = 100;

const MAX_QUEUED_BYTES = MAX_VALUE_BYTES / 2;

const MAX_NONCE_LENGTH = 64;

const MAX_CLOCK_ID_LENGTH = 64;

const MAX_TIME_LENGTH = 32;

const HOLDER_BYTES = Object.freeze({
 text: 200,
 host: 100,
 run: 40,
 attempt: 20,
 job: 100,
 url: 200
});

function createRecord(permits) {
 return deepFreeze({
  v: 1,
  state: "free",
  token: 0,
  permits: permits,
  entries: [],
  tickets: [],
  note: {}
 });
}

function parseView(key, entry) {
 if (entry === null) return Object.freeze({
  revision: null,
  record: null
 });
 return Object.freeze({
  revision: entry.revision,
  record: parseRecord(key, entry.value)
 });
}

function parseRecord(key, text) {
 const what = `the lease record of ${key}`;
 const fields = readFields(parseJsonObject(text, what), what);
 if (fields.raw["v"] !== 1) {
  throw new CorruptRecordError(`${what} is not of version 1; it was left untouched`, {
   hint: "another program uses this key, or a newer lockstep wrote it: choose another namespace or update lockstep"
  });
 }
 const token = fields.integer("token", {
  min: 0,
  max: MAX_TOKEN
 });
 const permits = fields.integer("permits", {
  min: 1,
  max: MAX_PERMITS
 });
 const entries = objects(fields, "entries", what).map(entry => ({
  token: entry.integer("token", {
   min: 1,
   max: token
  }),
  ...parseBeat(entry),
  since: entry.string("since")
 }));
 const tickets = objects(fields, "tickets", what).map(parseBeat);
 const state = fields.choice("state", [ "held", "free" ]);
 const problem = disagreement({
  state: state,
  permits: permits,
  entries: entries,
  tickets: tickets
 });
 if (problem) throw new CorruptRecordError(`${what} ${problem}; it was left untouched`);
 return deepFreeze({
  v: 1,
  state: state,
  token: token,
  permits: permits,
  entries: entries,
  tickets: tickets,
  note: fields.object("note").raw
 });
}

function encodeRecord(key, record) {
 const problem = disagreement(record);
 if (problem) throw new InvariantError(`a lease record of ${key} was made that ${problem}`);
 if (record.token > MAX_TOKEN) throw new CorruptRecordError(`the tokens of ${key} are used up`);
 const text = JSON.stringify(record);
 const bytes = Buffer.byteLength(text);
 if (bytes > MAX_VALUE_BYTES) {
  const message = `the lease record of ${key} would take ${bytes} bytes of ${MAX_VALUE_BYTES}; use fewer permits, shorter holder names or a shorter note`;
  throw new ConfigError([ {
   option: "",
   message: message
  } ]);
 }
 return text;
}

function hasRoomForTicket(record) {
 return record.tickets.length < MAX_TICKETS && Buffer.byteLength(JSON.stringify(record)) <= MAX_QUEUED_BYTES;
}

function boundHolder(holder) {
 const {text: text, host: host, pid: pid, run: run, attempt: attempt, job: job, url: url} = holder;
 return deepFreeze({
  text: cut(text, HOLDER_BYTES.text),
  host: cut(host, HOLDER_BYTES.host),
  pid: pid,
  ...run === undefined ? {} : {
   run: cut(run, HOLDER_BYTES.run)
  },
  ...attempt === undefined ? {} : {
   attempt: cut(attempt, HOLDER_BYTES.attempt)
  },
  ...job === undefined ? {} : {
   job: cut(job, HOLDER_BYTES.job)
  },
  ...url === undefined ? {} : {
   url: cut(url, HOLDER_BYTES.url)
  }
 });
}

function objects(fields, name, what) {
 return fields.array(name).map((item, index) => {
  const path = `${what}.${name}[${index}]`;
  if (!isJsonObject(item)) throw new CorruptRecordError(`${path} should be an object; it was left untouched`);
  return readFields(item, path);
 });
}

function parseBeat(fields) {
 return {
  nonce: fields.string("nonce"),
  seq: fields.integer("seq", {
   min: 0
  }),
  leaseMs: fields.integer("leaseMs", {
   min: MIN_LEASE_MS,
   max: MAX_LEASE_MS
  }),
  holder: parseHolder(fields.object("holder")),
  ...parseMark(fields)
 };
}

function parseMark(fields) {
 const renewedAt = fields.optionalString("renewedAt");
 const stamp = fields.raw["stamp"] === undefined ? undefined : fields.object("stamp");
 return {
  ...renewedAt === undefined ? {} : {
   renewedAt: renewedAt
  },
  ...stamp === undefined ? {} : {
   stamp: {
    clockId: stamp.string("clockId"),
    ms: stamp.integer("ms", {
     min: 0
    })
   }
  }
 };
}

function parseHolder(fields) {
 const optional = [ "run", "attempt", "job", "url" ].flatMap(name => {
  const value = fields.optionalString(name);
  return value === undefined ? [] : [ [ name, value ] ];
 });
 return {
  text: fields.string("text"),
  host: fields.string("host"),
  pid: fields.integer("pid", {
   min: 0
  }),
  ...Object.fromEntries(optional)
 };
}

function disagreement(record) {
 const {state: state, permits: permits, entries: entries, tickets: tickets} = record;
 if (state === "held" !== entries.length > 0) return `is ${state} with ${entries.length} owners`;
 if (entries.length > permits) return `has ${entries.length} owners for ${permits} permits`;
 if (tickets.length > MAX_TICKETS) return `has ${tickets.length} tickets`;
 for (const list of [ entries, tickets ]) {
  const nonces = new Set(list.map(item => item.nonce));
  if (nonces.size < list.length) return "names one acquisition twice";
  if ([ ...nonces ].some(nonce => nonce === "" || nonce.length > MAX_NONCE_LENGTH)) return "has a bad nonce";
  if (list.some(hasLongMark)) return "has a time that is none";
 }
 if (new Set(entries.map(entry => entry.token)).size < entries.length) return "gives one token twice";
 return null;
}

function hasLongMark({renewedAt: renewedAt, stamp: stamp}) {
 return (renewedAt?.length ?? 0) > MAX_TIME_LENGTH || (stamp?.clockId.length ?? 0) > MAX_CLOCK_ID_LENGTH;
}

function cut(text, maxBytes) {
 let bytes = 0;
 let kept = "";
 for (const char of text) {
  bytes += Buffer.byteLength(JSON.stringify(char)) - 2;
  if (bytes > maxBytes) return kept;
  kept += char;
 }
 return kept;
}

const DRIFT_SHARE = .01;

const MIN_MARGIN_MS = 250;

const MARGIN_SHARE = .05;

const MAX_CALL_MS = 15e3;

function createTiming(leaseMs) {
 if (!Number.isSafeInteger(leaseMs) || leaseMs < MIN_LEASE_MS || leaseMs > MAX_LEASE_MS) {
  throw new ConfigError([ {
   option: "lease",
   message: `must be from 1s to 1h, not ${leaseMs} ms`
  } ]);
 }
 const timing = Object.freeze({
  leaseMs: leaseMs,
  marginMs: Math.max(MIN_MARGIN_MS, leaseMs * MARGIN_SHARE),
  renewEveryMs: leaseMs / 3,
  renewDeadlineMs: leaseMs * 2 / 3,
  callTimeoutMs: Math.min(leaseMs / 4, MAX_CALL_MS),
  takeoverAfterMs: takeoverAfterMs(leaseMs)
 });
 assertTiming(timing);
 return timing;
}

function assertTiming(timing) {
 const {leaseMs: leaseMs, marginMs: marginMs, renewEveryMs: renewEveryMs, renewDeadlineMs: renewDeadlineMs, callTimeoutMs: callTimeoutMs} = timing;
 const relations = [ [ leaseMs > renewDeadlineMs, "the lease must be longer than the renew deadline" ], [ renewDeadlineMs > 1.2 * renewEveryMs, "the renew deadline must exceed 1.2 renew intervals" ], [ leaseMs - marginMs > renewDeadlineMs, "the validity must outlast the renew deadline" ], [ callTimeoutMs <= leaseMs / 4, "a call to the store must end within a quarter of the lease" ], [ marginMs >= Math.max(MIN_MARGIN_MS, leaseMs * MARGIN_SHARE), "the margin must be 5 %, at least 250 ms" ], [ timing.takeoverAfterMs >= leaseMs * (1 + DRIFT_SHARE), "an observer must wait the lease and the drift" ] ];
 const problems = relations.filter(([holds]) => !holds).map(([, message]) => ({
  option: "lease",
  message: message
 }));
 if (problems.length > 0) throw new ConfigError(problems);
}

function takeoverAfterMs(leaseMs) {
 return leaseMs * (1 + DRIFT_SHARE);
}

function readInstant(clock) {
 const monotonicMs = clock.monotonicMs();
 const wallMs = clock.wallMs();
 return {
  monotonicMs: monotonicMs,
  wallMs: wallMs,
  machine: clock.machineTime()
 };
}

function validForMs(timing, confirmation, now) {
 const {sentAt: sentAt} = confirmation;
 const elapsedMs = Math.max(now.monotonicMs - sentAt.monotonicMs, now.wallMs - sentAt.wallMs, elapsedOnSharedClockMs(sentAt, now));
 return Math.max(0, Math.floor(timing.leaseMs - timing.marginMs - elapsedMs));
}

function elapsedOnSharedClockMs(since, now) {
 const isComparable = since.machine !== null && since.machine.clockId === now.machine?.clockId;
 return isComparable ? now.machine.ms - since.machine.ms : 0;
}

const CERTAIN = new Set([ "unavailable", "throttled", "auth", "unsupported", "config", "corrupt-record", "invariant" ]);

function createLeaseRegister(settings) {
 const {store: store, clock: clock, key: key} = settings;
 const limit = ({timeoutMs: timeoutMs, signal: signal}) => createDeadline({
  clock: clock,
  timeoutMs: timeoutMs,
  waitingFor: `${store.url} to answer about ${key}`,
  ...signal ? {
   parent: signal
  } : {}
 });
 return {
  key: key,
  isFresh: store.capabilities.linearizableReads,
  async read(options) {
   throwIfAborted(options.signal);
   const deadline = limit(options);
   try {
    const entry = await settled(deadline, store.get(key, {
     signal: deadline.signal
    }));
    return parseView(key, entry);
   } catch (error) {
    if (!deadline.signal.aborted) throw error;
    throwIfAborted(options.signal);
    const {url: url} = store;
    throw new UnavailableError(`${url} did not answer about ${key} within ${options.timeoutMs} ms`, {
     cause: error
    });
   } finally {
    deadline.dispose();
   }
  },
  async write(from, record, options) {
   throwIfAborted(options.signal);
   const value = encodeRecord(key, record);
   const deadline = limit(options);
   const sentAt = options.sentAt ?? readInstant(clock);
   try {
    const sent = store.compareAndSet(key, from.revision, value, {
     signal: deadline.signal
    });
    const result = await settled(deadline, sent);
    if (!result.ok) return {
     kind: "refused",
     view: refusedView(key, from, result)
    };
    const view = Object.freeze({
     revision: result.revision,
     record: record
    });
    return {
     kind: "applied",
     view: view,
     confirmation: {
      sentAt: sentAt,
      repliedAt: readInstant(clock)
     }
    };
   } catch (thrown) {
    const error = toError(thrown);
    if (CERTAIN.has(error.code)) throw error;
    return {
     kind: "doubtful",
     sentAt: sentAt,
     error: error
    };
   } finally {
    deadline.dispose();
   }
  }
 };
}

function refusedView(key, from, result) {
 if (result.current === undefined) return null;
 const view = parseView(key, result.current);
 return view.revision === from.revision ? null : view;
}

async function settled({signal: signal}, operation) {
 let onAbort = () => {};
 const aborted = new Promise((_, reject) => {
  onAbort = () => reject(abortReason(signal));
  if (signal.aborted) onAbort(); else signal.addEventListener("abort", onAbort, {
   once: true
  });
 });
 try {
  return await Promise.race([ operation, aborted ]);
 } finally {
  signal.removeEventListener("abort", onAbort);
 }
}

const READ_TIMEOUT_MS = 15e3;

function createLazyLeaseManager(settings) {
 const {store: store, clock: clock} = settings;
 let loading = null;
 const load = () => {
  loading ??= Promise.resolve().then(() => require("./lease.js")).then(n => n.manager).then(({createLeaseManager: createLeaseManager}) => createLeaseManager(settings));
  return loading;
 };
 return {
  read: (key, {signal: signal} = {}) => createLeaseRegister({
   store: store,
   clock: clock,
   key: key
  }).read({
   timeoutMs: READ_TIMEOUT_MS,
   signal: signal
  }),
  tryAcquire: async (key, options) => (await load()).tryAcquire(key, options),
  acquire: async (key, options) => (await load()).acquire(key, options),
  forceRelease: async (key, options) => (await load()).forceRelease(key, options),
  async close() {
   if (loading) await (await loading).close();
  }
 };
}

function meterStore(store) {
 let requests = 0;
 const count = call => {
  requests += 1;
  return call();
 };
 return {
  url: store.url,
  capabilities: store.capabilities,
  get: (key, options) => count(() => store.get(key, options)),
  compareAndSet: (key, expect, value, options) => count(() => store.compareAndSet(key, expect, value, options)),
  delete: (key, expect, options) => count(() => store.delete(key, expect, options)),
  list: (prefix, options) => count(() => store.list(prefix, options)),
  watch: (key, options) => store.watch(key, options),
  close: () => store.close(),
  get requests() {
   return requests;
  }
 };
}

const TLS_PARAMETERS = [ "ca", "cert", "key" ];

const REDIS = {
 defaultPort: 6379,
 checkPath: path => /^\d{0,5}$/.test(path) ? null : "names a database that is no number; write redis://HOST:6379/0"
};

const ETCD = {
 defaultPort: 2379,
 checkPath: path => path === "" ? null : "has a path; write etcd://HOST:2379 and --namespace"
};

const SCHEMES$1 = [ {
 ...REDIS,
 scheme: "redis",
 isTls: false,
 parameters: [ "sentinel" ]
}, {
 ...REDIS,
 scheme: "rediss",
 isTls: true,
 parameters: [ "sentinel", ...TLS_PARAMETERS ]
}, {
 ...ETCD,
 scheme: "etcd",
 isTls: false,
 parameters: []
}, {
 ...ETCD,
 scheme: "etcds",
 isTls: true,
 parameters: TLS_PARAMETERS
} ];

function parseServerUrl(url) {
 const fail = problem => ({
  ok: false,
  problem: problem
 });
 const colon = url.indexOf(":");
 const found = SCHEMES$1.find(({scheme: scheme}) => scheme === url.slice(0, colon));
 if (!found) return fail("names no known kind of server");
 const {scheme: scheme, defaultPort: defaultPort} = found;
 const example = `write ${scheme}://HOST:${defaultPort}`;
 const [, authority, rawPath = "", query = ""] = /^\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url.slice(colon + 1)) ?? [];
 if (authority === undefined) {
  return fail(`is no address of a server; ${example}, with / ? # in a password written as %2F %3F %23`);
 }
 const at = authority.lastIndexOf("@");
 const credentials = parseCredentials(at < 0 ? "" : authority.slice(0, at));
 const path = decode(rawPath);
 if (!credentials || path === null) return fail("has a % that is not followed by two hex digits");
 const hosts = [];
 for (const text of authority.slice(at + 1).split(",")) {
  const [, bracketed, bare, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*))(?::(.*))?$/.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined) return fail(`names a host that is none: ${plain(text, 80)}; ${example}`);
  if (host === "") return fail(`names no host; ${example}`);
  const number = port === undefined ? defaultPort : Number(port);
  if (!/^\d{1,5}$/.test(port ?? "1") || number < 1 || number > 65535) {
   return fail(`names a port that is none: ${plain(port ?? "", 20)}; ${example}`);
  }
  hosts.push({
   host: host,
   port: number
  });
 }
 const parameters = Object.fromEntries(new URLSearchParams(query));
 const unknown = Object.keys(parameters).find(name => !found.parameters.includes(name));
 if (unknown !== undefined) {
  const known = found.parameters.length > 0 ? `it takes ${found.parameters.join(", ")}` : "it takes none";
  return fail(`has an unknown parameter: ${plain(unknown, 40)}; ${known}`);
 }
 const problem = found.checkPath(path);
 if (problem) return fail(problem);
 const names = hosts.map(({host: host, port: port}) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join(",");
 const shown = plain(`${scheme}://${names}${path === "" ? "" : `/${path}`}`, 512);
 return {
  ok: true,
  value: Object.freeze({
   isTls: found.isTls,
   ...credentials,
   hosts: hosts,
   path: path,
   parameters: parameters,
   shown: shown
  })
 };
}

function parsePostgresUrl(url) {
 const fail = problem => ({
  ok: false,
  problem: problem
 });
 const example = "write postgres://USER:PASSWORD@HOST:5432/DATABASE";
 if (!/^postgres(ql)?:\/\//.test(url)) return fail(`is no address of a server; ${example}`);
 const authority = /^[a-z]+:\/\/([^/?#]*)/.exec(url)?.[1] ?? "";
 const host = authority.slice(authority.lastIndexOf("@") + 1);
 const port = /:([^:\]]*)$/.exec(host)?.[1];
 if (host.includes(",")) return fail(`names several hosts, which the client cannot take; ${example}`);
 if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)) {
  return fail(`names a port that is none: ${plain(port, 20)}; ${example}`);
 }
 let parsed;
 try {
  parsed = new URL(url.replace(/@(?=[/?]|$)/, "@socket"));
 } catch {
  return fail(`is no URL; ${example}, with / ? # @ in a password written as %2F %3F %23 %40`);
 }
 if (parsed.hash !== "") return fail("has a #; in a password write %23");
 const given = parsed.searchParams.get("host");
 if (host === "" && !given) return fail(`names no host; ${example}`);
 const isDecodable = [ parsed.username, parsed.password, parsed.pathname ].every(text => decode(text) !== null);
 if (!isDecodable) return fail("has a % that is not followed by two hex digits");
 const where = given ?? host;
 return {
  ok: true,
  value: Object.freeze({
   shown: plain(`postgres://${where}${parsed.pathname}`, 512)
  })
 };
}

function parseCredentials(text) {
 const colon = text.indexOf(":");
 const user = decode(colon < 0 ? text : text.slice(0, colon));
 const password = decode(colon < 0 ? "" : text.slice(colon + 1));
 if (user === null || password === null) return null;
 return {
  user: user || null,
  password: password || null
 };
}

function decode(text) {
 try {
  return decodeURIComponent(text);
 } catch {
  return null;
 }
}

const FILE_DEFAULTS = Object.freeze({
 pollMs: 1e3,
 leaseMs: 6e4
});

const GITHUB_DEFAULTS = Object.freeze({
 pollMs: 15e3,
 leaseMs: 6e5
});

const ENGINE_DEFAULTS = Object.freeze({
 pollMs: 5e3,
 leaseMs: 6e4
});

const SCHEMES = Object.freeze({
 file: {
  example: "file:PATH",
  parse: parseFileUrl,
  async open({location: location}, settings) {
   const {openFileStore: openFileStore} = await Promise.resolve().then(() => require("./reap.js")).then(n => n.file);
   return openFileStore({
    ...settings,
    path: location
   });
  }
 },
 github: {
  example: "github:OWNER/REPO",
  parse: parseGitHubUrl,
  async open({location: location}, {clock: clock, pollMs: pollMs, github: github}) {
   const repository = parseRepository(location);
   invariant(repository.ok, "a GitHub store is opened by a parsed address");
   if (!github) {
    throw new AuthError("a GitHub store needs a token", {
     hint: "set GITHUB_TOKEN, or pass the input `token`"
    });
   }
   const {createGitHubStore: createGitHubStore} = await Promise.resolve().then(() => require("./github.js"));
   const {client: client, refPrefix: refPrefix} = github;
   return createGitHubStore({
    client: client,
    clock: clock,
    repository: repository.value,
    ...pollMs === undefined ? {} : {
     pollMs: pollMs
    },
    ...refPrefix === undefined ? {} : {
     refPrefix: refPrefix
    }
   });
  }
 },
 redis: engine("redis", "redis://HOST", openRedis),
 rediss: engine("rediss", "rediss://HOST", openRedis),
 postgres: engine("postgres", "postgres://HOST/DATABASE", openPostgres),
 postgresql: engine("postgresql", null, openPostgres),
 etcd: engine("etcd", "etcd://HOST:PORT", openEtcd),
 etcds: engine("etcds", null, openEtcd)
});

function parseStoreUrl(text, settings) {
 const examples = Object.values(SCHEMES).flatMap(scheme => scheme.example ?? []);
 const colon = text.indexOf(":");
 const name = text.slice(0, Math.max(0, colon)).toLowerCase();
 const isPath = colon < 0 ? /[\\/.]/.test(text) : name.length <= 1 || /[\\/.]/.test(name);
 if (isPath) return {
  ok: false,
  problem: `is a path, not a store URL; write file:${showStoreUrl(text)}`
 };
 const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
 if (scheme) return scheme.parse(text.slice(colon + 1), settings);
 const what = colon < 0 ? "is not a store URL" : `names no known kind of store: ${plain(name, 40)}:`;
 return {
  ok: false,
  problem: `${what}; write one of ${examples.join(", ")}`
 };
}

function openStore(address, settings) {
 const scheme = Object.hasOwn(SCHEMES, address.scheme) ? SCHEMES[address.scheme] : undefined;
 invariant(scheme, `no driver for ${address.scheme}:`);
 return scheme.open(address, settings);
}

function showStoreUrl(text) {
 const bare = text.replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/]*@/i, "$1//").replace(/[?#].*$/s, "");
 return plain(bare);
}

function parseGitHubUrl(rest) {
 const repository = parseRepository(rest);
 if (!repository.ok) return {
  ok: false,
  problem: "names no repository; write github:OWNER/REPO"
 };
 const url = `github:${rest}`;
 return {
  ok: true,
  value: Object.freeze({
   scheme: "github",
   url: url,
   location: rest,
   defaults: GITHUB_DEFAULTS
  })
 };
}

function parseFileUrl(rest, settings) {
 const path = (settings.platform ?? process.platform) === "win32" ? node_path.win32 : node_path.posix;
 const fail = problem => ({
  ok: false,
  problem: problem
 });
 const found = location => ({
  ok: true,
  value: Object.freeze({
   scheme: "file",
   url: `file:${plain(location, 1024)}`,
   location: location,
   defaults: FILE_DEFAULTS
  })
 });
 if (rest.includes("\0")) return fail("has a NUL character in its path");
 if (rest.startsWith("~")) return fail("starts with ~, which only a shell expands; write the whole path");
 if (/^\/\/[^/]/.test(rest)) return fail("names a host; a file store is a folder of this machine: write file:PATH");
 if (rest !== "") return found(path.resolve(settings.cwd, rest.replace(/^\/\/(?=\/)/, "")));
 const {env: env} = settings;
 const absolute = name => {
  const value = env[name];
  return value !== undefined && path.isAbsolute(value) ? value : undefined;
 };
 if (path === node_path.win32) {
  const local = absolute("LOCALAPPDATA");
  if (local) return found(node_path.win32.join(local, "lockstep"));
  return fail("needs a path, since LOCALAPPDATA is not set; write file:PATH");
 }
 const state = absolute("XDG_STATE_HOME");
 if (state) return found(node_path.posix.join(state, "lockstep"));
 const home = absolute("HOME");
 if (home) return found(node_path.posix.join(home, ".local", "state", "lockstep"));
 return fail("needs a path, since neither XDG_STATE_HOME nor HOME is set; write file:PATH");
}

function engine(scheme, example, open) {
 const parseUrl = scheme.startsWith("postgres") ? parsePostgresUrl : parseServerUrl;
 return {
  example: example,
  open: open,
  parse(rest) {
   const location = `${scheme}:${rest}`;
   const parsed = parseUrl(location);
   if (!parsed.ok) return parsed;
   const {shown: url} = parsed.value;
   return {
    ok: true,
    value: Object.freeze({
     scheme: scheme,
     url: url,
     location: location,
     defaults: ENGINE_DEFAULTS
    })
   };
  }
 };
}

async function openRedis({location: url}, settings) {
 const {openRedisStore: openRedisStore} = await Promise.resolve().then(() => require("./redis.js"));
 return openRedisStore({
  ...settings,
  url: url
 });
}

async function openPostgres({location: url}, settings) {
 const {openPostgresStore: openPostgresStore} = await Promise.resolve().then(() => require("./postgres.js"));
 return openPostgresStore({
  ...settings,
  url: url
 });
}

async function openEtcd({location: url}, settings) {
 const {openEtcdStore: openEtcdStore} = await Promise.resolve().then(() => require("./etcd.js"));
 return openEtcdStore({
  ...settings,
  url: url
 });
}

function parseRefPrefix(text) {
 const parts = text.split("/");
 const isSafe = parts.every(part => /^(?![.-])[A-Za-z0-9._-]+$/.test(part) && !/\.\.|\.lock$|\.$/.test(part));
 if (!isSafe || parts[0] !== "refs" || parts.length < 2) {
  return {
   ok: false,
   problem: "is not a prefix of references; write refs/lockstep or refs/heads/lockstep"
  };
 }
 const [, kind = ""] = parts;
 if ((kind === "heads" || kind === "tags") && parts.length < 3) {
  return {
   ok: false,
   problem: `would take all ${text}; write ${text}/lockstep`
  };
 }
 if ([ "pull", "remotes", "notes", "replace" ].includes(kind)) {
  return {
   ok: false,
   problem: `refs/${kind} belongs to others; write refs/lockstep`
  };
 }
 return {
  ok: true,
  value: text
 };
}

function createReleasers() {
 const releases = [];
 return {
  add: release => void releases.push(release),
  async close() {
   const errors = [];
   for (let release = releases.pop(); release; release = releases.pop()) {
    await release().catch(error => errors.push(toError(error)));
   }
   if (errors[0]) throw errors[0];
  }
 };
}

function chooseStore(context, resolved) {
 const {env: env, cwd: cwd, isRunner: isRunner} = context;
 const given = resolved.values.store;
 const repository = env["GITHUB_REPOSITORY"];
 if (given === null && isRunner && (!env["GITHUB_TOKEN"] || !repository)) return {
  kind: "no-store"
 };
 const url = given ?? (isRunner ? `github:${repository}` : "file:");
 const parsed = parseStoreUrl(url, {
  env: env,
  cwd: cwd
 });
 const refused = (option, message) => ({
  kind: "problem",
  problem: {
   option: resolved.spellingOf(option),
   message: message
  }
 });
 if (!parsed.ok) return refused("store", parsed.problem);
 const prefix = parseRefPrefix(resolved.values.refPrefix);
 if (parsed.value.scheme === "github" && !prefix.ok) return refused("refPrefix", prefix.problem);
 return {
  kind: "store",
  address: parsed.value
 };
}

function requireStore(context, resolved, problems) {
 const choice = chooseStore(context, resolved);
 if (choice.kind === "store") return choice.address;
 const message = "is required on this runner: without a token there is no GitHub store, and a file store would coordinate nobody";
 problems.push(choice.kind === "problem" ? choice.problem : {
  option: resolved.spellingOf("store"),
  message: message
 });
 return null;
}

async function openStoreParts(context, options) {
 const {clock: clock, logger: logger} = context;
 const {address: address, values: values, releasers: releasers} = options;
 const pollMs = values.pollMs ?? address.defaults.pollMs;
 const client = address.scheme === "github" ? await openGitHub(context) : null;
 const github = client ? {
  client: client,
  refPrefix: values.refPrefix
 } : undefined;
 const store = meterStore(await openStore(address, {
  clock: clock,
  pollMs: pollMs,
  github: github
 }));
 releasers.add(() => store.close());
 const evidence = createEvidence(context, {
  address: address,
  client: client
 });
 const manager = createLazyLeaseManager({
  store: store,
  clock: clock,
  logger: logger,
  pollMs: pollMs,
  ...evidence ? {
   evidence: evidence
  } : {}
 });
 releasers.add(() => manager.close());
 return {
  store: store,
  manager: manager,
  pollMs: pollMs,
  leaseMs: values.leaseMs ?? address.defaults.leaseMs,
  github: client,
  requests: () => client ? client.counts.sent : store.requests
 };
}

function createEvidence(context, {address: address, client: client}) {
 const {env: env, clock: clock, logger: logger, isRunner: isRunner} = context;
 const parsed = parseRepository(client ? address.location : env["GITHUB_REPOSITORY"] ?? "");
 if (!parsed.ok || !client && !(isRunner && env["GITHUB_TOKEN"])) return null;
 const load = async () => {
  const {createGitHubEvidence: createGitHubEvidence} = await Promise.resolve().then(() => require("./github-runs.js"));
  const used = client ?? await openGitHub(context);
  if (!used) return {
   isDead: async () => false
  };
  const serverUrl = env["GITHUB_SERVER_URL"] ?? null;
  return createGitHubEvidence({
   client: used,
   repository: parsed.value,
   clock: clock,
   serverUrl: serverUrl,
   logger: logger
  });
 };
 let loaded = null;
 return {
  async isDead(holder, options) {
   loaded ??= load();
   return (await loaded).isDead(holder, options);
  }
 };
}

async function openGitHub({env: env, clock: clock, logger: logger}) {
 const token = env["GITHUB_TOKEN"];
 if (!token) return null;
 const {createGitHubClient: createGitHubClient} = await Promise.resolve().then(() => require("./client.js"));
 const graphqlUrl = env["GITHUB_GRAPHQL_URL"];
 return createGitHubClient({
  apiUrl: env["GITHUB_API_URL"] || "https://api.github.com",
  ...graphqlUrl ? {
   graphqlUrl: graphqlUrl
  } : {},
  token: token,
  userAgent: "lockstep",
  clock: clock,
  logger: logger
 });
}

function tokenize(argv, {takesValue: takesValue, longName: longName}) {
 const tokens = [];
 for (let at = 0; at < argv.length; at += 1) {
  const text = argv[at];
  if (text === "--") return {
   tokens: tokens,
   rest: Object.freeze(argv.slice(at + 1))
  };
  if (text === "-" || !text.startsWith("-")) {
   tokens.push({
    kind: "word",
    value: text
   });
  } else if (!text.startsWith("--")) {
   for (const letter of text.slice(1)) tokens.push({
    kind: "option",
    name: longName(letter) ?? letter,
    rawName: `-${letter}`,
    value: undefined
   });
  } else if (text.includes("=", 3)) {
   const rawName = text.slice(0, text.indexOf("="));
   tokens.push({
    kind: "option",
    name: rawName.slice(2),
    rawName: rawName,
    value: text.slice(rawName.length + 1)
   });
  } else {
   const name = text.slice(2);
   const next = argv[at + 1];
   const hasValue = next !== undefined && !next.startsWith("--") && takesValue(name);
   tokens.push({
    kind: "option",
    name: name,
    rawName: text,
    value: hasValue ? next : undefined
   });
   if (hasValue) at += 1;
  }
 }
 return {
  tokens: tokens,
  rest: null
 };
}

function parseArguments(argv) {
 const {tokens: tokens, rest: rest} = tokenize(argv, VOCABULARY);
 const words = wordsOf(tokens);
 const first = words[0];
 const command = first !== undefined && isCommandName(first) ? first : null;
 const has = name => tokens.some(token => token.kind === "option" && token.name === name && token.value === undefined);
 return {
  command: command,
  unknownCommand: command === null && first !== undefined ? first : null,
  help: has("help"),
  version: has("version"),
  flags: command === null ? readNothing() : readTokens(tokens, {
   command: command,
   words: words.slice(1),
   rest: rest
  }),
  rest: rest
 };
}

const VOCABULARY = {
 takesValue: flag => {
  const spec = findSpec(flag, () => true);
  return spec !== undefined && spec.type !== "boolean";
 },
 longName: letter => OPTIONS.find(spec => spec.short === letter)?.name
};

function findSpec(flag, isMeant) {
 const name = nameOfFlag(flag);
 return OPTIONS.find(spec => spec.name === name && isFrom(spec, "flag") && isMeant(spec));
}

function wordsOf(tokens) {
 const isKnown = flag => findSpec(flag, () => true) !== undefined;
 const words = [];
 tokens.forEach((token, at) => {
  if (token.kind !== "word") return;
  const before = tokens[at - 1];
  const isFlagBefore = before?.kind === "option" && before.value === undefined;
  const isUnknownBefore = isFlagBefore && !isKnown(before.name.replace(/^no-/, ""));
  const isCommand = words.length === 0 && isCommandName(token.value);
  if (!isUnknownBefore || isCommand) words.push(token.value);
 });
 return words;
}

function readNothing() {
 return {
  given: new Map,
  unknown: [],
  problems: []
 };
}

function readTokens(tokens, context) {
 const {command: command, words: words, rest: rest} = context;
 const given = new Map;
 const unknown = [];
 const problems = [];
 const {positionals: positionals, takesCommand: takesCommand} = commandSpec(command);
 for (const token of tokens) {
  if (token.kind !== "option") continue;
  const spelling = plain(token.rawName, 60);
  const match = findFlag(token.name, command);
  if (!match) {
   unknown.push({
    source: "flag",
    spelling: spelling,
    name: token.name,
    section: null
   });
   continue;
  }
  const {name: name} = match.spec;
  const earlier = given.get(name);
  const read = readFlag(token, match);
  if ("problem" in read) given.set(name, {
   source: "flag",
   spelling: spelling,
   raw: undefined,
   problem: read.problem
  }); else if (earlier?.problem === undefined) {
   given.set(name, {
    source: "flag",
    spelling: spelling,
    raw: merge(earlier?.raw, read.raw)
   });
  }
 }
 words.forEach((word, index) => {
  const name = positionals[index];
  if (name !== undefined) given.set(name, {
   source: "flag",
   spelling: name.toUpperCase(),
   raw: word
  }); else problems.push({
   option: `"${plain(word, 60)}"`,
   message: `is one word too many for ${command}`
  });
 });
 if (rest !== null && rest.length > 0 && !takesCommand) {
  problems.push({
   option: "--",
   message: `${command} runs no command; nothing may follow --`
  });
 }
 return {
  given: given,
  unknown: unknown,
  problems: problems
 };
}

function findFlag(name, command) {
 const find = flag => findSpec(flag, spec => isFor(spec, command) && !isPositional(command, spec.name));
 const spec = find(name);
 if (spec) return {
  spec: spec,
  isNegated: false
 };
 const positive = name.startsWith("no-") ? find(name.slice("no-".length)) : undefined;
 return positive?.type === "boolean" ? {
  spec: positive,
  isNegated: true
 } : undefined;
}

function readFlag(token, match) {
 const {spec: spec, isNegated: isNegated} = match;
 if (spec.type !== "boolean") return token.value === undefined ? {
  problem: "needs a value"
 } : {
  raw: token.value
 };
 if (token.value === undefined) return {
  raw: !isNegated
 };
 return isNegated ? {
  problem: "takes no value"
 } : {
  raw: token.value
 };
}

function merge(earlier, raw) {
 if (typeof raw === "boolean") return raw;
 if (typeof earlier === "string") return [ earlier, raw ];
 return Array.isArray(earlier) ? [ ...earlier, raw ] : raw;
}

function createOutput(descriptor, stream) {
 return {
  get isTerminal() {
   return mayBeTerminal(descriptor) && stream().isTTY === true;
  },
  write(text) {
   let bytes = Buffer.from(text);
   try {
    while (bytes.length > 0) bytes = bytes.subarray(fs.writeSync(descriptor, bytes));
   } catch (error) {
    const {code: code} = error;
    if (code === "EAGAIN") stream().write(bytes); else if (code !== "EPIPE") throw error;
   }
  }
 };
}

const NULL_DEVICE = process.platform === "win32" ? "\\\\.\\nul" : "/dev/null";

function mayBeTerminal(descriptor) {
 try {
  const device = fs.fstatSync(descriptor);
  return device.isCharacterDevice() && device.rdev !== fs.statSync(NULL_DEVICE).rdev;
 } catch {
  return false;
 }
}

function createStyle(options) {
 const wrap = (open, close) => text => options.colors ? `\x1b[${open}m${text}\x1b[${close}m` : text;
 return {
  bold: wrap(1, 22),
  dim: wrap(2, 22),
  red: wrap(31, 39),
  green: wrap(32, 39),
  yellow: wrap(33, 39),
  cyan: wrap(36, 39)
 };
}

function wantsColors(env, isTerminal) {
 if (env["NO_COLOR"]) return false;
 if (env["FORCE_COLOR"] && env["FORCE_COLOR"] !== "0") return true;
 return isTerminal && env["TERM"] !== "dumb";
}

function visibleWidth(text) {
 return Array.from(text.replace(/\u001b\[[0-9;]*m/g, "")).length;
}

function renderTable(rows, options = {}) {
 const columns = Math.max(0, ...rows.map(row => row.length));
 const widths = Array.from({
  length: columns
 }, (_, column) => Math.max(0, ...rows.map(row => visibleWidth(row[column] ?? ""))));
 return rows.map(row => {
  const cells = widths.map((width, column) => {
   const cell = row[column] ?? "";
   const space = " ".repeat(Math.max(0, width - visibleWidth(cell)));
   return options.right?.includes(column) ? space + cell : cell + space;
  });
  return `${options.indent ?? ""}${cells.join("  ")}`.trimEnd();
 });
}

function createLiveBlock(stream) {
 let drawn = 0;
 return {
  draw(lines) {
   if (!stream.isTerminal) return;
   const up = drawn > 0 ? `\x1b[${drawn}A` : "";
   stream.write(`${up}${lines.map(line => `\x1b[2K${line}\n`).join("")}\x1b[J`);
   drawn = lines.length;
  },
  finish() {
   drawn = 0;
  }
 };
}

async function runTerminal(process) {
 const parsed = parseArguments(process.argv.slice(2));
 const output = createOutput(1, () => process.stdout);
 const wantsJson = process.argv.includes("--json");
 const session = {
  process: process,
  output: output,
  errors: createOutput(2, () => process.stderr),
  isJson: wantsJson || isTrue(process.env["LOCKSTEP_JSON"]),
  style: createStyle({
   colors: wantsColors(process.env, output.isTerminal)
  }),
  redact: createRedactor(secretsOf(process.env, process.argv)),
  interruption: listenForInterruption({
   clock: systemClock,
   process: process,
   onExpired: signalName => endAtOnce(signalName, parsed, session)
  }),
  hasResult: false,
  createFailureReport: null
 };
 session.interruption.signal.addEventListener("abort", () => void prepareToEnd(session), {
  once: true
 });
 try {
  if (parsed.version || parsed.help || parsed.command === null) {
   const {answerWithoutCommand: answerWithoutCommand} = await Promise.resolve().then(() => require("./terminal-help.js"));
   process.exitCode = answerWithoutCommand(parsed, process);
   return null;
  }
  const report = await runParsed(parsed, parsed.command, session);
  process.exitCode = report.exitCode;
  return report;
 } catch (thrown) {
  const report = await reportFailure(parsed, toError(thrown), session);
  process.exitCode = report.exitCode;
  return report;
 } finally {
  session.interruption.dispose();
 }
}

async function runParsed(parsed, name, session) {
 const resolved = await resolveAll(parsed, name, session);
 const command = await loadCommand(name, session);
 const context = createContext(resolved, session, parsed);
 const report = await command.run(context, resolved);
 const lines = resolved.values.json ? [] : command.render(report, session.style);
 if (lines.length > 0) session.output.write(`${session.redact(lines.join("\n"))}\n`);
 if (resolved.values.json && command.hasForeignOutput?.(report)) session.output.write("\n");
 if (resolved.values.json) writeJson(report, session);
 return report;
}

async function resolveAll(parsed, command, {process: process}) {
 const request = {
  command: command,
  host: "cli",
  flags: parsed.flags,
  env: process.env
 };
 const {file: file, problems: problems} = await readConfigFile({
  directory: process.cwd(),
  named: namedConfigFile(request),
  canRunCode: true
 });
 const resolved = await resolveOptions({
  ...request,
  file: file
 });
 return problems.length === 0 ? resolved : {
  ...resolved,
  problems: [ ...problems, ...resolved.problems ]
 };
}

async function loadCommand(command, session) {
 switch (command) {
 case "reap":
  return (await Promise.resolve().then(() => require("./reap.js")).then(n => n.terminalReap)).reapCommand;

 case "gate":
  return (await Promise.resolve().then(() => require("./terminal-gate.js"))).createGateCommand();

 case "check":
  return (await Promise.resolve().then(() => require("./terminal-check.js")).then(n => n.terminalCheck)).createCheckCommand();

 case "lock":
  return (await Promise.resolve().then(() => require("./terminal-lock.js")).then(n => n.terminalLock)).lockCommand;

 case "assert":
  return (await Promise.resolve().then(() => require("./terminal-lock.js")).then(n => n.terminalLock)).assertCommand;

 case "unlock":
  return (await Promise.resolve().then(() => require("./terminal-lock.js")).then(n => n.terminalLock)).unlockCommand;

 case "gc":
  return (await Promise.resolve().then(() => require("./terminal-gc.js"))).gcCommand;

 case "status":
  return (await Promise.resolve().then(() => require("./terminal-status.js")).then(n => n.terminalStatus)).statusCommand;

 case "doctor":
  return (await Promise.resolve().then(() => require("./terminal-doctor.js")).then(n => n.terminalDoctor)).doctorCommand;

 case "demo":
  return (await Promise.resolve().then(() => require("./terminal-demo.js"))).createDemoCommand({
   stream: {
    write: text => session.output.write(text),
    isTerminal: session.output.isTerminal
   },
   style: session.style
  });
 }
}

function createContext(resolved, session, parsed) {
 const {process: process, style: style, redact: redact, interruption: interruption, errors: errors} = session;
 const paint = {
  error: style.red,
  warn: style.yellow,
  info: text => text,
  debug: style.dim
 };
 return {
  clock: systemClock,
  logger: createLogger(resolved.values.logLevel, (level, message) => {
   const mark = level === "error" || level === "warn" ? `${level}: ` : "";
   errors.write(`${paint[level](redact(`${mark}${message}`))}\n`);
  }),
  env: process.env,
  cwd: process.cwd(),
  signal: interruption.signal,
  takeSignals: listener => interruption.takeOver(listener),
  redact: redact,
  hasTerminal: () => process.stdin?.isTTY === true || session.output.isTerminal || errors.isTerminal,
  isRunner: process.env["GITHUB_ACTIONS"] === "true",
  process: describeProcess(process, process.env),
  rest: parsed.rest
 };
}

async function reportFailure(parsed, error, session) {
 const {errors: errors, redact: redact, style: style, isJson: isJson} = session;
 const isKnown = exitCodeOf(error) !== 1;
 if (error instanceof ConfigError) {
  for (const {option: option, message: message} of error.problems) {
   errors.write(`${style.red("error:")} ${redact(`${option ? `${style.bold(option)} ` : ""}${message}`)}\n`);
  }
 } else {
  errors.write(`${style.red("error:")} ${redact(plain(error.message, 2e3))}\n`);
  if (!isKnown) errors.write(`${style.dim(redact(error.stack ?? ""))}\nThis is a bug in lockstep.\n`);
 }
 const hint = error.hint;
 if (hint) errors.write(`${redact(plain(hint, 1e3))}\n`);
 const {createFailureReport: createFailureReport} = await Promise.resolve().then(() => require("./failure-report.js"));
 const report = createFailureReport(parsed.command, error, nameIn(parsed));
 if (isJson) writeJson(report, session);
 return report;
}

function writeJson(report, session) {
 session.hasResult = true;
 session.output.write(`${session.redact(JSON.stringify(report))}\n`);
}

function nameIn({flags: flags}) {
 const name = flags.given.get("name")?.raw;
 return typeof name === "string" ? plain(name, 120) : "";
}

async function prepareToEnd(session) {
 const {createFailureReport: createFailureReport} = await Promise.resolve().then(() => require("./failure-report.js"));
 session.createFailureReport = createFailureReport;
}

function endAtOnce(signalName, parsed, session) {
 const error = new CancelledError("interrupted", {
  signalName: signalName
 });
 const report = session.createFailureReport?.(parsed.command, error, nameIn(parsed));
 if (report && session.isJson && !session.hasResult) writeJson(report, session);
 session.process.exit(signalName === "SIGINT" ? 130 : 143);
}

function isTrue(text) {
 return text === "true" || text === "1";
}

function createBackoff(settings, attempt = 0) {
 return {
  next(random) {
   const ceilingMs = Math.min(settings.capMs, settings.baseMs * (settings.factor ?? 2) ** attempt);
   return {
    delayMs: Math.round(ceilingMs * random),
    backoff: createBackoff(settings, attempt + 1)
   };
  }
 };
}

function jitter(delayMs, share, random) {
 return delayMs * (1 - share + 2 * share * random);
}

function splitWords(text) {
 const words = [];
 let word = null;
 let quote = null;
 for (let at = 0; at < text.length; at += 1) {
  const char = text.charAt(at);
  const next = text.charAt(at + 1);
  if (quote === '"' && char === "\\" && (next === '"' || next === "\\")) {
   word = (word ?? "") + next;
   at += 1;
  } else if (quote !== null) {
   if (char === quote) quote = null; else word = (word ?? "") + char;
  } else if (char === '"' || char === "'") {
   quote = char;
   word ??= "";
  } else if (/\s/.test(char)) {
   if (word !== null) words.push(word);
   word = null;
  } else {
   word = (word ?? "") + char;
  }
 }
 if (quote !== null) return {
  ok: false,
  problem: `has a ${quote} that is never closed`
 };
 if (word !== null) words.push(word);
 return {
  ok: true,
  value: words
 };
}

function createEdges(signal) {
 const controller = new AbortController;
 const waiting = new Set;
 let pending = false;
 let becomeReady = () => undefined;
 const ready = new Promise(resolve => {
  becomeReady = resolve;
 });
 const wake = result => {
  const woken = [ ...waiting ];
  waiting.clear();
  for (const resolve of woken) resolve(result);
 };
 const emit = () => {
  if (controller.signal.aborted) return;
  if (waiting.size === 0) pending = true;
  wake({
   done: false,
   value: undefined
  });
 };
 const end = () => {
  if (controller.signal.aborted) return;
  signal.removeEventListener("abort", end);
  pending = false;
  controller.abort();
  becomeReady();
  wake({
   done: true,
   value: undefined
  });
 };
 if (signal.aborted) end(); else signal.addEventListener("abort", end, {
  once: true
 });
 const next = () => {
  if (controller.signal.aborted) return Promise.resolve({
   done: true,
   value: undefined
  });
  if (!pending) return new Promise(resolve => waiting.add(resolve));
  pending = false;
  return Promise.resolve({
   done: false,
   value: undefined
  });
 };
 return {
  watch: {
   ready: ready,
   [Symbol.asyncIterator]: () => ({
    next: next
   })
  },
  ended: controller.signal,
  emit: emit,
  connected() {
   if (controller.signal.aborted) return;
   becomeReady();
   emit();
  },
  end: end
 };
}

function markOf(sentAt) {
 const {machine: machine, wallMs: wallMs} = sentAt;
 return {
  renewedAt: new Date(wallMs).toISOString(),
  ...machine === null ? {} : {
   stamp: {
    clockId: machine.clockId,
    ms: Math.ceil(machine.ms)
   }
  }
 };
}

function takeoverByStampInMs(marked, now) {
 const elapsedMs = Math.min(elapsedSinceStampMs(marked, now), wallElapsedMs(marked, now));
 if (!(elapsedMs >= 0)) return Number.POSITIVE_INFINITY;
 return Math.max(0, takeoverAfterMs(marked.leaseMs) - elapsedMs);
}

function isSuspect(marked, now) {
 const isRecent = Math.abs(wallElapsedMs(marked, now)) <= marked.leaseMs;
 return !isRecent || elapsedSinceStampMs(marked, now) > marked.leaseMs;
}

function elapsedSinceStampMs({stamp: stamp}, {machine: machine}) {
 const isSameClock = stamp !== undefined && machine !== null && stamp.clockId === machine.clockId;
 return isSameClock ? machine.ms - stamp.ms : Number.NEGATIVE_INFINITY;
}

function wallElapsedMs({renewedAt: renewedAt}, {wallMs: wallMs}) {
 return renewedAt === undefined ? Number.NaN : wallMs - Date.parse(renewedAt);
}

const PROVIDER_OPTIONS = [ {
 name: "herokuTeam",
 owner: "heroku",
 isRequired: false
}, {
 name: "root",
 owner: "directory",
 isRequired: true
}, {
 name: "listCommand",
 owner: "command",
 isRequired: true
}, {
 name: "getCommand",
 owner: "command",
 isRequired: true
}, {
 name: "destroyCommand",
 owner: "command",
 isRequired: true
}, {
 name: "providerModule",
 owner: "module",
 isRequired: true
} ];

const DEFAULT_ELECTORS = 3;

function checkReapOptions(resolved) {
 const {values: values} = resolved;
 const problems = [ ...resolved.problems, ...relationProblems(resolved) ];
 const notes = [];
 const isElectionPossible = values.jobIndex !== null && values.whenBusy === "skip";
 if (values.electors !== null && values.jobIndex === null) {
  notes.push(`${resolved.spellingOf("electors")} has no effect: which job of the matrix this is was not given (${resolved.spellingOf("jobIndex")})`);
 }
 const {provider: provider, match: match} = values;
 if (problems.length > 0 || provider === null || match === null) return {
  settings: null,
  problems: problems,
  notes: notes
 };
 return {
  settings: Object.freeze({
   provider: provider,
   match: match,
   protect: values.protect,
   herokuTeam: values.herokuTeam,
   root: values.root,
   account: values.account,
   olderThanMs: values.olderThanMs,
   limit: values.limit,
   headroom: values.headroom,
   minAgeMs: values.minAgeMs,
   maxDeletes: values.maxDeletes,
   apply: values.apply,
   onConflict: values.onConflict,
   concurrency: values.concurrency,
   whenBusy: values.whenBusy,
   everyMs: values.everyMs,
   electors: isElectionPossible ? values.electors ?? DEFAULT_ELECTORS : null,
   jobIndex: values.jobIndex,
   jobTotal: values.jobTotal,
   reserve: values.reserve,
   protectWhileHeld: values.protectWhileHeld,
   shareThrottle: resolved.sourceOf("shareThrottle") === null ? null : values.shareThrottle,
   detailedExitcode: values.detailedExitcode
  }),
  problems: problems,
  notes: notes
 };
}

function isElected({electors: electors, jobIndex: jobIndex}) {
 return electors === null || jobIndex === null || jobIndex < electors;
}

function relationProblems(resolved) {
 const {values: values} = resolved;
 const problems = [];
 const spell = name => resolved.spellingOf(name);
 const isGiven = name => resolved.sourceOf(name) !== null;
 const add = (name, message) => problems.push({
  option: spell(name),
  message: message
 });
 if (!isGiven("olderThan") && !isGiven("limit")) {
  add("olderThan", `is required, or ${spell("limit")}: nothing says which apps are stale`);
 }
 if (isGiven("headroom")) {
  if (!isGiven("limit")) add("headroom", `needs ${spell("limit")}`); else if (values.limit !== null && values.headroom >= values.limit) {
   add("headroom", `must be less than ${spell("limit")} (${values.limit})`);
  }
 }
 if (isGiven("electors") && values.whenBusy === "wait") {
  add("electors", `cannot be used with ${spell("whenBusy")} wait: whoever waits needs the result`);
 }
 if (values.jobIndex !== null && values.jobTotal !== null && values.jobIndex >= values.jobTotal) {
  add("jobIndex", `must be less than ${spell("jobTotal")} (${values.jobTotal}); the first job is 0`);
 }
 if (values.provider === "module" && resolved.sourceOf("provider") === "input") {
  add("provider", "module runs a file of the checkout, which the Action never does; use command");
  return problems;
 }
 for (const {name: name, owner: owner, isRequired: isRequired} of PROVIDER_OPTIONS) {
  if (values.provider === null) continue;
  if (owner !== values.provider && isGiven(name)) add(name, `is only for ${spell("provider")} ${owner}`);
  if (owner === values.provider && isRequired && !isGiven(name)) {
   add(name, `is required with ${spell("provider")} ${owner}`);
  }
 }
 return problems;
}

const PLACE = /\{([a-z]+)\}/gi;

function parseWordsTemplate(text, places) {
 const words = splitWords(text);
 if (!words.ok) return words;
 const [file, ...args] = words.value;
 if (file === undefined || file === "") return {
  ok: false,
  problem: "needs a program and its arguments"
 };
 if (words.value.some(word => word.includes("\0"))) return {
  ok: false,
  problem: "contains a NUL character"
 };
 if (placesOf(file).length > 0) return {
  ok: false,
  problem: "names its program by a place, which an app would fill"
 };
 const unknown = args.flatMap(placesOf).find(place => !places.includes(place));
 if (unknown !== undefined) {
  const known = places.length > 0 ? places.map(place => `{${place}}`).join(" and ") : "none";
  return {
   ok: false,
   problem: `has the place {${plain(unknown, 40)}}; it may have ${known}`
  };
 }
 return {
  ok: true,
  value: Object.freeze([ file, ...args ])
 };
}

function fillWords(template, values) {
 let problem = null;
 const fill = word => word.replace(PLACE, (place, name, at) => {
  const value = values[name] ?? place;
  if (value.includes("\0")) problem = `the ${name} contains a NUL character`;
  if (at === 0 && value.startsWith("-")) problem = `the ${name} ${plain(value, 60)} would be taken for an option`;
  return value;
 });
 const [file, ...args] = template;
 const filled = [ file, ...args.map(fill) ];
 return problem === null ? {
  ok: true,
  value: filled
 } : {
  ok: false,
  problem: problem
 };
}

function placesOf(word) {
 return [ ...word.matchAll(PLACE) ].map(match => match[1]);
}

async function retry(settings, operation) {
 let backoff = createBackoff(settings);
 for (let attempt = 1; ;attempt += 1) {
  throwIfAborted(settings.signal);
  try {
   return await operation();
  } catch (error) {
   if (attempt >= settings.attempts || !settings.isRetryable(error)) throw error;
   const step = backoff.next(settings.clock.random());
   backoff = step.backoff;
   settings.onRetry?.(error, step.delayMs);
   await sleep(settings.clock, step.delayMs, settings.signal);
  }
 }
}

const KEY = /^(?!\.)[a-z0-9._~-]+(\/(?!\.)[a-z0-9._~-]+)*$/;

function admitKey(key) {
 if (!KEY.test(key)) throw new InvariantError(`not a store key: ${JSON.stringify(key.slice(0, 200))}`);
 return key;
}

function admitValue(key, value) {
 const bytes = Buffer.from(value, "utf8");
 if (bytes.length > MAX_VALUE_BYTES) {
  throw new UnsupportedError(`the value for ${key} has ${bytes.length} bytes; a store takes at most ${MAX_VALUE_BYTES}`, {
   hint: "shorten what is stored under this name"
  });
 }
 if (/\p{Surrogate}/u.test(value)) {
  throw new UnsupportedError(`the value for ${key} has half a surrogate pair, which UTF-8 cannot hold`);
 }
 return bytes;
}

function isUnderPrefix(key, prefix) {
 const border = prefix.replace(/\/+$/, "");
 return border === "" || key === border || key.startsWith(`${border}/`);
}

function runCall(settings, operation) {
 const {clock: clock, signal: signal, what: what} = settings;
 if (signal?.aborted) return Promise.reject(abortReason(signal));
 return new Promise((resolve, reject) => {
  const given = new AbortController;
  let isSent = false;
  const end = () => {
   timer.cancel();
   signal?.removeEventListener("abort", onAbort);
  };
  const giveUp = reason => {
   end();
   reject(isSent ? new IndeterminateError(`${what}: no answer, the outcome is open`, {
    cause: reason
   }) : reason);
   given.abort(reason);
  };
  const onAbort = () => giveUp(abortReason(signal));
  const timer = clock.startTimer(settings.timeoutMs, () => giveUp(new UnavailableError(`${what}: no answer within ${settings.timeoutMs} ms`)));
  signal?.addEventListener("abort", onAbort, {
   once: true
  });
  const call = {
   signal: given.signal,
   sending() {
    if (given.signal.aborted) throw abortReason(given.signal);
    isSent = true;
   }
  };
  operation(call).then(value => {
   end();
   resolve(value);
  }, error => {
   end();
   reject(error);
  });
 });
}

const VERSION = "0.1.0";

exports.AuthError = AuthError;

exports.COMMAND_NAMES = COMMAND_NAMES;

exports.CancelledError = CancelledError;

exports.ConfigError = ConfigError;

exports.CorruptRecordError = CorruptRecordError;

exports.IndeterminateError = IndeterminateError;

exports.InvariantError = InvariantError;

exports.LeaseLostError = LeaseLostError;

exports.LockstepError = LockstepError;

exports.MAX_LEASE_MS = MAX_LEASE_MS;

exports.MAX_PERMITS = MAX_PERMITS;

exports.MAX_TOKEN = MAX_TOKEN;

exports.MAX_VALUE_BYTES = MAX_VALUE_BYTES;

exports.OPTIONS = OPTIONS;

exports.ThrottledError = ThrottledError;

exports.UnavailableError = UnavailableError;

exports.UnsupportedError = UnsupportedError;

exports.VERSION = VERSION;

exports.abortReason = abortReason;

exports.admitKey = admitKey;

exports.admitValue = admitValue;

exports.boundHolder = boundHolder;

exports.checkReapOptions = checkReapOptions;

exports.chooseStore = chooseStore;

exports.commandSpec = commandSpec;

exports.createBackoff = createBackoff;

exports.createDeadline = createDeadline;

exports.createEdges = createEdges;

exports.createHolder = createHolder;

exports.createKey = createKey;

exports.createLeaseRegister = createLeaseRegister;

exports.createLiveBlock = createLiveBlock;

exports.createLogger = createLogger;

exports.createNonce = createNonce;

exports.createRecord = createRecord;

exports.createRedactor = createRedactor;

exports.createReleasers = createReleasers;

exports.createStyle = createStyle;

exports.createTiming = createTiming;

exports.decodeOrKeep = decodeOrKeep;

exports.deepFreeze = deepFreeze;

exports.describeProcess = describeProcess;

exports.encodeRecord = encodeRecord;

exports.environmentName = environmentName;

exports.exitCodeOf = exitCodeOf;

exports.fillWords = fillWords;

exports.forMarkdown = forMarkdown;

exports.forWorkflowLog = forWorkflowLog;

exports.formatDuration = formatDuration;

exports.formatRefPath = formatRefPath;

exports.hasCode = hasCode;

exports.hasRoomForTicket = hasRoomForTicket;

exports.hashIdentity = hashIdentity;

exports.inputsOf = inputsOf;

exports.invariant = invariant;

exports.isCommandName = isCommandName;

exports.isCommandOf = isCommandOf;

exports.isElected = isElected;

exports.isFor = isFor;

exports.isFrom = isFrom;

exports.isJsonObject = isJsonObject;

exports.isPositional = isPositional;

exports.isSuspect = isSuspect;

exports.isUnderPrefix = isUnderPrefix;

exports.jitter = jitter;

exports.kebabCase = kebabCase;

exports.link = link;

exports.listenForInterruption = listenForInterruption;

exports.markOf = markOf;

exports.mkdir = mkdir;

exports.namedConfigFile = namedConfigFile;

exports.nullLogger = nullLogger;

exports.openFile = openFile;

exports.openGitHub = openGitHub;

exports.openStoreParts = openStoreParts;

exports.optionsOf = optionsOf;

exports.parseJsonObject = parseJsonObject;

exports.parsePostgresUrl = parsePostgresUrl;

exports.parseRecord = parseRecord;

exports.parseRefPath = parseRefPath;

exports.parseRepository = parseRepository;

exports.parseServerUrl = parseServerUrl;

exports.parseWordsTemplate = parseWordsTemplate;

exports.plain = plain;

exports.pooledReads = pooledReads;

exports.readConfigFile = readConfigFile;

exports.readFields = readFields;

exports.readFile = readFile;

exports.readInstant = readInstant;

exports.readdir = readdir;

exports.readsBelow = readsBelow;

exports.rename = rename;

exports.renderTable = renderTable;

exports.requireStore = requireStore;

exports.resolveOptions = resolveOptions;

exports.retry = retry;

exports.rm = rm;

exports.rmdir = rmdir;

exports.runCall = runCall;

exports.runTerminal = runTerminal;

exports.secretsOf = secretsOf;

exports.sectionNames = sectionNames;

exports.sectionOptions = sectionOptions;

exports.sleep = sleep;

exports.splitKey = splitKey;

exports.splitWords = splitWords;

exports.stat = stat;

exports.systemClock = systemClock;

exports.takeoverAfterMs = takeoverAfterMs;

exports.takeoverByStampInMs = takeoverByStampInMs;

exports.throwIfAborted = throwIfAborted;

exports.toError = toError;

exports.topOptions = topOptions;

exports.unlink = unlink;

exports.validForMs = validForMs;

exports.withEither = withEither;

exports.withTimeout = withTimeout;

exports.writeFile = writeFile;
