import { join, dirname, resolve } from "node:path";

import { a9 as UnsupportedError, c as toError, L as LockstepError, S as InvariantError, aa as AuthError, U as UnavailableError, a4 as IndeterminateError, ab as CorruptRecordError, m as createNonce, ac as stat, ad as readdir, ae as unlink, af as link, ag as readFile, ah as mkdir, j as jitter, ai as admitKey, aj as createEdges, ak as admitValue, al as runCall } from "./core.js";

import { watch } from "node:fs";

function systemCodeOf(error) {
 const code = error?.code;
 return typeof code === "string" ? code : "";
}

const LINK_REFUSED = new Set([ "EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK", "EINVAL", "UNKNOWN" ]);

const NOT_LINKED = new Set([ "EPERM", "EACCES", "EROFS", "ENOSPC", "EDQUOT", "ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP" ]);

function isLinkRefused(error) {
 return LINK_REFUSED.has(systemCodeOf(error));
}

function translateFileError(thrown, root) {
 if (thrown instanceof LockstepError) return thrown;
 const cause = toError(thrown);
 const code = systemCodeOf(thrown);
 if (code === "") return new InvariantError(`the file store failed: ${cause.message}`, {
  cause: cause
 });
 const at = `the file store at ${root}`;
 const elsewhere = "or choose another path for the store";
 if (code === "EACCES" || code === "EPERM") {
  return new AuthError(`${at} may not be used by this user: ${cause.message}`, {
   hint: `give this user read and write access to the folder, ${elsewhere}`,
   cause: cause
  });
 }
 if (code === "EROFS") {
  return new UnsupportedError(`${at} is on a read-only file system`, {
   hint: `mount it writable, ${elsewhere}`,
   cause: cause
  });
 }
 if (code === "ENOTDIR" || code === "EEXIST" || code === "ELOOP" || code === "ENAMETOOLONG") {
  return new UnsupportedError(`${at} is not usable as a folder: ${cause.message}`, {
   hint: `remove what is in its way, ${elsewhere}`,
   cause: cause
  });
 }
 if (code === "ENOSPC" || code === "EDQUOT") {
  return new UnavailableError(`${at} is full: ${cause.message}`, {
   hint: `free some space there, ${elsewhere}`,
   cause: cause
  });
 }
 return new UnavailableError(`${at} did not answer as it should: ${cause.message}`, {
  cause: cause
 });
}

function translateLinkError(thrown, root) {
 const code = systemCodeOf(thrown);
 if (NOT_LINKED.has(code)) return translateFileError(thrown, root);
 if (isLinkRefused(thrown) && code !== "UNKNOWN") return noHardLinks(root, thrown);
 return new IndeterminateError(`linking a revision in ${root} failed in the middle: ${toError(thrown).message}`, {
  cause: thrown
 });
}

function noHardLinks(root, cause) {
 return new UnsupportedError(`the file system at ${root} has no hard links (${toError(cause).message}); without them a killed process could leave half a record`, {
  hint: "put the store on a local disk of the machine (ext4, xfs, APFS, NTFS), not on exFAT, FAT or a shared mount",
  cause: cause
 });
}

const REVISIONS_FOLDER = "@";

const TEMPORARY_FOLDER = "@tmp";

const FORMAT_FILE = "@format";

const FORMAT = "lockstep file store 1\n";

const MAX_PIECE = 200;

const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/;

function namesOf(key) {
 return key.split("/").flatMap(segment => {
  const pieces = segment.match(new RegExp(`.{1,${MAX_PIECE}}`, "g")) ?? [ segment ];
  return pieces.map((piece, i) => `${RESERVED.test(piece) ? "+" : ""}${piece}${i < pieces.length - 1 ? "+" : ""}`);
 });
}

function foldersOf(root, key) {
 const folders = [ root ];
 for (const name of [ ...namesOf(key), REVISIONS_FOLDER ]) folders.push(join(folders.at(-1) ?? root, name));
 return folders;
}

function folderOf(root, key) {
 return join(root, ...namesOf(key), REVISIONS_FOLDER);
}

function keyOfNames(names) {
 return names.map(name => `${name.startsWith("+") ? name.slice(1) : name}/`).join("").replaceAll("+/", "").slice(0, -1);
}

function formatRevisionName(number) {
 return String(number).padStart(16, "0");
}

