import { i as isJsonObject, h as hashIdentity, p as parseJsonObject, e as createNonce, c as createBackoff, j as jitter } from './wire.js';
import { b as sleep, n as nullLogger, t as throwIfAborted } from './terminal.js';
import { A as AuthError, f as UnsupportedError, U as UnavailableError, b as CorruptRecordError, h as hasCode, t as toError, d as IndeterminateError } from './errors.js';
import { c as createEdges, a as admitKey, b as admitValue, r as runCall, i as isUnderPrefix } from './edges.js';
import { f as formatRefPath, p as parseRefPath } from './key.js';

/**
 * What an answer of GitHub means: status, headers and the message of the body → a value. Pure; the only place that knows
 * GitHub's texts. NOT guaranteed: that a text stays as it is. A refusal whose text is not recognised is `unknown`, and
 * whoever asked finds out by reading; nothing here turns an unrecognised answer into "lost" or "denied".
 * Source: REST documentation on rate limits, conditional requests and git references; observed texts of the field.
 */


/** Why git's side refused to make or move a reference. */
                        
                    
                      
                 
                      
              

const REFUSALS                                             = [
  [/reference already exists/i, 'already-exists'],
  [/not a fast[ -]?forward/i, 'not-fast-forward'],
  [/reference does not exist/i, 'no-such-ref'],
  [/repository is empty/i, 'empty-repository'],
];

/** Reads a 409 or 422 of git/refs and git/commits. "Reference update failed" and whatever else comes up is `unknown`. */
function classifyRefRefusal(text        )             {
  return REFUSALS.find(([pattern]) => pattern.test(text))?.[1] ?? 'unknown';
}

/**
 * Git's database over REST: references and commits of one repository, answers checked and reduced to what is used. Trees and
 * blobs are never made: every commit stands on the empty tree, which git knows without its being stored.
 * NOT guaranteed: fresh reads. A refused move is told by its reason; what it means is decided by whoever asked.
 * Invariant: no reference is ever deleted or moved by force here, since a fast-forward is a compare-and-set only while
 * history moves forward alone.
 */
                                                            

/** The tree without entries, the same in every SHA-1 repository. */
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

                            
                       
                           
                                      
 

                         
                                  
                       
                       
 

                     
                              
                                                                                      

                            
                                                      
                                                        

                       
                                   
 

/** `ref` always has its leading `refs/`. Errors: those of the client; writes may end with IndeterminateError. */
                          
                                                                                                        
                                                                      
                                                    
                                                                           
                                                                            
                                                                                               
               
                                                            
                          
                             
                                               
                                                                     
                                                                                                                
                                                                   
 

const EMPTY_HINT = 'push a first commit to it (a README will do)';
const ACCESS_HINT =
  'check OWNER/REPO, and that the token belongs to it with `contents: write` (a token that may not see a repository gets a 404)';

