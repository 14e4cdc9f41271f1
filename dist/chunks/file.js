import { stat, readdir, unlink, link, open, readFile, mkdir } from 'node:fs/promises';
import { join, dirname, resolve } from 'node:path';
import { f as UnsupportedError, t as toError, L as LockstepError, I as InvariantError, A as AuthError, U as UnavailableError, d as IndeterminateError, b as CorruptRecordError } from './errors.js';
import { e as createNonce, j as jitter } from './wire.js';
import { a as admitKey, c as createEdges, b as admitValue, r as runCall } from './edges.js';
import { watch } from 'node:fs';

/** The file system's errors in lockstep's words: what failed, on what, why, what to do. Nothing here was applied. */

/** The system's code of an error (`ENOENT`), or an empty string. */
function systemCodeOf(error         )         {
  const code = (error                             )?.code;
  return typeof code === 'string' ? code : '';
}

/** What the first link says where the file system has no hard links, in the tongues of its kinds. */
const LINK_REFUSED = new Set([
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EXDEV',
  'EMLINK',
  'EINVAL',
  'UNKNOWN',
]);

/** After these a link has certainly not happened. */
const NOT_LINKED = new Set([
  'EPERM',
  'EACCES',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ENOENT',
  'ENOTDIR',
  'ENAMETOOLONG',
  'ELOOP',
]);

/** Whether a link right after a successful write to the same place failed because there are no hard links. */
function isLinkRefused(error         )          {
  return LINK_REFUSED.has(systemCodeOf(error));
}

/** An error of reading or preparing, at the store's edge: certainly nothing was applied. */
function translateFileError(thrown         , root        )                {
  if (thrown instanceof LockstepError) return thrown;
  const cause = toError(thrown);
  const code = systemCodeOf(thrown);
  if (code === '') return new InvariantError(`the file store failed: ${cause.message}`, { cause });
  const at = `the file store at ${root}`;
  const elsewhere = 'or choose another path for the store';
  if (code === 'EACCES' || code === 'EPERM') {
    return new AuthError(`${at} may not be used by this user: ${cause.message}`, {
      hint: `give this user read and write access to the folder, ${elsewhere}`,
      cause,
    });
  }
  if (code === 'EROFS') {
    return new UnsupportedError(`${at} is on a read-only file system`, {
      hint: `mount it writable, ${elsewhere}`,
      cause,
    });
  }
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'ELOOP' || code === 'ENAMETOOLONG') {
    return new UnsupportedError(`${at} is not usable as a folder: ${cause.message}`, {
      hint: `remove what is in its way, ${elsewhere}`,
      cause,
    });
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UnavailableError(`${at} is full: ${cause.message}`, {
      hint: `free some space there, ${elsewhere}`,
      cause,
    });
  }
  return new UnavailableError(`${at} did not answer as it should: ${cause.message}`, { cause });
}

/** An error of link(2) itself: certain where the system says so, in doubt otherwise. */
function translateLinkError(thrown         , root        )                {
  const code = systemCodeOf(thrown);
  // Links worked when the store was made: no permission now is only that.
  if (NOT_LINKED.has(code)) return translateFileError(thrown, root);
  if (isLinkRefused(thrown) && code !== 'UNKNOWN') return noHardLinks(root, thrown);
  return new IndeterminateError(
    `linking a revision in ${root} failed in the middle: ${toError(thrown).message}`,
    {
      cause: thrown,
    },
  );
}

/** The refusal of a file system on which the protocol cannot be right. */
function noHardLinks(root        , cause         )                   {
  return new UnsupportedError(
    `the file system at ${root} has no hard links (${toError(cause).message}); without them a killed process could leave half a record`,
    {
      hint: 'put the store on a local disk of the machine (ext4, xfs, APFS, NTFS), not on exFAT, FAT or a shared mount',
      cause,
    },
  );
}