function parseRevisionName(name) {
 return /^\d{16}$/.test(name) && Number.isSafeInteger(Number(name)) ? Number(name) : null;
}

function selectHead(names) {
 let head = 0;
 for (const name of names) head = Math.max(head, parseRevisionName(name) ?? 0);
 return head;
}

const KEPT_REVISIONS = 64;

const KEPT_MS = 36e5;

const HEADER = /^lockstep 1 ([0-9a-z-]{1,64}) ([0-9a-z-]{1,64}) (\d{1,7}|x)$/;

const NONE = "-";

function formatRevision(record, value) {
 const length = record.value === null ? "x" : value.length;
 const header = Buffer.from(`lockstep 1 ${record.nonce} ${record.previous ?? NONE} ${length}\n`);
 return Buffer.concat([ header, value ]);
}

function parseRevision(bytes, path) {
 const end = bytes.indexOf(10);
 const match = HEADER.exec(bytes.subarray(0, Math.max(0, end)).toString("latin1"));
 if (!match) {
  throw new CorruptRecordError(`${path} is not a revision that this version can read; it was left untouched`, {
   hint: "it was written by a newer version, or cut by a power failure; remove the file to go back one revision"
  });
 }
 const [, nonce = "", previous, length] = match;
 const value = bytes.subarray(end + 1);
 if (value.length !== (length === "x" ? 0 : Number(length))) {
  throw new CorruptRecordError(`${path} is cut short; it was left untouched`, {
   hint: "a power failure does this; remove the file to go back one revision, or open the store with fsync"
  });
 }
 return {
  nonce: nonce,
  previous: previous === undefined || previous === NONE ? null : previous,
  value: length === "x" ? null : value.toString("utf8")
 };
}

function formatToken(number, nonce) {
 return `${number}.${nonce}`;
}

function parseToken(revision) {
 const match = /^([1-9]\d{0,15})\.([0-9a-z-]+)$/.exec(revision);
 return match?.[2] === undefined ? null : {
  number: Number(match[1]),
  nonce: match[2]
 };
}

function selectCollectable(numbers) {
 return [ ...numbers ].sort((a, b) => a - b).slice(0, -KEPT_REVISIONS);
}

function isPastKeeping(modifiedMs, newestMs) {
 return newestMs - modifiedMs > KEPT_MS;
}

function decideLinked({mine: mine, head: head, successor: successor}) {
 if (head === mine.number) return "applied";
 if (head < mine.number || successor === null) return "unknown";
 return successor.previous === mine.nonce ? "applied" : "zombie";
}

const COLLECT_EVERY = KEPT_REVISIONS / 2;

const MAX_KNOWN = 256;

const MAX_STEPS = 4;