/** Git's database of one repository. */
function createGitData(client              , repository                                 )          {
  const name = `${repository.owner}/${repository.repo}`;
  const base = `/repos/${encodeURIComponent(repository.owner)}/${encodeURIComponent(repository.repo)}/git`;

  const object = (read            , what        )          => {
    if (read.kind === 'found') return read.data;
    if (read.kind === 'missing') return null;
    if (classifyRefRefusal(read.text) === 'empty-repository') throw emptyRepository(name);
    throw new UnavailableError(
      `GitHub refused to read ${what} of ${name} (HTTP ${read.status}): ${read.text}`,
    );
  };

  const moved = (write                                            , { ref }        )          => {
    if (write.kind === 'done') return { kind: 'moved' };
    if (write.status === 404) throw noAccess(name, `write ${ref}`);
    const refusal = classifyRefRefusal(write.text);
    if (refusal === 'empty-repository') throw emptyRepository(name);
    return { kind: 'refused', refusal, text: write.text };
  };

  return {
    async readRef(ref, options = {}) {
      const data = object(await client.read(`${base}/ref/${refPath(ref)}`, options), ref);
      return data === null ? null : parseRef(data, ref).sha;
    },
    async listRefs(startingWith, options = {}) {
      const path = `${base}/matching-refs/${refPath(startingWith)}`;
      const data = object(await client.read(path, options), startingWith);
      if (data === null) return [];
      if (!Array.isArray(data)) throw senseless(startingWith);
      return (data             ).map((item) => parseRef(item, startingWith));
    },
    async readCommit(sha, options = {}) {
      const data = object(await client.read(`${base}/commits/${encodeURIComponent(sha)}`, options), sha);
      return data === null ? null : parseCommit(data, sha);
    },
    async createCommit({ message, parents }, { signal } = {}) {
      // No author: GitHub then signs the commit itself, so that rules that demand signatures are met.
      const body = { message, tree: EMPTY_TREE, parents };
      const write = await client.write({ method: 'POST', path: `${base}/commits`, body, signal });
      if (write.kind === 'done') return { kind: 'created', sha: shaOf(write.data, 'a new commit') };
      if (write.status === 404) throw noAccess(name, 'create a commit');
      if (classifyRefRefusal(write.text) === 'empty-repository') throw emptyRepository(name);
      return { kind: 'refused', text: `HTTP ${write.status}: ${write.text}` };
    },
    async createRef(target, { signal } = {}) {
      // The body takes the name with `refs/`, the address without: the two are easily confused.
      const body = { ref: target.ref, sha: target.sha };
      return moved(await client.write({ method: 'POST', path: `${base}/refs`, body, signal }), target);
    },
    async moveRef(target, { signal } = {}) {
      const path = `${base}/refs/${refPath(target.ref)}`;
      const body = { sha: target.sha, force: false };
      return moved(await client.write({ method: 'PATCH', path, body, signal }), target);
    },
  };
}

