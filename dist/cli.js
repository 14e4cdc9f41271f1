#!/usr/bin/env node
"use strict";

const fs = require("node:fs");

const Module = require("node:module");

const node_path = require("node:path");

const node_vm = require("node:vm");

const HEAD = Buffer.from("(function (exports, require, module, __filename, __dirname) { ");

const TAIL = Buffer.from("\n})");

const LARGE_BYTES = 14e4;

function codeCachePath(place, name) {
 const {env: env, platform: platform, nodeVersion: nodeVersion, arch: arch, word: word = ""} = place;
 if (env["NODE_DISABLE_COMPILE_CACHE"] || !/^[a-z]{2,12}$/.test(word)) return null;
 const home = env["HOME"] ? node_path.join(env["HOME"], ".cache") : undefined;
 const base = platform === "win32" ? env["LOCALAPPDATA"] : env["XDG_CACHE_HOME"] || home;
 if (!base) return null;
 return node_path.join(base, "lockstep", `node${nodeVersion.split(".")[0]}-${arch}-${word}-${name}.bin`);
}

function loadCompiled(file, path) {
 const require = Module.createRequire(file);
 const known = require.cache[file];
 if (known) return known.exports;
 const text = fs.readFileSync(file);
 const cachedData = readNotes(path, text);
 const blanks = Buffer.alloc(Math.max(0, LARGE_BYTES - text.length), " ");
 const source = Buffer.concat([ HEAD, text, TAIL, blanks ]).toString("latin1");
 const script = new node_vm.Script(source, {
  filename: file,
  ...cachedData ? {
   cachedData: cachedData
  } : {}
 });
 const module = new Module(file);
 module.filename = file;
 require.cache[file] = module;
 const run = script.runInThisContext();
 run.call(module.exports, module.exports, require, module, file, node_path.dirname(file));
 module.loaded = true;
 if (!cachedData || script.cachedDataRejected) {
  process.once("exit", exitCode => {
   if (exitCode === 0 && (cachedData || !readNotes(path, text))) writeNotes(path, text, script);
  });
 }
 return module.exports;
}

function readNotes(path, text) {
 try {
  const {uid: uid, mode: mode} = fs.statSync(path);
  if (process.getuid && (uid !== process.getuid() || (mode & 18) !== 0)) return undefined;
  const kept = fs.readFileSync(path);
  return text.equals(kept.subarray(0, text.length)) ? kept.subarray(text.length) : undefined;
 } catch {
  return undefined;
 }
}

function writeNotes(path, text, script) {
 const own = `${path}.${process.pid}`;
 try {
  fs.mkdirSync(node_path.dirname(path), {
   recursive: true,
   mode: 448
  });
  fs.writeFileSync(own, Buffer.concat([ text, script.createCachedData() ]), {
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

const place = {
 env: env,
 platform: platform,
 arch: arch,
 nodeVersion: versions.node,
 word: argv[2]
};

function load(name) {
 const file = require.resolve(`./chunks/${name}.js`);
 const path = codeCachePath(place, name);
 return path === null ? require(file) : loadCompiled(file, path);
}

const core = load("core");

if (place.word === "reap") load("reap");

void core.runTerminal(process);