function createFileRegister({root: root, volume: volume, tidy: tidy}) {
 const known = new Map;
 const remember = (folder, head) => {
  if (known.size >= MAX_KNOWN) known.clear();
  if (head) known.set(folder, {
   number: head.number,
   nonce: head.record.nonce
  });
  return head;
 };
 const walkHead = async folder => {
  let trusted = known.get(folder);
  for (let step = 0; trusted && step < MAX_STEPS; step += 1) {
   const next = await volume.read(folder, trusted.number + 1);
   const still = await volume.read(folder, trusted.number);
   if (still?.nonce !== trusted.nonce) return null;
   if (next === null) return {
    number: trusted.number,
    record: still
   };
   trusted = {
    number: trusted.number + 1,
    nonce: next.nonce
   };
  }
  return null;
 };
 const listHead = async folder => {
  for (let attempt = 0; attempt < 3; attempt += 1) {
   const number = await volume.headOf(folder);
   if (number === 0) return null;
   const record = await volume.read(folder, number);
   if (record) return {
    number: number,
    record: record
   };
  }
  throw new UnavailableError(`${folder} changes faster than it can be read`);
 };
 const readHead = async folder => remember(folder, await walkHead(folder) ?? await listHead(folder));
 const write = async ({folder: folder, expect: expect, value: value, bytes: bytes}, call) => {
  for (let attempt = 0; attempt < 3; attempt += 1) {
   const nonce = createNonce();
   const prepareFile = previous => volume.writePrivate(nonce, formatRevision({
    nonce: nonce,
    previous: previous,
    value: value
   }, bytes));
   try {
    let before;
    if (expect === null) {
     before = await readHead(folder);
     if (before && before.record.value !== null) return {
      ok: false,
      current: entryOf(before)
     };
     if (before === null) await volume.makeFolder(folder);
     await prepareFile(before?.record.nonce ?? null);
    } else {
     const token = parseToken(expect);
     if (token === null) return {
      ok: false
     };
     const [record] = await Promise.all([ volume.read(folder, token.number), prepareFile(token.nonce) ]);
     if (record?.nonce !== token.nonce || record.value === null) return {
      ok: false
     };
     before = {
      number: token.number,
      record: record
     };
    }
    const mine = {
     number: (before?.number ?? 0) + 1,
     nonce: nonce
    };
    call.sending();
    const isLinked = await publish(folder, mine);
    if (isLinked === false) return {
     ok: false
    };
    if (isLinked && await countsAsWritten(folder, mine, before)) {
     known.set(folder, mine);
     if (mine.number % COLLECT_EVERY === 0) tidy(volume.collect(folder, mine.number));
     return {
      ok: true,
      revision: formatToken(mine.number, nonce)
     };
    }
    if (isLinked) return {
     ok: false
    };
    await volume.makeFolder(folder);
   } finally {
    tidy(volume.discardPrivate(nonce));
   }
  }
  throw new UnavailableError(`${folder} is removed again and again while it is written to`);
 };
 const publish = async (folder, mine) => {
  try {
   await volume.publish(mine.nonce, join(folder, formatRevisionName(mine.number)));
   return true;
  } catch (error) {
   if (systemCodeOf(error) === "ENOENT") return null;
   if (systemCodeOf(error) !== "EEXIST") throw translateLinkError(error, root);
  }
  const there = await inDoubt(volume.read(folder, mine.number));
  if (there === null) throw new IndeterminateError(`revision ${mine.number} in ${folder} came and went`);
  return there.nonce === mine.nonce;
 };
 const countsAsWritten = async (folder, mine, before) => {
  if (before !== null) {
   const still = await inDoubt(volume.read(folder, before.number));
   if (still?.nonce === before.record.nonce) return true;
  }
  const head = await inDoubt(volume.headOf(folder));
  const successor = head > mine.number ? await inDoubt(volume.read(folder, mine.number + 1)) : null;
  const verdict = decideLinked({
   mine: mine,
   head: head,
   successor: successor
  });
  if (verdict === "unknown") {
   throw new IndeterminateError(`revision ${mine.number} in ${folder} was written after such a long stop that nobody can tell whether it counted`);
  }
  if (verdict === "zombie") tidy(volume.withdraw(folder, mine.number));
  return verdict === "applied";
 };
 return {
  readHead: readHead,
  write: write
 };
}

function entryOf({number: number, record: record}) {
 if (record.value === null) return null;
 return Object.freeze({
  value: record.value,
  revision: formatToken(number, record.nonce)
 });
}

async function inDoubt(step) {
 try {
  return await step;
 } catch (cause) {
  throw new IndeterminateError("a revision was linked but could not be checked", {
   cause: cause
  });
 }
}

function createVolume({root: root, fsync: fsync, linkFile: linkFile = link}) {
 const temporary = join(root, TEMPORARY_FOLDER);
 const syncFolder = async folder => {
  if (!fsync || process.platform === "win32") return;
  const handle = await open(folder);
  try {
   await handle.sync();
  } finally {
   await handle.close();
  }
 };
 const makeOne = async folder => {
  const first = await mkdir(folder, {
   recursive: true,
   mode: 448
  });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
 };
 const removeOld = async (paths, newestMs, stopAtYoung) => {
  for (const path of paths) {
   const found = await stat(path).catch(nullIfAbsent);
   if (found && isPastKeeping(found.mtimeMs, newestMs)) await unlink(path).catch(nullIfAbsent); else if (found && stopAtYoung) return;
  }
 };
 return {
  async headOf(folder) {
   const names = await readdir(folder).catch(nullIfAbsent);
   return names ? selectHead(names) : 0;
  },
  async read(folder, number) {
   const path = join(folder, formatRevisionName(number));
   const bytes = await readFile(path).catch(nullIfAbsent);
   return bytes ? parseRevision(bytes, path) : null;
  },
  async writePrivate(nonce, bytes) {
   const path = join(temporary, nonce);
   const handle = await open(path, "wx", 384).catch(async error => {
    nullIfAbsent(error);
    await makeOne(temporary);
    return open(path, "wx", 384);
   });
   try {
    await handle.writeFile(bytes);
    if (fsync) await handle.sync();
   } finally {
    await handle.close();
   }
  },
  async discardPrivate(nonce) {
   await unlink(join(temporary, nonce)).catch(nullIfAbsent);
  },
  async publish(nonce, path) {
   await linkFile(join(temporary, nonce), path);
   await syncFolder(dirname(path));
  },
  async makeFolder(folder) {
   await makeOne(temporary);
   await makeOne(folder);
  },
  async withdraw(folder, number) {
   await unlink(join(folder, formatRevisionName(number))).catch(nullIfAbsent);
  },
  async collect(folder, newest) {
   const {mtimeMs: mtimeMs} = await stat(join(folder, formatRevisionName(newest)));
   const numbers = (await readdir(folder)).map(parseRevisionName).filter(number => number !== null);
   const paths = selectCollectable(numbers).map(number => join(folder, formatRevisionName(number)));
   await removeOld(paths, mtimeMs, true);
   const strays = (await readdir(temporary)).map(name => join(temporary, name));
   await removeOld(strays, mtimeMs, false);
  }
 };
}

