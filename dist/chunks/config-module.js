"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const require$$1 = require("node:url");

async function loadConfigModule(path) {
 return await (import(require$$1.pathToFileURL(path).href));
}

exports.loadConfigModule = loadConfigModule;