/**
 * Names on disk of the file store, as pure functions. A key's folder nests by segment; the revisions lie in a subfolder that
 * no segment can be called, so that the keys `a` and `a/b` live side by side:
 *
 *   ROOT/@format                     written once, by link: this place holds a store, and its file system has hard links
 *   ROOT/@tmp/NONCE                  a writer's private file before it is linked; garbage once its writer is dead
 *   ROOT/default/lock/db/@/0…07      revision 7 of default/lock/db
 *
 * Invariant: what is not a key's segment contains `@` or `+`, which no escaped segment has; names differ without regard to case.
 */

const REVISIONS_FOLDER = '@';
const TEMPORARY_FOLDER = '@tmp';
const FORMAT_FILE = '@format';
/** What the format file says; another number is another layout. */
const FORMAT = 'lockstep file store 1\n';

const MAX_PIECE = 200;
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/;

/** The folder names of a key. Pieces over 200 bytes are split (names end at 255), Windows' device names disguised. */
function namesOf(key        )           {
  return key.split('/').flatMap((segment) => {
    const pieces = segment.match(new RegExp(`.{1,${MAX_PIECE}}`, 'g')) ?? [segment];
    return pieces.map(
      (piece, i) => `${RESERVED.test(piece) ? '+' : ''}${piece}${i < pieces.length - 1 ? '+' : ''}`,
    );
  });
}

/** Every folder from the root down to the key's revisions. */
function foldersOf(root        , key        )           {
  const folders = [root];
  for (const name of [...namesOf(key), REVISIONS_FOLDER]) folders.push(join(folders.at(-1) ?? root, name));
  return folders;
}

/** The folder of a key's revisions. */
function folderOf(root        , key        )         {
  return join(root, ...namesOf(key), REVISIONS_FOLDER);
}

/** The key whose folders have these names; the inverse of {@link folderOf}. */
function keyOfNames(names                   )         {
  return names
    .map((name) => `${name.startsWith('+') ? name.slice(1) : name}/`)
    .join('')
    .replaceAll('+/', '')
    .slice(0, -1);
}

/** Sixteen digits, so that names sort as numbers do. */
function formatRevisionName(number        )         {
  return String(number).padStart(16, '0');
}

/** The number of a revision file, or null for any other name. */
function parseRevisionName(name        )                {
  return /^\d{16}$/.test(name) && Number.isSafeInteger(Number(name)) ? Number(name) : null;
}

/** The newest revision in a listing; 0 where there is none. */
function selectHead(names                   )         {
  let head = 0;
  for (const name of names) head = Math.max(head, parseRevisionName(name) ?? 0);
  return head;
}

/**
 * The decisions of the file store, as pure functions: what a revision file says, which old ones may go, and what it means to
 * have linked one. The protocol: revision n+1 IS the file n+1, made whole in private and published by link(2), which fails
 * where the name exists. No lock is ever held, so nothing is ever stale; a killed writer leaves only a private file.
 * Invariant that the judgement rests on: old revisions are removed in ascending order, one after the other. So while n is
 * there with its old nonce, n+1 was never removed, and whoever linked n+1 was the first to.
 */
                                              

/** How many of the newest revisions always stay. */
const KEPT_REVISIONS = 64;
/** What is younger than this always stays: no writer is believed to stop longer between its read and its link. */
const KEPT_MS = 3_600_000;

/** The contents of one revision file. */
                                 
                                          
                         
                                                                  
                                   
                                                                          
                                
 

const HEADER = /^lockstep 1 ([0-9a-z-]{1,64}) ([0-9a-z-]{1,64}) (\d{1,7}|x)$/;
const NONE = '-';

/** The bytes of a revision file: one header line, then the value as it is. */
function formatRevision(record                , value        )         {
  const length = record.value === null ? 'x' : value.length;
  const header = Buffer.from(`lockstep 1 ${record.nonce} ${record.previous ?? NONE} ${length}\n`);
  return Buffer.concat([header, value]);
}