async function open(path, flags, mode) {
 const {open: openHandle} = await (import("node:fs/promises"));
 return openHandle(path, flags, mode);
}

function nullIfAbsent(error) {
 if (systemCodeOf(error) === "ENOENT") return null;
 throw error;
}

function startFileWatch(options) {
 const {clock: clock, edges: edges, folders: folders, watchFolder: watchFolder = watch} = options;
 const deepest = folders.length - 1;
 let current = null;
 let timer = null;
 let seen = 0;
 const detach = () => {
  current?.close();
  current = null;
 };
 const watchLevel = level => {
  try {
   const watcher = watchFolder(folders[level] ?? "", (_, filename) => onEvent(level, filename));
   watcher.on("error", () => {
    if (current?.level === level) detach();
    edges.emit();
   });
   detach();
   current = {
    level: level,
    close: () => watcher.close()
   };
   return true;
  } catch {
   return false;
  }
 };
 const attach = () => {
  let isDeeper = true;
  while (isDeeper && !edges.ended.aborted) {
   const above = current?.level ?? -1;
   isDeeper = false;
   for (let level = deepest; level > above && !isDeeper; level -= 1) isDeeper = watchLevel(level);
  }
 };
 const onEvent = (level, filename) => {
  if (edges.ended.aborted) return;
  if (level < deepest) attach();
  const number = level === deepest && filename !== null ? parseRevisionName(filename) : null;
  if (number !== null && number <= seen) return;
  if (number !== null) seen = number;
  edges.emit();
 };
 const look = async () => {
  try {
   return await options.readHead();
  } catch {
   return -1;
  }
 };
 const poll = async () => {
  const before = seen;
  const head = await look();
  if (edges.ended.aborted) return;
  if (head !== before && seen === before) {
   detach();
   seen = head;
   edges.emit();
  }
  attach();
  schedule();
 };
 const schedule = () => {
  timer = clock.startTimer(jitter(options.pollMs, .1, clock.random()), () => void poll());
 };
 const start = async () => {
  attach();
  const head = await look();
  if (edges.ended.aborted) return;
  seen = Math.max(seen, head);
  edges.connected();
  schedule();
 };
 edges.ended.addEventListener("abort", () => {
  timer?.cancel();
  detach();
 });
 void start();
}

const MIN_POLL_MS = 50;

