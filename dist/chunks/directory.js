import { lstat, readdir, constants, open, mkdir, rename, rmdir, rm, realpath } from 'node:fs/promises';
import { sep, join, basename, dirname } from 'node:path';
import { t as throwIfAborted } from './terminal.js';
import { a as ConfigError } from './errors.js';
import { e as createNonce, h as hashIdentity } from './wire.js';
import { p as plain } from './duration.js';
import { p as parseTimestamp } from './timestamp.js';

/**
 * Reads the sub-folders of a root as apps. Only looks: nothing here writes, and nothing is reached through a link.
 * NOT an app: a link, a file, another file system mounted there, a name that is not UTF-8. What an interrupted removal left
 * in a trash folder is listed under its old name as `delete-failed`, so that the usual rules decide about it once more.
 * Age: the marker file inside the folder, else the folder's own modification time (which an unpacked archive may set back).
 */
                                           

/** A folder that counts as an app, and where it is. */
                               
                    
                        
                                                                      
                                
 

                                 
               
                                                                      
                 
                                              
                 
                                                                          
              
 

const TRASH = /^\.lockstep-trash-(\d{1,15}|unknown)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_MARKER_BYTES = 64;
const LOOKS_AT_ONCE = 32;

/** The name of a trash folder for one app. It carries the app's age, which a half-finished removal would lose. */
function trashName(createdAtMs               , nonce        )         {
  return `.lockstep-trash-${createdAtMs === null ? 'unknown' : Math.trunc(createdAtMs)}-${nonce}`;
}

/** True for the name of a trash folder of lockstep's own. */
function isTrashName(name        )          {
  return TRASH.test(name);
}

/** All apps below the root. Rejects with the file system's error where the root itself cannot be read. */
async function readApps(options                )                          {
  const apps                 = [];
  const names = await readNames(options.root);
  for (let start = 0; start < names.length; start += LOOKS_AT_ONCE) {
    const batch = names.slice(start, start + LOOKS_AT_ONCE);
    apps.push(...(await Promise.all(batch.map((name) => readEntry(name, options)))).flat());
  }
  return apps;
}

/** The app at a path as it is now; null where there is none. */
async function readApp(
  place                                                      ,
  options                ,
)                               {
  const stats = await lookAt(place.path);
  if (stats === null || !stats.isDirectory() || stats.dev !== options.device) return null;
  const age =
    place.trash === null ? await readAge(place.path, stats, options.marker) : ageInName(place.trash);
  return {
    path: place.path,
    trash: place.trash,
    app: {
      // An inode is used again soon after a deletion; the time of birth tells the two apart.
      id: `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`,
      name: place.name,
      createdAtMs: age.createdAtMs,
      version: `${stats.mtimeNs}|${age.version}`,
      state: place.trash === null ? 'ready' : 'delete-failed',
      isProtected: `${options.cwd}${sep}`.startsWith(`${place.path}${sep}`),
      inScope: true,
      parentId: null,
    },
  };
}

/** Stats of the thing itself, never of what it links to; null where there is nothing. */
async function lookAt(path        )                              {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    // Gone between the listing and the look: the ordinary race of a folder that others use.
    if (isMissing(error)) return null;
    throw error;
  }
}

/** True for "there is no such file or folder". */
function isMissing(error         )          {
  return (error                         ).code === 'ENOENT';
}

async function readEntry(name        , options                )                          {
  const path = join(options.root, name);
  if (!isTrashName(name)) {
    const found = await readApp({ path, name, trash: null }, options);
    return found ? [found] : [];
  }
  const stats = await lookAt(path);
  if (stats === null || !stats.isDirectory() || stats.dev !== options.device) return [];
  const left = await Promise.all(
    (await readTrash(path)).map((inner) =>
      readApp({ path: join(path, inner), name: inner, trash: path }, options),
    ),
  );
  return left.filter((app) => app !== null);
}