/** The inverse; CorruptRecordError for anything else (`path` names it). Link makes torn files impossible, power loss does not. */
function parseRevision(bytes        , path        )                 {
  const end = bytes.indexOf(10);
  const match = HEADER.exec(bytes.subarray(0, Math.max(0, end)).toString('latin1'));
  if (!match) {
    throw new CorruptRecordError(
      `${path} is not a revision that this version can read; it was left untouched`,
      {
        hint: 'it was written by a newer version, or cut by a power failure; remove the file to go back one revision',
      },
    );
  }
  const [, nonce = '', previous, length] = match;
  const value = bytes.subarray(end + 1);
  if (value.length !== (length === 'x' ? 0 : Number(length))) {
    throw new CorruptRecordError(`${path} is cut short; it was left untouched`, {
      hint: 'a power failure does this; remove the file to go back one revision, or open the store with fsync',
    });
  }
  return {
    nonce,
    previous: previous === undefined || previous === NONE ? null : previous,
    value: length === 'x' ? null : value.toString('utf8'),
  };
}

/** The opaque revision that callers see: the number finds the file, the nonce makes A→B→A differ. */
function formatToken(number        , nonce        )           {
  return `${number}.${nonce}`;
}

/** Null where the text never came from this store. */
function parseToken(revision          )                                           {
  const match = /^([1-9]\d{0,15})\.([0-9a-z-]+)$/.exec(revision);
  return match?.[2] === undefined ? null : { number: Number(match[1]), nonce: match[2] };
}

/** The revisions that may go by their number, oldest first; each must be old enough as well. */
function selectCollectable(numbers                   )           {
  return [...numbers].sort((a, b) => a - b).slice(0, -KEPT_REVISIONS);
}

/** Old enough to go. Both stamps are the file system's own; the local clock is never asked. */
function isPastKeeping(modifiedMs        , newestMs        )          {
  return newestMs - modifiedMs > KEPT_MS;
}

/** What was seen after the link succeeded. */
                             
                                                                     
                                                             
                        
                                                                            
                                            
 

/**
 * Whether a linked revision counts. A writer that stopped for very long may have re-created a number that was collected
 * meanwhile: such a file was never the newest, so nobody read it, and its writer lost (`zombie`). Where the successor that
 * would tell is gone too, nobody can say (`unknown`).
 */
function decideLinked({ mine, head, successor }            )                                   {
  if (head === mine.number) return 'applied';
  if (head < mine.number || successor === null) return 'unknown';
  return successor.previous === mine.nonce ? 'applied' : 'zombie';
}

/**
 * The compare-and-set of the file store on one key's folder: read what is expected, make the next revision in private, link
 * it, and judge afterwards whether the number was really new. Errors before the link are the system's own (the driver
 * translates them); from the link on, whatever is not certain is an IndeterminateError.
 * Invariant: a write counts from the moment its link succeeds, and what was once read as the newest is never taken back.
 */
                                               

const COLLECT_EVERY = KEPT_REVISIONS / 2;
const MAX_KNOWN = 256;
const MAX_STEPS = 4;

/** The newest revision of a key, a tombstone included. */
                       
                          
                                  
 

                            
                          
                                   
                                 
                                
                         
 

                               
                                                 
                                                            
 

                                      
               
                 
                                               
                                         
 

