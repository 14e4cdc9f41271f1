"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const os = require("node:os");

const core = require("./core.js");

function whoRunsThis(env) {
 return {
  host: os.hostname(),
  user: userName(env)
 };
}

function userName(env) {
 try {
  return os.userInfo().username;
 } catch (error) {
  if (core.hasCode(error, "invariant")) throw error;
  return env["USER"] ?? "unknown";
 }
}

exports.whoRunsThis = whoRunsThis;