async function readTrash(path        )                    {
  try {
    return await readNames(path);
  } catch (error) {
    // Emptied meanwhile, or private to another user of the same root: theirs to finish.
    if (isMissing(error) || (error                         ).code === 'EACCES') return [];
    throw error;
  }
}

async function readNames(folder        )                    {
  const raw = await readdir(folder, { encoding: 'buffer' });
  return raw.flatMap((bytes) => {
    const name = bytes.toString('utf8');
    return Buffer.from(name, 'utf8').equals(bytes) ? [name] : [];
  });
}

               
                             
                                               
                  
 

function ageInName(trash        )      {
  const text = TRASH.exec(trash.slice(trash.lastIndexOf(sep) + 1))?.[1];
  const createdAtMs = text === undefined || text === 'unknown' ? null : Number(text);
  return { createdAtMs, version: 'trash' };
}

// The marker's text where it is a timestamp, its modification time where it is empty; any other text makes the age unknown.
async function readAge(path        , stats             , marker        )               {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    // Neither through a link nor waiting for a pipe's other end. Windows knows neither flag.
    const file = await open(join(path, marker), O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
    try {
      const own = await file.stat({ bigint: true });
      const version = String(own.mtimeNs);
      if (!own.isFile() || own.size > BigInt(MAX_MARKER_BYTES)) return { createdAtMs: null, version };
      const text = (await file.readFile('utf8')).trim();
      return { createdAtMs: text === '' ? Number(own.mtimeMs) : parseTimestamp(text), version };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return { createdAtMs: Number(stats.mtimeMs), version: 'none' };
    // A marker that cannot be read leaves the age unknown, and that protects.
    return { createdAtMs: null, version: 'unreadable' };
  }
}

/**
 * Removes one folder, and only the one that was listed: moved into a private trash folder, looked at again where nobody else
 * reaches it by its name, then emptied. A folder that turns out to be another one is put back.
 * NOT guaranteed: that a process which works inside the folder notices; and against a hostile owner of folders deeper down,
 * since Node cannot open relative to a folder. Links are removed, never followed.
 * Invariant: whoever ends with `deleted` removed the folder's last entry; of two that race, the other one sees `gone`.
 */

                     
                                         
                                                          

/** Removes what was listed as `app`. Rejects with the file system's error, or with the signal's reason between two steps. */
async function removeApp(
  { app, path, trash }              ,
  { signal, ...options }                                          ,
)                   {
  // 1 As listed, in its place? What a former removal left is judged where it lies.
  const before = await readApp({ path, name: app.name, trash }, options);
  if (before === null)
    return (await lookAt(path)) === null ? { kind: 'gone' } : changed('is no folder any more');
  const difference = describeDifference(app, before.app);
  if (difference !== null) return changed(difference);
  if (trash !== null) return await empty({ path, trash, signal });

  // 2 Out of everybody's way, in one step. A call that was cancelled until here did nothing.
  throwIfAborted(signal);
  const own = join(options.root, trashName(app.createdAtMs, createNonce()));
  await mkdir(own, { mode: 0o700 });
  const moved = join(own, basename(path));
  try {
    await rename(path, moved);
  } catch (error) {
    await rmdir(own);
    if (isMissing(error)) return { kind: 'gone' };
    throw error;
  }

  // 3 Did the step take what was meant?
  const taken = await readApp({ path: moved, name: app.name, trash: null }, options);
  const late = taken === null ? 'is no folder any more' : describeDifference(app, taken.app);
  if (late !== null) return changed(`${late}; ${await putBack({ moved, path, own })}`);
  return await empty({ path: moved, trash: own, signal });
}

/** Removes the trash folders of the root that are empty: what a run left that ended between two steps. */
async function tidyTrash(root        , isTrash                           )                {
  for (const name of (await readdir(root)).filter(isTrash)) await removeIfEmpty(join(root, name));
}

async function empty(place                                                      )                   {
  try {
    for (const name of await readdir(place.path)) {
      // A large folder takes long; what is left is listed as `delete-failed` the next time.
      throwIfAborted(place.signal);
      await rm(join(place.path, name), { recursive: true, force: true });
    }
    await rmdir(place.path);
  } catch (error) {
    // Another run finished what was left.
    if (isMissing(error)) return { kind: 'gone' };
    throw error;
  }
  await removeIfEmpty(place.trash);
  return { kind: 'deleted' };
}

async function putBack(place                                              )                  {
  // A rename replaces an empty folder without a word, so a place that was taken meanwhile is left alone.
  const isFree = (await lookAt(place.path)) === null;
  const target = isFree
    ? place.path
    : join(dirname(place.path), `${basename(place.path)}.kept-${createNonce()}`);
  await rename(place.moved, target);
  await removeIfEmpty(place.own);
  return isFree ? 'it was put back' : `its place was taken, so it was kept as ${basename(target)}`;
}

async function removeIfEmpty(folder        )                {
  try {
    await rmdir(folder);
  } catch (error) {
    const { code } = error                         ;
    // In use by another run, or tidied by one.
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
  }
}

function describeDifference(listed     , found     )                {
  if (found.id !== listed.id) return 'another folder has its name now';
  return found.version === listed.version ? null : 'it was modified since it was listed';
}

function changed(detail        )          {
  return { kind: 'changed', detail };
}

/**
 * The directory provider: each sub-folder of one root is an app. For preview environments, work folders and caches on a
 * self-hosted runner, and for trying lockstep out without an account.
 * NOT guaranteed: that nobody uses a folder; only its own modification and its marker are seen, not what happens deeper down.
 * Invariants: nothing outside the root is touched and nothing is reached through a link; the root is resolved once, and each
 * call checks that it is still the same folder; identity and version are checked again after the folder was moved aside.
 * Times are the file system's: `open` compares its clock with this machine's by making and removing an empty folder.
 */

                                           
                                        
               
                                                              
                      
                                                                  
              
                                                             
                         
                                          
                  
               
 

/** The file in an app's folder that tells its age: an ISO 8601 timestamp, or empty (then its modification time). */
const CREATED_MARKER = '.lockstep-created';

/** A provider for the folders below `root`. Rejects with ConfigError where that is no folder to clean up in. */
async function createDirectoryProvider(options                          )                    {
  const { clock } = options;
  const { root, device, inode, birthNs } = await resolveRoot(options);
  const listing = {
    root,
    device,
    marker: options.marker ?? CREATED_MARKER,
    cwd: (await resolved(options.cwd)) ?? options.cwd,
  };
  // How far the file system's clock is ahead of this machine's.
  let offsetMs = 0;
  let hasDestroyed = false;
  // Where the last listing or read saw each app.
  const places = new Map                      ();

  const meta = ()             => ({ status: null, serverNowMs: clock.wallMs() + offsetMs });
  const attempt = async    (what        , signal             , act                  ) => {
    throwIfAborted(signal);
    try {
      const now = await lookAt(root);
      if (now === null || !now.isDirectory() || now.dev !== device || now.ino !== inode)
        return failed('invalid', `${what}: ${root} is not the folder it was`);
      return await act();
    } catch (error) {
      throwIfAborted(signal);
      return toFailure(what, error);
    }
  };
  const failed = (kind                         , detail        )                  => ({
    kind,
    meta: meta(),
    detail: plain(detail),
  });
  const toFailure = (what        , error         )                  => {
    const { code } = error                         ;
    // What carries no code of the system is a bug, not an answer.
    if (code === undefined) throw error;
    const isRefused = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    return failed(isRefused ? 'forbidden' : 'ambiguous', `${what}: ${code}`);
  };
  const look = async () => {
    const found = await readApps(listing);
    places.clear();
    for (const entry of found) places.set(entry.app.id, entry);
    return found.map((entry) => entry.app);
  };

  return {
    name: 'directory',
    // The folder itself, not its path alone: two machines have the same path, and a shared file system has one folder.
    accountId: hashIdentity(
      options.account === null
        ? ['directory', root, String(inode), String(birthNs)]
        : ['directory', 'account', options.account],
    ),
    capabilities: { atomicPrecondition: true, openRequests: 1, pageSize: Number.MAX_SAFE_INTEGER },
    pace: { emissionIntervalMs: 1, burst: 1000 },

    open: ({ signal }) =>
      attempt(`open ${root}`, signal, async () => {
        offsetMs = (await readClock(root, clock)) - clock.wallMs();
        return { kind: 'open', meta: meta(), label: root }         ;
      }),

    list: (_cursor, { signal }) =>
      attempt(`list ${root}`, signal, async () => {
        const apps = await look();
        return { kind: 'page', meta: meta(), apps, next: null, total: apps.length }         ;
      }),

    get: (id, { signal }) =>
      attempt(`look for ${id}`, signal, async () => {
        const app = (await look()).find((entry) => entry.id === id);
        return app
          ? ({ kind: 'found', meta: meta(), app }         )
          : ({ kind: 'gone', meta: meta() }         );
      }),

    destroy: (app     , { signal }) =>
      attempt(`remove ${app.name}`, signal, async () => {
        if (!places.has(app.id)) await look();
        const place = places.get(app.id);
        if (!place) return { kind: 'gone', meta: meta() }         ;
        hasDestroyed = true;
        try {
          const removal = await removeApp({ ...place, app }, { ...listing, signal });
          return removal.kind === 'changed'
            ? { ...removal, meta: meta(), detail: plain(`${app.name}: ${removal.detail}`) }
            : { kind: removal.kind, meta: meta() };
        } catch (error) {
          const { code } = error                         ;
          if (code !== 'EBUSY' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
          return { kind: 'busy', meta: meta(), detail: plain(`remove ${app.name}: ${code}`) }         ;
        }
      }),

    async close() {
      if (hasDestroyed) await tidyTrash(root, isTrashName);
    },
  };
}

async function resolveRoot({ root: given, home }                          ) {
  const root = await resolved(given);
  const stats = root === null ? null : await lookAt(root);
  const refuse = (message        )        => {
    throw new ConfigError([{ option: 'root', message }]);
  };
  if (root === null || stats === null) return refuse(`${given} does not exist; name an existing folder`);
  if (!stats.isDirectory()) return refuse(`${given} is not a folder`);
  const realHome = home === null ? null : ((await resolved(home)) ?? home);
  const problem = describeUnfitRoot(root, realHome);
  if (problem !== null) return refuse(problem);
  return { root, device: stats.dev, inode: stats.ino, birthNs: stats.birthtimeNs };
}

/** Why a folder must not be a root; null where it may. Both paths absolute. */
function describeUnfitRoot(root        , home               )                {
  const withSlash = (path        ) => (path.endsWith(sep) ? path : `${path}${sep}`);
  if (/^([A-Za-z]:)?[\\/]*$/.test(root))
    return 'is the root of the whole file system; name a folder of its own';
  if (home !== null && withSlash(home).startsWith(withSlash(root)))
    return `${root} is or contains the home folder; name a folder of its own`;
  return null;
}

async function resolved(path        )                         {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error                         ;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null;
    throw error;
  }
}

// The time the file system gives to something new. Where nothing can be made (a plan without the right to write) this
// machine's clock has to do.
async function readClock(root        , clock       )                  {
  const probe = join(root, trashName(null, createNonce()));
  try {
    await mkdir(probe, { mode: 0o700 });
  } catch {
    return clock.wallMs();
  }
  const stats = await lookAt(probe);
  await rmdir(probe);
  return stats === null ? clock.wallMs() : Number(stats.mtimeMs);
}

export { CREATED_MARKER, createDirectoryProvider, describeUnfitRoot };