/** The register over one root. */
function createFileRegister({ root, volume, tidy }                     )               {
  // Where this handle last saw a key's head, so that a hot key is not listed with all its young revisions at each call.
  const known = new Map                                           ();

  const remember = (folder        , head             ) => {
    if (known.size >= MAX_KNOWN) known.clear();
    if (head) known.set(folder, { number: head.number, nonce: head.record.nonce });
    return head;
  };

  /**
   * Walks on from a head seen before; null where only a listing tells. Looking at the next number BEFORE seeing that the
   * known one is still there is what makes it right: then the next was never removed, so its absence is an absence and its
   * presence is no zombie's.
   */
  const walkHead = async (folder        )                       => {
    let trusted = known.get(folder);
    for (let step = 0; trusted && step < MAX_STEPS; step += 1) {
      const next = await volume.read(folder, trusted.number + 1);
      const still = await volume.read(folder, trusted.number);
      if (still?.nonce !== trusted.nonce) return null;
      if (next === null) return { number: trusted.number, record: still };
      trusted = { number: trusted.number + 1, nonce: next.nonce };
    }
    return null;
  };

  const listHead = async (folder        )                       => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const number = await volume.headOf(folder);
      if (number === 0) return null;
      const record = await volume.read(folder, number);
      if (record) return { number, record };
    }
    throw new UnavailableError(`${folder} changes faster than it can be read`);
  };

  const readHead = async (folder        )                       =>
    remember(folder, (await walkHead(folder)) ?? (await listHead(folder)));

  const write = async ({ folder, expect, value, bytes }           , call      )                       => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const nonce = createNonce();
      const prepareFile = (previous               ) =>
        volume.writePrivate(nonce, formatRevision({ nonce, previous, value }, bytes));
      try {
        // 1. What is expected must be there; the private file is written beside the look, not after it.
        let before             ;
        if (expect === null) {
          before = await readHead(folder);
          if (before && before.record.value !== null) return { ok: false, current: entryOf(before) };
          if (before === null) await volume.makeFolder(folder);
          await prepareFile(before?.record.nonce ?? null);
        } else {
          const token = parseToken(expect);
          if (token === null) return { ok: false };
          const [record] = await Promise.all([volume.read(folder, token.number), prepareFile(token.nonce)]);
          if (record?.nonce !== token.nonce || record.value === null) return { ok: false };
          before = { number: token.number, record };
        }
        // 2. Publish it as the next number, which only one can.
        const mine = { number: (before?.number ?? 0) + 1, nonce };
        call.sending();
        const isLinked = await publish(folder, mine);
        if (isLinked === false) return { ok: false };
        // 3. Make sure that the number was not one that had been there and was collected.
        if (isLinked && (await countsAsWritten(folder, mine, before))) {
          known.set(folder, mine);
          if (mine.number % COLLECT_EVERY === 0) tidy(volume.collect(folder, mine.number));
          return { ok: true, revision: formatToken(mine.number, nonce) };
        }
        if (isLinked) return { ok: false };
        await volume.makeFolder(folder);
      } finally {
        tidy(volume.discardPrivate(nonce));
      }
    }
    throw new UnavailableError(`${folder} is removed again and again while it is written to`);
  };

  /** True: linked. False: another has the number. Null: not linked, since a folder was missing. */
  const publish = async (
    folder        ,
    mine                                   ,
  )                          => {
    try {
      await volume.publish(mine.nonce, join(folder, formatRevisionName(mine.number)));
      return true;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return null;
      if (systemCodeOf(error) !== 'EEXIST') throw translateLinkError(error, root);
    }
    // A network file system may repeat a link whose reply was lost and then find its own: the nonce tells.
    const there = await inDoubt(volume.read(folder, mine.number));
    if (there === null) throw new IndeterminateError(`revision ${mine.number} in ${folder} came and went`);
    return there.nonce === mine.nonce;
  };

  const countsAsWritten = async (
    folder        ,
    mine                                   ,
    before             ,
  )                   => {
    if (before !== null) {
      const still = await inDoubt(volume.read(folder, before.number));
      if (still?.nonce === before.record.nonce) return true;
    }
    const head = await inDoubt(volume.headOf(folder));
    const successor = head > mine.number ? await inDoubt(volume.read(folder, mine.number + 1)) : null;
    const verdict = decideLinked({ mine, head, successor });
    if (verdict === 'unknown') {
      throw new IndeterminateError(
        `revision ${mine.number} in ${folder} was written after such a long stop that nobody can tell whether it counted`,
      );
    }
    if (verdict === 'zombie') tidy(volume.withdraw(folder, mine.number));
    return verdict === 'applied';
  };

  return { readHead, write };
}