function refPath(ref        )         {
  return ref
    .replace(/^refs\//, '')
    .split('/')
    .map(encodeURIComponent)
    .join('/');
}

function shaOf(data         , what        )         {
  const sha = isJsonObject(data) ? data['sha'] : undefined;
  if (typeof sha !== 'string' || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(sha)) throw senseless(what);
  return sha;
}

function parseRef(data         , what        )         {
  if (!isJsonObject(data) || typeof data['ref'] !== 'string') throw senseless(what);
  return { ref: data['ref'], sha: shaOf(data['object'], what) };
}

function parseCommit(data         , what        )            {
  const parents = isJsonObject(data) ? data['parents'] : undefined;
  const message = isJsonObject(data) ? data['message'] : undefined;
  if (typeof message !== 'string' || !Array.isArray(parents)) throw senseless(what);
  return {
    sha: shaOf(data, what),
    message,
    parents: (parents             ).map((parent) => shaOf(parent, what)),
  };
}

function senseless(what        )                   {
  return new UnavailableError(`GitHub's answer about ${what} makes no sense`, {
    hint: 'check the API address: something else may be answering there',
  });
}

function emptyRepository(name        )                   {
  return new UnsupportedError(`the repository ${name} has no commit yet, so it cannot keep locks`, {
    hint: EMPTY_HINT,
  });
}

function noAccess(name        , what        )            {
  return new AuthError(`GitHub has no repository ${name} for this token, or lets it not ${what}`, {
    hint: ACCESS_HINT,
  });
}

/**
 * The decisions of the GitHub driver, without I/O: which reference keeps a key, how a value becomes a commit message, and
 * what the answer to a move means once the head was read again.
 * Invariant: "lost" is said only where the move was certainly not applied and can no longer be: the head stands on another
 * child of the expected commit, so ours is a fast-forward no more, even if an earlier request of ours is still under way.
 */

const DEFAULT_REF_PREFIX = 'refs/lockstep';

// GitHub and file systems bound the length of a reference; longer ones go by a hash, and their commit tells the key.
const MAX_REF_LENGTH = 200;
const LONG = '@/';

/** The reference of a key. */
function refOf(prefix        , key        )         {
  const ref = `${prefix}/${formatRefPath(key)}`;
  return ref.length <= MAX_REF_LENGTH ? ref : `${prefix}/${LONG}${hashIdentity([key])}`;
}

/** The key of a reference; `long` where only the commit tells it; null for a reference that is not ours. */
function keyOf(prefix        , ref        )                                           {
  if (!ref.startsWith(`${prefix}/`)) return null;
  const path = ref.slice(prefix.length + 1);
  if (path.startsWith(LONG)) return 'long';
  const key = parseRefPath(path);
  return key === null ? null : { key };
}

/** What the references under a key prefix start with, and those of long keys. What merely starts alike is sorted out later. */
function refsUnder(prefix        , keyPrefix        )                    {
  const border = keyPrefix.replace(/\/+$/, '');
  if (border === '') return [`${prefix}/`];
  const path = formatRefPath(border);
  return [`${prefix}/${path.slice(0, path.lastIndexOf('/'))}/`, `${prefix}/${LONG}`];
}

/**
 * The commit message that carries a value. JSON keeps every character that a message might lose (NUL, line ends, final
 * blanks); the nonce makes each attempt's commit unique, since equal content and dates give equal commits.
 */
function writeMessage(record                                               )         {
  const { key, value, nonce } = record;
  return `lockstep ${key}\n\n${JSON.stringify({ v: 1, key, nonce, value })}\n`;
}

/** The value in a message; CorruptRecordError where the commit is foreign, damaged, of another key, or newer. */
function readMessage(message        , key        )         {
  const fields = parseMessage(message, key);
  const { value } = fields;
  if (fields['key'] !== key || typeof value !== 'string') {
    throw new CorruptRecordError(`the commit that keeps ${key} keeps something else; it was left untouched`);
  }
  return value;
}

/** The key that a message names; null where it is no message of ours. */
function readMessageKey(message        )                {
  try {
    const { key } = parseMessage(message, 'a key');
    return typeof key === 'string' ? key : null;
  } catch {
    // A listing leaves out what is not ours; whoever reads the key itself is told.
    return null;
  }
}

function parseMessage(message        , key        )             {
  const what = `the commit that keeps ${key}`;
  if (!message.startsWith('lockstep ')) {
    throw new CorruptRecordError(`${what} was not written by lockstep; it was left untouched`);
  }
  const fields = parseJsonObject(message.slice(message.indexOf('\n\n') + 2), what);
  if (fields['v'] !== 1) {
    throw new CorruptRecordError(`${what} has the format ${JSON.stringify(fields['v'])}, not 1`, {
      hint: 'a newer lockstep wrote it: update this one',
    });
  }
  return fields;
}

/** What is known after a move was not plainly done, and the head was read again. */
                            
                                   
                                    
                          
                                                                  
                                           
                                                                    
                                 
                                 
 

                         
             
          
                                                                                                 
                 
                                                                                             
           
                                                                   
             

// Texts that say by themselves that this request did nothing. The rest is settled by reading.
const CERTAIN                                   = new Set([
  'already-exists',
  'not-fast-forward',
  'no-such-ref',
]);

/** Judges a move that was refused or got no answer. */
function decideMove({ expect, mine, answer, earlierDoubt, head }           )              {
  if (head === mine) return 'applied';
  const isCertain = CERTAIN.has(answer) && !earlierDoubt;
  if (head === expect) return isCertain ? 'lost-unseen' : 'again';
  // Nobody deletes references: one that is not there never was, and nothing can have been applied to it.
  if (isCertain || (answer === 'no-such-ref' && head === null)) return 'lost';
  return head === null ? 'again' : 'search';
}

/** `unrelated`: the chain does not even hold the expected commit: the head that was read is older, or another key's. */
                                                                                        

/** Walks from the head towards the past: which comes first, our commit or the one we expected? */
function decideSearch(facts   
                                   
                          
                                             
                                        
 )             {
  const { expect, mine, parents } = facts;
  if (parents.includes(mine)) return 'applied';
  const [parent] = parents;
  if (parent === expect) return 'lost';
  // At the root: a key that had to be new was made by somebody else.
  if (parent === undefined) return expect === null ? 'lost' : 'unrelated';
  return { next: parent };
}

/**
 * The commits of the GitHub driver: made, read once, and walked. A commit never changes, so what was read or written is
 * remembered by its sha and not asked for again.
 * NOT guaranteed: that a commit which a reference names can be read at once; replicas lag.
 */

                       
                           
                                        
 

                              
                                                                                                                 
                                                                                          
                                                                     
                                                                     
                                                                        
         
                                                                    
                        
                             
                                                                                                      
           
                                                                        
                        
                                  
 

const REMEMBERED = 64;
// Somebody who overtook us did so moments ago; a longer walk only burns the budget on a stale head.
const SEARCH_DEPTH = 16;
const CREATE_ATTEMPTS = 3;

/** The commits of one repository. `url` names it in errors. */
function createCommitChain(options                                              )              {
  const { data, clock, url } = options;
  const commits = new Map                       ();

  function remember(sha          , commit             )              {
    commits.set(sha, commit);
    const oldest = commits.keys().next();
    if (commits.size > REMEMBERED && !oldest.done) commits.delete(oldest.value);
    return commit;
  }

  async function read(sha          , signal             )                       {
    const known = commits.get(sha);
    if (known !== undefined) return known;
    const commit = await data.readCommit(sha, { signal });
    // The reference was there, so the replica that was asked only does not have the commit yet.
    if (commit === null) throw new UnavailableError(`${url} does not show the commit ${sha} yet`);
    return remember(sha, { message: commit.message, parents: commit.parents });
  }

  return {
    async entryAt(key, head, signal) {
      if (head === null) return null;
      const { message } = await read(head, signal);
      return Object.freeze({ value: readMessage(message, key), revision: head });
    },
    async keyAt(head, signal) {
      return readMessageKey((await read(head, signal)).message);
    },
    async create({ key, expect, value }, signal) {
      const parents = expect === null ? [] : [expect];
      const message = writeMessage({ key, value, nonce: createNonce() });
      for (let attempt = 1; ; attempt += 1) {
        try {
          const creation = await data.createCommit({ message, parents }, { signal });
          if (creation.kind === 'created') remember(creation.sha, { message, parents });
          return creation;
        } catch (error) {
          // Nothing points to a commit whose answer was lost: making another one repeats no compare-and-set.
          if (!hasCode(error, 'indeterminate') || signal.aborted) throw error;
          if (attempt === CREATE_ATTEMPTS) {
            throw new UnavailableError(`${key} was not written: ${error.message}`, { cause: error });
          }
          await sleep(clock, 250 * attempt * (1 + clock.random()), signal);
        }
      }
    },
    async contains({ expect, mine, head }, signal) {
      let at = head;
      for (let depth = 0; depth < SEARCH_DEPTH; depth += 1) {
        const { parents } = await read(at, signal);
        const step = decideSearch({ expect, mine, parents });
        if (step === 'unrelated') return undefined;
        if (step === 'applied' || step === 'lost') return step === 'applied';
        at = step.next;
      }
      return undefined;
    },
  };
}

/**
 * Compare-and-set on a reference: one commit, one move, and what to do when its answer is refused, lost or senseless.
 * NOT guaranteed: an answer. What cannot be settled ends with IndeterminateError, and its owner reads again later.
 * Invariant: the move that is repeated is the very same commit on the very same parent, so twice is once; `ok: false` is
 * returned only where decideMove says that it is certain.
 */

                             
                       
                       
                                   
                         
 

                           
                                                                      
 

const ROUNDS = 4;
const SHA = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** The writing half of the driver. */
function createRefMover(parts   
                
                     
               
                 
 )           {
  const { data, chain, clock, logger } = parts;

  /** The result for a lost write; it stands, whatever reading the winner comes to. */
  async function lost(key        , head                 , signal             )                       {
    try {
      return { ok: false, current: await chain.entryAt(key, head, signal) };
    } catch (error) {
      if (hasCode(error, 'corrupt-record')) throw error;
      logger.debug(`${key} was lost; who won could not be read: ${toError(error).message}`);
      return { ok: false };
    }
  }

  /** One move. What certainly did nothing throws, unless an earlier one is still in doubt. */
  async function moveOnce(
    target                                 ,
    isDoubtful         ,
    call      ,
  )                                                   {
    const { ref, expect, mine: sha } = target;
    const { signal } = call;
    call.sending();
    try {
      if (expect === null) return await data.createRef({ ref, sha }, { signal });
      return await data.moveRef({ ref, sha }, { signal });
    } catch (error) {
      if (hasCode(error, 'indeterminate') && !signal.aborted) return { kind: 'doubtful' };
      throw isDoubtful ? doubt(ref, error) : error;
    }
  }

  /** Whether ours lies below somebody else's head; undefined where that could not be read. */
  async function search(
    target                                                 ,
    signal             ,
  )                               {
    const { key, expect } = target;
    try {
      const isApplied = await chain.contains(target, signal);
      if (isApplied !== undefined || expect === null) return isApplied;
      // A head that does not descend from the expected commit is a stale one, unless that commit never was on this chain.
      return (await chain.keyAt(expect, signal)) === key ? undefined : false;
    } catch (error) {
      logger.debug(`the history of ${target.key} could not be read: ${toError(error).message}`);
      return undefined;
    }
  }

  async function settle(target                                 , call      )                       {
    const { key, ref, expect, mine } = target;
    const { signal } = call;
    // A request of this operation may have been applied without our knowing.
    let isDoubtful = false;
    let backoff          = createBackoff({ baseMs: 500, capMs: 4_000 });
    for (let round = 1; ; round += 1) {
      // 1. Try. A plain success needs no second look.
      const done = await moveOnce(target, isDoubtful, call);
      if (done.kind === 'moved') return { ok: true, revision: mine };
      const answer = done.kind === 'refused' ? done.refusal : 'doubtful';
      const earlierDoubt = isDoubtful;
      if (answer === 'doubtful' || answer === 'unknown') isDoubtful = true;

      // 2. Look what became of it.
      let head                 ;
      try {
        head = await data.readRef(ref, { signal });
      } catch (error) {
        if (isDoubtful) throw doubt(ref, error);
        return { ok: false };
      }
      const verdict = decideMove({ expect, mine, answer, earlierDoubt, head });
      if (verdict === 'applied') return { ok: true, revision: mine };
      if (verdict === 'lost-unseen') return { ok: false };
      if (verdict === 'lost') return lost(key, head, signal);
      if (verdict === 'search' && head !== null) {
        const isApplied = await search({ ...target, head }, signal);
        if (isApplied === true) return { ok: true, revision: mine };
        if (isApplied === false) return lost(key, head, signal);
      }

      // 3. Not to be told yet: the same again, which does nothing where it was applied.
      if (round === ROUNDS) throw doubt(ref, new Error(`no clear answer in ${ROUNDS} attempts`));
      const step = backoff.next(clock.random());
      backoff = step.backoff;
      await sleep(clock, step.delayMs, signal);
    }
  }

  return {
    async compareAndSet(target, call) {
      const { key, ref, expect } = target;
      const { signal } = call;
      // No revision of this store looks like that, so it cannot be the present one.
      if (expect !== null && !SHA.test(expect)) return { ok: false };
      const creation = await chain.create(target, signal);
      if (creation.kind === 'created') return settle({ ...target, mine: creation.sha }, call);
      // Most likely the expected commit does not exist here. If it is the head, something else was wrong.
      const head = await data.readRef(ref, { signal });
      if (expect !== null && head !== expect) return lost(key, head, signal);
      throw new UnavailableError(`GitHub refused to keep a value for ${key} (${creation.text})`);
    },
  };
}

function doubt(ref        , cause         )                     {
  return new IndeterminateError(`whether ${ref} was moved is unknown: ${toError(cause).message}`, { cause });
}

/**
 * The GitHub driver: a chain of commits behind one reference per key, the value in the commit's message on the empty tree.
 * Creating the reference is "must not exist"; moving it fast-forward to a child of the expected commit is compare-and-set.
 * NOT guaranteed: fresh reads (replicas lag), and nothing at all where somebody deletes or forces these references by hand.
 * Invariant: no reference is ever deleted; a holder that comes late would otherwise delete its successor's lock.
 */

                                     
                       
                             
               
                                                                                                                      
                     
                                                    
                  
                                                                                 
                              
                  
 

                                            
                                                                                                                     
                                    
 

const CAPABILITIES                    = Object.freeze({
  linearizableReads: false,
  conditionalDelete: false,
  nativeWatch: false,
  multiKeyTxn: false,
  durable: 'remote',
  minPollMs: 2_000,
});

/** A store in a repository. Whoever creates it closes it; the client stays its owner's. */
function createGitHubStore(options                    )              {
  const { client, repository, clock, logger = nullLogger } = options;
  const { refPrefix = DEFAULT_REF_PREFIX, pollMs = 15_000, operationTimeoutMs = 30_000 } = options;
  const url = `github:${repository.owner}/${repository.repo}`;
  const data = createGitData(client, repository);
  const chain = createCommitChain({ data, clock, url });
  const mover = createRefMover({ data, chain, clock, logger });
  const watches = new Set       ();
  let closed = false;

  const run =    (
    what        ,
    signal                         ,
    operation                            ,
  )             => {
    throwIfAborted(signal);
    if (closed) throw new UnavailableError('the store was closed');
    return runCall({ clock, timeoutMs: operationTimeoutMs, signal, what: `${what} in ${url}` }, operation);
  };

  /** Looks until the watch ends. A failed look is repeated with backoff, and the next good one owes an edge (S10). */
  async function poll(ref        , edges       )                {
    const rested = createBackoff({ baseMs: pollMs, capMs: 8 * pollMs });
    let failing = rested;
    let seen                           ;
    while (!edges.ended.aborted) {
      let waitMs = jitter(pollMs, 0.2, clock.random());
      try {
        const head = await data.readRef(ref, { signal: edges.ended });
        if (seen === undefined) edges.connected();
        else if (head !== seen) edges.emit();
        seen = head;
        failing = rested;
      } catch (error) {
        if (edges.ended.aborted) return;
        logger.debug(`${ref} could not be looked at: ${toError(error).message}`);
        seen = undefined;
        const step = failing.next(clock.random());
        failing = step.backoff;
        waitMs += step.delayMs;
        const atMs = hasCode(error, 'throttled') ? (error                  ).retryAtMs : null;
        if (atMs !== null) waitMs += Math.max(0, atMs - clock.monotonicMs());
      }
      try {
        await sleep(clock, waitMs, edges.ended);
      } catch {
        // Only the end of the watch interrupts the sleep.
        return;
      }
    }
  }

  async function listKeys(prefix        , signal             )                    {
    const keys = new Set        ();
    for (const start of refsUnder(refPrefix, prefix)) {
      for (const { ref, sha } of await data.listRefs(start, { signal })) {
        const found = keyOf(refPrefix, ref);
        const key = found === 'long' ? await chain.keyAt(sha, signal) : found?.key;
        if (key && isUnderPrefix(key, prefix)) keys.add(key);
      }
    }
    return [...keys];
  }

  return {
    url,
    capabilities: CAPABILITIES,
    async get(key, options = {}) {
      const ref = refOf(refPrefix, admitKey(key));
      return run(`get ${key}`, options.signal, async ({ signal }) =>
        chain.entryAt(key, await data.readRef(ref, { signal }), signal),
      );
    },
    async compareAndSet(key, expect, value, options = {}) {
      const ref = refOf(refPrefix, admitKey(key));
      admitValue(key, value);
      return run(`compareAndSet ${key}`, options.signal, (call) =>
        mover.compareAndSet({ key, ref, expect, value }, call),
      );
    },
    async delete(key) {
      throw new UnsupportedError(
        `${url} cannot delete ${admitKey(key)}: GitHub deletes references without a condition`,
      );
    },
    async list(prefix, options = {}) {
      return run(`list ${prefix}`, options.signal, ({ signal }) => listKeys(prefix, signal));
    },
    watch(key, { signal }) {
      const edges = createEdges(signal);
      const ref = refOf(refPrefix, admitKey(key));
      if (closed) edges.end();
      if (edges.ended.aborted) return edges.watch;
      watches.add(edges);
      edges.ended.addEventListener('abort', () => watches.delete(edges), { once: true });
      void poll(ref, edges);
      return edges.watch;
    },
    async close() {
      closed = true;
      for (const edges of [...watches]) edges.end();
    },
    remainingQuota: () => client.rate(),
  };
}

export { createGitHubStore };
