import { lstat, readdir, constants, open, mkdir, rename, rmdir, rm, realpath } from "node:fs/promises";

import { sep, join, basename, dirname } from "node:path";

import { P as throwIfAborted, m as createNonce, h as hashIdentity, C as ConfigError, p as plain } from "./core.js";

import { p as parseTimestamp } from "./timestamp.js";

const TRASH = /^\.lockstep-trash-(\d{1,15}|unknown)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const MAX_MARKER_BYTES = 64;

const LOOKS_AT_ONCE = 32;

function trashName(createdAtMs, nonce) {
 return `.lockstep-trash-${createdAtMs === null ? "unknown" : Math.trunc(createdAtMs)}-${nonce}`;
}

function isTrashName(name) {
 return TRASH.test(name);
}

async function readApps(options) {
 const apps = [];
 const names = await readNames(options.root);
 for (let start = 0; start < names.length; start += LOOKS_AT_ONCE) {
  const batch = names.slice(start, start + LOOKS_AT_ONCE);
  apps.push(...(await Promise.all(batch.map(name => readEntry(name, options)))).flat());
 }
 return apps;
}

async function readApp(place, options) {
 const stats = await lookAt(place.path);
 if (stats === null || !stats.isDirectory() || stats.dev !== options.device) return null;
 const age = place.trash === null ? await readAge(place.path, stats, options.marker) : ageInName(place.trash);
 return {
  path: place.path,
  trash: place.trash,
  app: {
   id: `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`,
   name: place.name,
   createdAtMs: age.createdAtMs,
   version: `${stats.mtimeNs}|${age.version}`,
   state: place.trash === null ? "ready" : "delete-failed",
   isProtected: `${options.cwd}${sep}`.startsWith(`${place.path}${sep}`),
   inScope: true,
   parentId: null
  }
 };
}

async function lookAt(path) {
 try {
  return await lstat(path, {
   bigint: true
  });
 } catch (error) {
  if (isMissing(error)) return null;
  throw error;
 }
}

function isMissing(error) {
 return error.code === "ENOENT";
}

async function readEntry(name, options) {
 const path = join(options.root, name);
 if (!isTrashName(name)) {
  const found = await readApp({
   path: path,
   name: name,
   trash: null
  }, options);
  return found ? [ found ] : [];
 }
 const stats = await lookAt(path);
 if (stats === null || !stats.isDirectory() || stats.dev !== options.device) return [];
 const left = await Promise.all((await readTrash(path)).map(inner => readApp({
  path: join(path, inner),
  name: inner,
  trash: path
 }, options)));
 return left.filter(app => app !== null);
}

async function readTrash(path) {
 try {
  return await readNames(path);
 } catch (error) {
  if (isMissing(error) || error.code === "EACCES") return [];
  throw error;
 }
}

async function readNames(folder) {
 const raw = await readdir(folder, {
  encoding: "buffer"
 });
 return raw.flatMap(bytes => {
  const name = bytes.toString("utf8");
  return Buffer.from(name, "utf8").equals(bytes) ? [ name ] : [];
 });
}

function ageInName(trash) {
 const text = TRASH.exec(trash.slice(trash.lastIndexOf(sep) + 1))?.[1];
 const createdAtMs = text === undefined || text === "unknown" ? null : Number(text);
 return {
  createdAtMs: createdAtMs,
  version: "trash"
 };
}

