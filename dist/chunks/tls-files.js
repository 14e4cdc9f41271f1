import { readFile } from "node:fs/promises";

import { a9 as UnsupportedError, c as toError } from "./core.js";

async function readTlsFiles({parameters: parameters, shown: shown}) {
 const files = {};
 for (const name of [ "ca", "cert", "key" ]) {
  const path = parameters[name];
  if (path === undefined) continue;
  try {
   files[name] = await readFile(path);
  } catch (thrown) {
   throw new UnsupportedError(`the file for ?${name}= of ${shown} cannot be read: ${toError(thrown).message}`, {
    hint: "name a PEM file that this user may read",
    cause: thrown
   });
  }
 }
 return files;
}

export { readTlsFiles as r };
