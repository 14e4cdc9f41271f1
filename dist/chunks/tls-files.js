"use strict";

const promises = require("node:fs/promises");

const core = require("./core.js");

async function readTlsFiles({parameters: parameters, shown: shown}) {
 const files = {};
 for (const name of [ "ca", "cert", "key" ]) {
  const path = parameters[name];
  if (path === undefined) continue;
  try {
   files[name] = await promises.readFile(path);
  } catch (thrown) {
   throw new core.UnsupportedError(`the file for ?${name}= of ${shown} cannot be read: ${core.toError(thrown).message}`, {
    hint: "name a PEM file that this user may read",
    cause: thrown
   });
  }
 }
 return files;
}

exports.readTlsFiles = readTlsFiles;
