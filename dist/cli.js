#!/usr/bin/env node
"use strict";

const node_path = require("node:path");

const fs = require("node:fs");

const node_vm = require("node:vm");

const ENDINGS_BYTES = 256;

const OPEN = Buffer.from("[");

const HEAD = Buffer.from("(function (exports, require, module, __filename, __dirname) { ");

const TAIL = Buffer.from("\n}),");

const CLOSE = Buffer.from("]");

const LARGE_BYTES = 14e4;

function codeCachePath(place, name) {
 const {env: env, platform: platform, nodeVersion: nodeVersion, arch: arch, word: word = ""} = place;
 if (env["NODE_DISABLE_COMPILE_CACHE"] || !/^[a-z]{2,12}$/.test(word)) return null;
 const home = env["HOME"] ? node_path.join(env["HOME"], ".cache") : undefined;
 const base = platform === "win32" ? env["LOCALAPPDATA"] : env["XDG_CACHE_HOME"] || home;
 return base ? node_path.join(base, "lockstep", `node${nodeVersion.split(".")[0]}-${arch}-${word}-${name}.bin`) : null;
}

function loadCompiled(files, path, loader) {
 const texts = files.map(file => fs.readFileSync(file));
 const notes = readNotes(path, texts);
 const script = new node_vm.Script(notes?.source ?? Buffer.concat(partsOf(texts)).toString("latin1"), {
  filename: files.join("+"),
  ...notes ? {
   cachedData: notes.cachedData
  } : {}
 });
 const wrappers = script.runInThisContext();
 const modules = files.map(file => register(file, loader));
 modules.forEach((module, at) => {
  const {exports: exports, filename: filename} = module;
  const require = id => {
   const notesPath = loader.later?.[id];
   const file = node_path.join(node_path.dirname(filename), id);
   if (notesPath === undefined || loader.require.cache[file]) return module.require(id);
   return loadCompiled([ file ], notesPath, loader);
  };
  wrappers[at]?.call(exports, exports, require, module, filename, node_path.dirname(filename));
  module.loaded = true;
 });
 const known = notes && !script.cachedDataRejected ? notes.endings : [];
 process.once("exit", exitCode => {
  const ending = exitCode === 0 ? loader.ending() : null;
  if (ending === null || known.includes(ending)) return;
  if (!script.cachedDataRejected && readNotes(path, texts)?.endings.includes(ending)) return;
  const endings = [ ...known, ending ].join(" ").padEnd(ENDINGS_BYTES);
  if (endings.length === ENDINGS_BYTES) writeNotes(path, [ Buffer.from(endings), ...partsOf(texts), script.createCachedData() ]);
 });
 return modules[0]?.exports;
}

function partsOf(texts) {
 const parts = [ OPEN, ...texts.flatMap(text => [ HEAD, text, TAIL ]), CLOSE ];
 const bytes = parts.reduce((sum, part) => sum + part.length, 0);
 return bytes < LARGE_BYTES ? [ ...parts, Buffer.alloc(LARGE_BYTES - bytes, " ") ] : parts;
}

function register(file, {require: require, module: parent}) {
 const module = new parent.constructor(file);
 module.filename = file;
 require.cache[file] = module;
 return module;
}

function readNotes(path, texts) {
 try {
  const kept = readOwn(path);
  if (kept === null) return null;
  let at = ENDINGS_BYTES;
  for (const part of partsOf(texts)) {
   if (kept.compare(part, 0, part.length, at, at + part.length) !== 0) return null;
   at += part.length;
  }
  return {
   endings: kept.toString("latin1", 0, ENDINGS_BYTES).trim().split(" "),
   source: kept.toString("latin1", ENDINGS_BYTES, at),
   cachedData: kept.subarray(at)
  };
 } catch {
  return null;
 }
}

function readOwn(path) {
 const file = fs.openSync(path, "r");
 try {
  const {uid: uid, mode: mode} = fs.fstatSync(file);
  const isOwn = !process.getuid || uid === process.getuid() && (mode & 18) === 0;
  return isOwn ? fs.readFileSync(file) : null;
 } finally {
  fs.closeSync(file);
 }
}

function writeNotes(path, parts) {
 const own = `${path}.${process.pid}`;
 try {
  fs.mkdirSync(node_path.dirname(path), {
   recursive: true,
   mode: 448
  });
  fs.writeFileSync(own, Buffer.concat(parts), {
   mode: 384,
   flag: "wx"
  });
  fs.renameSync(own, path);
 } catch {
  discard(own);
 }
}

function discard(path) {
 try {
  fs.rmSync(path, {
   force: true
  });
 } catch {}
}

const {env: env, platform: platform, arch: arch, argv: argv, versions: versions} = process;

const word = argv[2];

const place = {
 env: env,
 platform: platform,
 arch: arch,
 nodeVersion: versions.node,
 word: word
};

const path = codeCachePath(place, "core");

const leasePath = codeCachePath(place, "lease");

const later = leasePath === null ? {} : {
 "./lease.js": leasePath
};

const fileOf = name => node_path.join(__dirname, "chunks", `${name}.js`);

const files = (word === "reap" ? [ "core", "reap" ] : [ "core" ]).map(fileOf);

let result = null;

const ending = () => {
 if (result === null) return null;
 const {outcome: outcome, reason: reason} = result;
 return word !== "reap" ? "done" : outcome === "skipped" ? reason ?? null : null;
};

const core = path === null ? require(fileOf("core")) : loadCompiled(files, path, {
 require: require,
 module: module,
 ending: ending,
 later: later
});

void core.runTerminal(process).then(reported => {
 result = reported;
});