/** What callers see of a head: a tombstone is an absence. */
function entryOf({ number, record }      )               {
  if (record.value === null) return null;
  return Object.freeze({ value: record.value, revision: formatToken(number, record.nonce) });
}

/** After the link an error no longer means "not applied". */
async function inDoubt   (step            )             {
  try {
    return await step;
  } catch (cause) {
    throw new IndeterminateError('a revision was linked but could not be checked', { cause });
  }
}

/**
 * The file store's hands: read a revision, write a private file, link it, collect old ones. Errors leave here as the system
 * gave them; the driver translates. It decides nothing (see file-revisions.ts) and holds no state but its open ends.
 * Invariant: `collect` removes in ascending order and stops at the first failure; the judgement of a link rests on that.
 */

                         
                                                                                       
                                          
                                          
                                                                       
                                                                                               
                                                            
                                         
                                               
                                                                                             
                                                      
                                                                                                
                                            
                                                                      
                                                          
                                                                                                       
                                                         
 

                                
               
                 
                                                                               
                                                                       
 

/** The hands for one root. */
function createVolume({ root, fsync, linkFile = link }               )         {
  const temporary = join(root, TEMPORARY_FOLDER);

  const syncFolder = async (folder        ) => {
    // Windows cannot open a folder to flush it; NTFS journals the entry itself.
    if (!fsync || process.platform === 'win32') return;
    const handle = await open(folder);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  };

  const makeOne = async (folder        ) => {
    const first = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made))
      await syncFolder(dirname(made));
  };

  /** Removes in the given order while each is old enough. */
  const removeOld = async (paths                   , newestMs        , stopAtYoung         ) => {
    for (const path of paths) {
      const found = await stat(path).catch(nullIfAbsent);
      if (found && isPastKeeping(found.mtimeMs, newestMs)) await unlink(path).catch(nullIfAbsent);
      else if (found && stopAtYoung) return;
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
      // Somebody may have cleared the store's folder while it was open.
      const handle = await open(path, 'wx', 0o600).catch(async (error         ) => {
        nullIfAbsent(error);
        await makeOne(temporary);
        return open(path, 'wx', 0o600);
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
      // The newest revision was just written: its stamp is what the file system calls now.
      const { mtimeMs } = await stat(join(folder, formatRevisionName(newest)));
      const numbers = (await readdir(folder)).map(parseRevisionName).filter((number) => number !== null);
      const paths = selectCollectable(numbers).map((number) => join(folder, formatRevisionName(number)));
      await removeOld(paths, mtimeMs, true);
      const strays = (await readdir(temporary)).map((name) => join(temporary, name));
      await removeOld(strays, mtimeMs, false);
    },
  };
}

/** Not being there is an answer; every other error stays one. */
function nullIfAbsent(error         )       {
  if (systemCodeOf(error) === 'ENOENT') return null;
  throw error;
}

/**
 * The watch of the file store: fs.watch says "look" at once, a reconcile poll finds whatever it kept to itself (network file
 * systems, overflowing queues, a folder replaced under it). NOT guaranteed: one edge per revision.
 * Invariant: nothing here creates a folder, and nothing but the end of the edges stops it; an error of fs.watch means
 * polling until it can be had again.
 */

/** What is used of fs.watch, so that tests can break it. */
                           
               
                                                                 
                                                                                      

                                   
               
                 
                                                                                                            
                             
               
                                                             
                              
                                        
 

/** Starts watching; ends with the edges. */
function startFileWatch(options                  )       {
  const { clock, edges, folders, watchFolder = watch } = options;
  const deepest = folders.length - 1;
  let current                                          = null;
  let timer               = null;
  let seen = 0;

  const detach = () => {
    current?.close();
    current = null;
  };

  const watchLevel = (level        )          => {
    try {
      const watcher = watchFolder(folders[level] ?? '', (_, filename) => onEvent(level, filename));
      watcher.on('error', () => {
        // What fs.watch missed from here on the poll finds, and tries to watch again.
        if (current?.level === level) detach();
        edges.emit();
      });
      detach();
      current = { level, close: () => watcher.close() };
      return true;
    } catch {
      // Not there yet, or no watches left on this machine: a folder further up, or the poll alone, has to do.
      return false;
    }
  };

  /** Watches as deep as there are folders, and looks again after each step down: one may have appeared in between. */
  const attach = () => {
    let isDeeper = true;
    while (isDeeper && !edges.ended.aborted) {
      const above = current?.level ?? -1;
      isDeeper = false;
      for (let level = deepest; level > above && !isDeeper; level -= 1) isDeeper = watchLevel(level);
    }
  };

  const onEvent = (level        , filename               ) => {
    if (edges.ended.aborted) return;
    if (level < deepest) attach();
    const number = level === deepest && filename !== null ? parseRevisionName(filename) : null;
    // The removal of an old revision is not news.
    if (number !== null && number <= seen) return;
    if (number !== null) seen = number;
    edges.emit();
  };

  const look = async ()                  => {
    try {
      return await options.readHead();
    } catch {
      // A watch does not end by errors (S10): the reader that the edge wakes meets the same one and reports it.
      return -1;
    }
  };

  const poll = async () => {
    const before = seen;
    const head = await look();
    if (edges.ended.aborted) return;
    if (head !== before && seen === before) {
      // Nobody announced it: the watcher is deaf, on a folder that was replaced perhaps.
      detach();
      seen = head;
      edges.emit();
    }
    attach();
    schedule();
  };

  const schedule = () => {
    timer = clock.startTimer(jitter(options.pollMs, 0.1, clock.random()), () => void poll());
  };

  const start = async () => {
    attach();
    const head = await look();
    if (edges.ended.aborted) return;
    seen = Math.max(seen, head);
    edges.connected();
    schedule();
  };

  edges.ended.addEventListener('abort', () => {
    timer?.cancel();
    detach();
  });
  void start();
}

/**
 * The file store: one machine, many processes, no server and no lock. Each key is a folder, each revision a file in it that
 * was made in private and published by link(2) (see file-revisions.ts for the decisions, file-layout.ts for the names).
 * Linearizable on a local file system; on network ones as far as their listings are. NOT guaranteed without `fsync`: survival
 * of a power failure (of a killed process: always).
 * Invariant: a write counts from the moment its link succeeds; nothing that was read as the newest revision is ever taken back.
 */

                                   
                                                                         
               
               
                                                                                           
                              
                                                                     
                              
                                                                                                         
                                 
                                                        
                                                                                                
 

const MIN_POLL_MS = 50;

/**
 * Opens the store at a path. UnsupportedError where the file system has no hard links or the path is no folder, AuthError
 * where it may not be used; both say what to do. The caller closes it.
 */
async function openFileStore(options                  )                 {
  const { clock, fsync = false, timeoutMs = 10_000, seams = {} } = options;
  const pollMs = Math.max(MIN_POLL_MS, options.pollMs ?? 1000);
  const root = resolve(options.path);
  const volume = createVolume({ root, fsync, linkFile: seams.linkFile });
  await prepare(root, volume);

  const watches = new Set       ();
  const tidying = new Set                  ();
  let isClosed = false;

  /** Tidying is nobody's business but the store's: a failure leaves a file that the next round finds again. */
  const tidy = (work                  ) => {
    const quiet = work.catch(() => undefined).finally(() => tidying.delete(quiet));
    tidying.add(quiet);
  };
  const register = createFileRegister({ root, volume, tidy });

  const run =    (
    about                                                                ,
    operation                            ,
  )             => {
    if (isClosed) return Promise.reject(new UnavailableError(`the file store at ${root} was closed`));
    const what = `${about.name} ${about.key} in the file store at ${root}`;
    return runCall({ clock, timeoutMs, signal: about.signal, what }, async (call) => {
      try {
        return await operation(call);
      } catch (error) {
        throw translateFileError(error, root);
      }
    });
  };

  const collectKeys = async (folder        , names                   )                    => {
    const found = await readdir(folder, { withFileTypes: true }).catch((error         ) => {
      if (systemCodeOf(error) === 'ENOENT') return [];
      throw error;
    });
    const inner = await Promise.all(
      found.map(async (entry) => {
        const path = join(folder, entry.name);
        if (entry.name === REVISIONS_FOLDER) return (await isPresent(path)) ? [keyOfNames(names)] : [];
        return entry.isDirectory() && !entry.name.startsWith('@')
          ? collectKeys(path, [...names, entry.name])
          : [];
      }),
    );
    return inner.flat();
  };

  const isPresent = async (folder        )                   => {
    try {
      const head = await register.readHead(folder);
      return head !== null && head.record.value !== null;
    } catch (error) {
      // A damaged record is there all the same; whoever reads it learns what is wrong.
      if (error instanceof LockstepError && error.code === 'corrupt-record') return true;
      throw error;
    }
  };

  const change = (
    key        ,
    about                                                                                ,
    signal                         ,
  ) => {
    const folder = folderOf(root, admitKey(key));
    return run({ name: about.name, key, signal }, (call) => register.write({ ...about, folder }, call));
  };

  return {
    url: `file:${root}`,
    capabilities: Object.freeze({
      linearizableReads: true,
      conditionalDelete: true,
      nativeWatch: true,
      multiKeyTxn: false,
      durable: fsync ? 'fsync' : 'process',
      minPollMs: MIN_POLL_MS,
    }),
    async get(key, { signal }                   = {}) {
      const folder = folderOf(root, admitKey(key));
      return run({ name: 'get', key, signal }, async () => {
        const head = await register.readHead(folder);
        return head && entryOf(head);
      });
    },
    async compareAndSet(key, expect, value, { signal }                   = {}) {
      return change(key, { name: 'compareAndSet', expect, value, bytes: admitValue(key, value) }, signal);
    },
    async delete(key, expect, { signal }                   = {}) {
      return change(key, { name: 'delete', expect, value: null, bytes: Buffer.alloc(0) }, signal);
    },
    async list(prefix, { signal }                   = {}) {
      const border = prefix.replace(/\/+$/, '');
      const names = border === '' ? [] : namesOf(admitKey(border));
      return run({ name: 'list', key: prefix, signal }, () => collectKeys(join(root, ...names), names));
    },
    watch(key, { signal }) {
      const folders = foldersOf(root, admitKey(key));
      const edges = createEdges(signal);
      if (isClosed) edges.end();
      if (edges.ended.aborted) return edges.watch;
      watches.add(edges);
      edges.ended.addEventListener('abort', () => watches.delete(edges));
      const readNewest = () => volume.headOf(folderOf(root, key));
      startFileWatch({ clock, pollMs, folders, edges, readHead: readNewest, watchFolder: seams.watchFolder });
      return edges.watch;
    },
    async close() {
      isClosed = true;
      for (const edges of [...watches]) edges.end();
      await Promise.all(tidying);
    },
  };
}

/** Makes the root and proves hard links once, by linking the format file; afterwards opening is one read. */
async function prepare(root        , volume        )                {
  const formatPath = join(root, FORMAT_FILE);
  try {
    const found = await readFile(formatPath, 'utf8').catch((error         ) => {
      if (systemCodeOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (found === FORMAT) return;
    if (found !== null) {
      throw new UnsupportedError(`${root} holds a store of another version`, {
        hint: 'use one version of lockstep on a machine, or another path for the store',
      });
    }
    const nonce = createNonce();
    await volume.makeFolder(root);
    await volume.writePrivate(nonce, Buffer.from(FORMAT));
    try {
      await volume.publish(nonce, formatPath);
    } catch (error) {
      // Another process was faster: the proof is its.
      if (systemCodeOf(error) !== 'EEXIST') throw isLinkRefused(error) ? noHardLinks(root, error) : error;
    } finally {
      await volume.discardPrivate(nonce);
    }
  } catch (error) {
    throw translateFileError(error, root);
  }
}

export { openFileStore };