async function readAge(path, stats, marker) {
 const {O_RDONLY: O_RDONLY, O_NOFOLLOW: O_NOFOLLOW, O_NONBLOCK: O_NONBLOCK} = constants;
 try {
  const file = await open(join(path, marker), O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
  try {
   const own = await file.stat({
    bigint: true
   });
   const version = String(own.mtimeNs);
   if (!own.isFile() || own.size > BigInt(MAX_MARKER_BYTES)) return {
    createdAtMs: null,
    version: version
   };
   const text = (await file.readFile("utf8")).trim();
   return {
    createdAtMs: text === "" ? Number(own.mtimeMs) : parseTimestamp(text),
    version: version
   };
  } finally {
   await file.close();
  }
 } catch (error) {
  if (isMissing(error)) return {
   createdAtMs: Number(stats.mtimeMs),
   version: "none"
  };
  return {
   createdAtMs: null,
   version: "unreadable"
  };
 }
}

async function removeApp({app: app, path: path, trash: trash}, {signal: signal, ...options}) {
 const before = await readApp({
  path: path,
  name: app.name,
  trash: trash
 }, options);
 if (before === null) return await lookAt(path) === null ? {
  kind: "gone"
 } : changed("is no folder any more");
 const difference = describeDifference(app, before.app);
 if (difference !== null) return changed(difference);
 if (trash !== null) return await empty({
  path: path,
  trash: trash,
  signal: signal
 });
 throwIfAborted(signal);
 const own = join(options.root, trashName(app.createdAtMs, createNonce()));
 await mkdir(own, {
  mode: 448
 });
 const moved = join(own, basename(path));
 try {
  await rename(path, moved);
 } catch (error) {
  await rmdir(own);
  if (isMissing(error)) return {
   kind: "gone"
  };
  throw error;
 }
 const taken = await readApp({
  path: moved,
  name: app.name,
  trash: null
 }, options);
 const late = taken === null ? "is no folder any more" : describeDifference(app, taken.app);
 if (late !== null) return changed(`${late}; ${await putBack({
  moved: moved,
  path: path,
  own: own
 })}`);
 return await empty({
  path: moved,
  trash: own,
  signal: signal
 });
}

async function tidyTrash(root, isTrash) {
 for (const name of (await readdir(root)).filter(isTrash)) await removeIfEmpty(join(root, name));
}

async function empty(place) {
 try {
  for (const name of await readdir(place.path)) {
   throwIfAborted(place.signal);
   await rm(join(place.path, name), {
    recursive: true,
    force: true
   });
  }
  await rmdir(place.path);
 } catch (error) {
  if (isMissing(error)) return {
   kind: "gone"
  };
  throw error;
 }
 await removeIfEmpty(place.trash);
 return {
  kind: "deleted"
 };
}

async function putBack(place) {
 const isFree = await lookAt(place.path) === null;
 const target = isFree ? place.path : join(dirname(place.path), `${basename(place.path)}.kept-${createNonce()}`);
 await rename(place.moved, target);
 await removeIfEmpty(place.own);
 return isFree ? "it was put back" : `its place was taken, so it was kept as ${basename(target)}`;
}

async function removeIfEmpty(folder) {
 try {
  await rmdir(folder);
 } catch (error) {
  const {code: code} = error;
  if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
 }
}

function describeDifference(listed, found) {
 if (found.id !== listed.id) return "another folder has its name now";
 return found.version === listed.version ? null : "it was modified since it was listed";
}

function changed(detail) {
 return {
  kind: "changed",
  detail: detail
 };
}

const CREATED_MARKER = ".lockstep-created";

async function createDirectoryProvider(options) {
 const {clock: clock} = options;
 const {root: root, device: device, inode: inode, birthNs: birthNs} = await resolveRoot(options);
 const listing = {
  root: root,
  device: device,
  marker: options.marker ?? CREATED_MARKER,
  cwd: await resolved(options.cwd) ?? options.cwd
 };
 let offsetMs = 0;
 let hasDestroyed = false;
 const places = new Map;
 const meta = () => ({
  status: null,
  serverNowMs: clock.wallMs() + offsetMs
 });
 const attempt = async (what, signal, act) => {
  throwIfAborted(signal);
  try {
   const now = await lookAt(root);
   if (now === null || !now.isDirectory() || now.dev !== device || now.ino !== inode) return failed("invalid", `${what}: ${root} is not the folder it was`);
   return await act();
  } catch (error) {
   throwIfAborted(signal);
   return toFailure(what, error);
  }
 };
 const failed = (kind, detail) => ({
  kind: kind,
  meta: meta(),
  detail: plain(detail)
 });
 const toFailure = (what, error) => {
  const {code: code} = error;
  if (code === undefined) throw error;
  const isRefused = code === "EACCES" || code === "EPERM" || code === "EROFS";
  return failed(isRefused ? "forbidden" : "ambiguous", `${what}: ${code}`);
 };
 const look = async () => {
  const found = await readApps(listing);
  places.clear();
  for (const entry of found) places.set(entry.app.id, entry);
  return found.map(entry => entry.app);
 };
 return {
  name: "directory",
  accountId: hashIdentity(options.account === null ? [ "directory", root, String(inode), String(birthNs) ] : [ "directory", "account", options.account ]),
  capabilities: {
   atomicPrecondition: true,
   openRequests: 1,
   pageSize: Number.MAX_SAFE_INTEGER
  },
  pace: {
   emissionIntervalMs: 1,
   burst: 1e3
  },
  open: ({signal: signal}) => attempt(`open ${root}`, signal, async () => {
   offsetMs = await readClock(root, clock) - clock.wallMs();
   return {
    kind: "open",
    meta: meta(),
    label: root
   };
  }),
  list: (_cursor, {signal: signal}) => attempt(`list ${root}`, signal, async () => {
   const apps = await look();
   return {
    kind: "page",
    meta: meta(),
    apps: apps,
    next: null,
    total: apps.length
   };
  }),
  get: (id, {signal: signal}) => attempt(`look for ${id}`, signal, async () => {
   const app = (await look()).find(entry => entry.id === id);
   return app ? {
    kind: "found",
    meta: meta(),
    app: app
   } : {
    kind: "gone",
    meta: meta()
   };
  }),
  destroy: (app, {signal: signal}) => attempt(`remove ${app.name}`, signal, async () => {
   if (!places.has(app.id)) await look();
   const place = places.get(app.id);
   if (!place) return {
    kind: "gone",
    meta: meta()
   };
   hasDestroyed = true;
   try {
    const removal = await removeApp({
     ...place,
     app: app
    }, {
     ...listing,
     signal: signal
    });
    return removal.kind === "changed" ? {
     ...removal,
     meta: meta(),
     detail: plain(`${app.name}: ${removal.detail}`)
    } : {
     kind: removal.kind,
     meta: meta()
    };
   } catch (error) {
    const {code: code} = error;
    if (code !== "EBUSY" && code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    return {
     kind: "busy",
     meta: meta(),
     detail: plain(`remove ${app.name}: ${code}`)
    };
   }
  }),
  async close() {
   if (hasDestroyed) await tidyTrash(root, isTrashName);
  }
 };
}

async function resolveRoot({root: given, home: home}) {
 const root = await resolved(given);
 const stats = root === null ? null : await lookAt(root);
 const refuse = message => {
  throw new ConfigError([ {
   option: "root",
   message: message
  } ]);
 };
 if (root === null || stats === null) return refuse(`${given} does not exist; name an existing folder`);
 if (!stats.isDirectory()) return refuse(`${given} is not a folder`);
 const realHome = home === null ? null : await resolved(home) ?? home;
 const problem = describeUnfitRoot(root, realHome);
 if (problem !== null) return refuse(problem);
 return {
  root: root,
  device: stats.dev,
  inode: stats.ino,
  birthNs: stats.birthtimeNs
 };
}

function describeUnfitRoot(root, home) {
 const withSlash = path => path.endsWith(sep) ? path : `${path}${sep}`;
 if (/^([A-Za-z]:)?[\\/]*$/.test(root)) return "is the root of the whole file system; name a folder of its own";
 if (home !== null && withSlash(home).startsWith(withSlash(root))) return `${root} is or contains the home folder; name a folder of its own`;
 return null;
}

async function resolved(path) {
 try {
  return await realpath(path);
 } catch (error) {
  const {code: code} = error;
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return null;
  throw error;
 }
}

async function readClock(root, clock) {
 const probe = join(root, trashName(null, createNonce()));
 try {
  await mkdir(probe, {
   mode: 448
  });
 } catch {
  return clock.wallMs();
 }
 const stats = await lookAt(probe);
 await rmdir(probe);
 return stats === null ? clock.wallMs() : Number(stats.mtimeMs);
}

export { CREATED_MARKER, createDirectoryProvider, describeUnfitRoot };