async function openFileStore(options) {
 const {clock: clock, fsync: fsync = false, timeoutMs: timeoutMs = 1e4, seams: seams = {}} = options;
 const pollMs = Math.max(MIN_POLL_MS, options.pollMs ?? 1e3);
 const root = resolve(options.path);
 const volume = createVolume({
  root: root,
  fsync: fsync,
  linkFile: seams.linkFile
 });
 await prepare(root, volume);
 const watches = new Set;
 const tidying = new Set;
 let isClosed = false;
 const tidy = work => {
  const quiet = work.catch(() => undefined).finally(() => tidying.delete(quiet));
  tidying.add(quiet);
 };
 const register = createFileRegister({
  root: root,
  volume: volume,
  tidy: tidy
 });
 const run = (about, operation) => {
  if (isClosed) return Promise.reject(new UnavailableError(`the file store at ${root} was closed`));
  const what = `${about.name} ${about.key} in the file store at ${root}`;
  return runCall({
   clock: clock,
   timeoutMs: timeoutMs,
   signal: about.signal,
   what: what
  }, async call => {
   try {
    return await operation(call);
   } catch (error) {
    throw translateFileError(error, root);
   }
  });
 };
 const collectKeys = async (folder, names) => {
  const found = await readdir(folder, {
   withFileTypes: true
  }).catch(error => {
   if (systemCodeOf(error) === "ENOENT") return [];
   throw error;
  });
  const inner = await Promise.all(found.map(async entry => {
   const path = join(folder, entry.name);
   if (entry.name === REVISIONS_FOLDER) return await isPresent(path) ? [ keyOfNames(names) ] : [];
   return entry.isDirectory() && !entry.name.startsWith("@") ? collectKeys(path, [ ...names, entry.name ]) : [];
  }));
  return inner.flat();
 };
 const isPresent = async folder => {
  try {
   const head = await register.readHead(folder);
   return head !== null && head.record.value !== null;
  } catch (error) {
   if (error instanceof LockstepError && error.code === "corrupt-record") return true;
   throw error;
  }
 };
 const change = (key, about, signal) => {
  const folder = folderOf(root, admitKey(key));
  return run({
   name: about.name,
   key: key,
   signal: signal
  }, call => register.write({
   ...about,
   folder: folder
  }, call));
 };
 return {
  url: `file:${root}`,
  capabilities: Object.freeze({
   linearizableReads: true,
   conditionalDelete: true,
   nativeWatch: true,
   multiKeyTxn: false,
   durable: fsync ? "fsync" : "process",
   minPollMs: MIN_POLL_MS
  }),
  async get(key, {signal: signal} = {}) {
   const folder = folderOf(root, admitKey(key));
   return run({
    name: "get",
    key: key,
    signal: signal
   }, async () => {
    const head = await register.readHead(folder);
    return head && entryOf(head);
   });
  },
  async compareAndSet(key, expect, value, {signal: signal} = {}) {
   return change(key, {
    name: "compareAndSet",
    expect: expect,
    value: value,
    bytes: admitValue(key, value)
   }, signal);
  },
  async delete(key, expect, {signal: signal} = {}) {
   return change(key, {
    name: "delete",
    expect: expect,
    value: null,
    bytes: Buffer.alloc(0)
   }, signal);
  },
  async list(prefix, {signal: signal} = {}) {
   const border = prefix.replace(/\/+$/, "");
   const names = border === "" ? [] : namesOf(admitKey(border));
   return run({
    name: "list",
    key: prefix,
    signal: signal
   }, () => collectKeys(join(root, ...names), names));
  },
  watch(key, {signal: signal}) {
   const folders = foldersOf(root, admitKey(key));
   const edges = createEdges(signal);
   if (isClosed) edges.end();
   if (edges.ended.aborted) return edges.watch;
   watches.add(edges);
   edges.ended.addEventListener("abort", () => watches.delete(edges));
   const readNewest = () => volume.headOf(folderOf(root, key));
   startFileWatch({
    clock: clock,
    pollMs: pollMs,
    folders: folders,
    edges: edges,
    readHead: readNewest,
    watchFolder: seams.watchFolder
   });
   return edges.watch;
  },
  async close() {
   isClosed = true;
   for (const edges of [ ...watches ]) edges.end();
   await Promise.all(tidying);
  }
 };
}

async function prepare(root, volume) {
 const formatPath = join(root, FORMAT_FILE);
 try {
  const found = await readFile(formatPath, "utf8").catch(error => {
   if (systemCodeOf(error) === "ENOENT") return null;
   throw error;
  });
  if (found === FORMAT) return;
  if (found !== null) {
   throw new UnsupportedError(`${root} holds a store of another version`, {
    hint: "use one version of lockstep on a machine, or another path for the store"
   });
  }
  const nonce = createNonce();
  await volume.makeFolder(root);
  await volume.writePrivate(nonce, Buffer.from(FORMAT));
  try {
   await volume.publish(nonce, formatPath);
  } catch (error) {
   if (systemCodeOf(error) !== "EEXIST") throw isLinkRefused(error) ? noHardLinks(root, error) : error;
  } finally {
   await volume.discardPrivate(nonce);
  }
 } catch (error) {
  throw translateFileError(error, root);
 }
}

export { openFileStore };
