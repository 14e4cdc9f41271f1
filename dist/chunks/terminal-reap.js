import { h as hashIdentity, i as isJsonObject, c as createBackoff, j as jitter, a as createDeadline, o as openStoreParts, b as chooseStore, d as createReleasers } from './wire.js';
import { t as toError, h as hasCode, C as CancelledError, i as invariant, U as UnavailableError, L as LockstepError, a as ConfigError } from './errors.js';
import { isAbsolute, join } from 'node:path';
import { p as plain, f as formatDuration } from './duration.js';
import { N as NO_COUNTS, c as createSkippedReport, a as countApps, b as concludePass, d as createFailedReport, e as createReport } from './report.js';
import { b as sleep, d as abortReason, r as renderTable } from './terminal.js';
import { setMaxListeners } from 'node:events';
import { c as createKey } from './key.js';

/**
 * What the options of `reap` mean together: the relations between them, and the settings the app builds from. `match` and
 * `protect` are handed on as text: `reaper/pattern.ts` and `reaper/protect.ts` parse them, the app adds the option's spelling.
 * Invariant: one mistake gives one problem; an option whose own value was refused takes part in no relation.
 */
                                                       
                                                          
                                               
                                                    

/** Everything `reap` needs beside the common options. The texts of `match` and `protect` are not parsed yet. */
                                                                              
                                            
                         
                                      
                                                       
                                     
                                                                                                               
                               
                                  
                                     
                              
                           
                                                       
                                   
                                   
                                   
                           
                                     
 

                                     
                                       
                                        
                                                                       
                                              
                                                                   
                                    
 

/** Of a matrix, only so many sweep unless the user says otherwise. */
const DEFAULT_ELECTORS = 3;

/** Checks the relations. Pure. `match` and `protect` are in `resolved.values` for whoever parses them, problems or not. */
function checkReapOptions(resolved                         )                     {
  const { values } = resolved;
  const problems = [...resolved.problems, ...relationProblems(resolved)];
  const notes           = [];
  const isElectionPossible = values.jobIndex !== null && values.whenBusy === 'skip';
  if (values.electors !== null && values.jobIndex === null) {
    notes.push(
      `${resolved.spellingOf('electors')} has no effect: which job of the matrix this is was not given (${resolved.spellingOf('jobIndex')})`,
    );
  }
  const { provider, match } = values;
  if (problems.length > 0 || provider === null || match === null) return { settings: null, problems, notes };
  return {
    settings: Object.freeze({
      provider,
      match,
      protect: values.protect,
      herokuTeam: values.herokuTeam,
      root: values.root,
      account: values.account,
      olderThanMs: values.olderThanMs,
      limit: values.limit,
      headroom: values.headroom,
      minAgeMs: values.minAgeMs,
      maxDeletes: values.maxDeletes,
      apply: values.apply,
      onConflict: values.onConflict,
      concurrency: values.concurrency,
      whenBusy: values.whenBusy,
      everyMs: values.everyMs,
      electors: isElectionPossible ? (values.electors ?? DEFAULT_ELECTORS) : null,
      jobIndex: values.jobIndex,
      jobTotal: values.jobTotal,
      reserve: values.reserve,
      detailedExitcode: values.detailedExitcode,
    }),
    problems,
    notes,
  };
}

/** True where this job is among those of its matrix that sweep. */
function isElected({ electors, jobIndex }                                            )          {
  return electors === null || jobIndex === null || jobIndex < electors;
}

function relationProblems(resolved                         )                  {
  const { values } = resolved;
  const problems                  = [];
  const spell = (name                    ) => resolved.spellingOf(name);
  const isGiven = (name                    ) => resolved.sourceOf(name) !== null;
  const add = (name                    , message        ) => problems.push({ option: spell(name), message });

  if (!isGiven('olderThan') && !isGiven('limit')) {
    add('olderThan', `is required, or ${spell('limit')}: nothing says which apps are stale`);
  }
  if (isGiven('headroom')) {
    if (!isGiven('limit')) add('headroom', `needs ${spell('limit')}`);
    else if (values.limit !== null && values.headroom >= values.limit) {
      add('headroom', `must be less than ${spell('limit')} (${values.limit})`);
    }
  }
  if (isGiven('electors') && values.whenBusy === 'wait') {
    add('electors', `cannot be used with ${spell('whenBusy')} wait: whoever waits needs the result`);
  }
  if (values.jobIndex !== null && values.jobTotal !== null && values.jobIndex >= values.jobTotal) {
    add('jobIndex', `must be less than ${spell('jobTotal')} (${values.jobTotal}); the first job is 0`);
  }
  if (values.provider === 'directory') {
    if (!isGiven('root')) add('root', `is required with ${spell('provider')} directory`);
    if (isGiven('herokuTeam')) add('herokuTeam', `is only for ${spell('provider')} heroku`);
  }
  if (values.provider === 'heroku' && isGiven('root')) {
    add('root', `is only for ${spell('provider')} directory`);
  }
  return problems;
}

/**
 * The registry of providers: which there are, what each needs from options and environment, and how it is loaded (on demand,
 * so that a command pays only for the one it uses). `parseProviderSettings` is pure and reports every problem at once.
 * Invariant: no problem text and no error carries the value of a credential.
 */
                                              
                                              

const PROVIDER_NAMES = ['heroku', 'directory']         ;
                                                           

/** Options as the user gave them; absent and empty mean the same. */
                                 
                                         
                                           
                                        
                                                            
                                     
 

/** Checked settings of one provider. */
                              
     
                                  
                              
                              
                                   
                                      
     
     
                                     
                            
                                   
                           
                                      
      

                                  
                                                                                  
                          
                                                                            
                           
                                            
                                                                          
                                        
 

                            
                                                              
                                                                          

/** What the world around gives: read once by the host. */
                                
                                                             
                                    
                       
 

const HEROKU_API_URL = 'https://api.heroku.com';

/** Reads the settings of the provider that `values.provider` names. */
function parseProviderSettings(values                , world               )                 {
  const known = PROVIDER_NAMES.join(', ');
  const name = values.provider ?? '';
  if (name === '') return refused([wrong('provider', `is required; known providers: ${known}`)]);
  if (name === 'heroku') return parseHeroku(values, world);
  if (name === 'directory') return parseDirectory(values, world);
  return refused([wrong('provider', `there is no provider of this name; known providers: ${known}`)]);
}

/** Opens the provider. The caller closes it. Rejects with ConfigError where a folder or URL turns out unfit. */
async function openProvider$1(
  settings                  ,
  options                                                                                ,
)                    {
  const { clock, timeoutMs = 30_000, client } = options;
  if (settings.provider === 'directory') {
    const { createDirectoryProvider } = await import('./directory.js');
    return await createDirectoryProvider({ ...settings, clock });
  }
  const { createHerokuProvider } = await import('./heroku.js');
  return createHerokuProvider({ ...settings, clock, timeoutMs, ...(client === undefined ? {} : { client }) });
}

function parseHeroku(values                , { env }               )                 {
  const problems                    = [];
  if (values.root) problems.push(wrong('root', 'belongs to the directory provider, not to heroku'));
  const apiKey = (env['HEROKU_API_KEY'] ?? '').trim();
  if (apiKey === '')
    problems.push({
      ...wrongVariable(
        'HEROKU_API_KEY',
        'is not set; make a key with `heroku authorizations:create` and pass it on',
      ),
      isMissingCredential: true,
    });
  else if (!/^[\x21-\x7e]+$/.test(apiKey))
    problems.push(
      wrongVariable('HEROKU_API_KEY', 'has characters that no key has; was more than the key copied?'),
    );
  const apiUrl = env['HEROKU_API_URL']?.trim() || HEROKU_API_URL;
  const problem = describeUnfitUrl(apiUrl);
  if (problem !== null) problems.push(wrongVariable('HEROKU_API_URL', problem));
  if (problems.length > 0) return refused(problems);
  return {
    ok: true,
    settings: {
      provider: 'heroku',
      apiUrl,
      apiKey,
      team: values.herokuTeam || null,
      account: values.account || null,
    },
  };
}

function parseDirectory(values                , { env, cwd }               )                 {
  const problems                    = [];
  if (values.herokuTeam)
    problems.push(wrong('herokuTeam', 'belongs to the heroku provider, not to directory'));
  if (!values.root)
    problems.push(
      wrong('root', 'is required by the directory provider; name the folder whose sub-folders are the apps'),
    );
  if (problems.length > 0 || !values.root) return refused(problems);
  return {
    ok: true,
    settings: {
      provider: 'directory',
      root: isAbsolute(values.root) ? values.root : join(cwd, values.root),
      home: env['HOME'] || env['USERPROFILE'] || null,
      cwd,
      account: values.account || null,
    },
  };
}

/** Why a URL cannot be the API's; null where it can. The URL itself is not repeated: it may carry a password. */
function describeUnfitUrl(text        )                {
  if (!URL.canParse(text)) return `is not a URL; write ${HEROKU_API_URL} or leave it out`;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not carry a user name or password';
  if (url.search !== '' || url.hash !== '') return 'must not have a query or a fragment';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'must start with https://';
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  return isLoopback ? null : 'must start with https://: over http the key would be readable on the way';
}

function refused(problems                            )                 {
  return { ok: false, problems };
}

function wrong(option        , message        )                  {
  return { option, message, source: 'option', isMissingCredential: false };
}

function wrongVariable(option        , message        )                  {
  return { option, message, source: 'environment', isMissingCredential: false };
}

/**
 * Which account a provider's settings stand for: the name of the lease, so that all who share an account share it. Known
 * before the provider is loaded wherever it can be told from the settings alone, so that a skipped sweep loads nothing.
 * Invariant: an account's id is a hash; it never reveals a credential.
 */
                                              

                                  
                        
                             
                                                                  
                            
 

/** The lease-relevant identity of Heroku settings: API origin, team or own apps, and credential, or the user's own name. */
function herokuAccountId(settings   
                          
                          
                               
                                  
 )         {
  if (settings.account !== null) return hashIdentity(['heroku', 'account', settings.account]);
  const { origin, pathname } = new URL(settings.apiUrl);
  const scope = settings.team === null ? 'own' : `team:${settings.team}`;
  return hashIdentity(['heroku', origin + pathname, scope, settings.apiKey]);
}

/** ConfigError where a folder turns out unfit. A folder is looked at here and now; other providers are not loaded yet. */
async function locateAccount(
  settings                  ,
  options                                   ,
)                           {
  if (settings.provider === 'heroku') {
    const accountId = herokuAccountId(settings);
    return { name: 'heroku', accountId, open: () => openProvider$1(settings, options) };
  }
  const provider = await openProvider$1(settings, options);
  return { name: provider.name, accountId: provider.accountId, open: async () => provider };
}

/**
 * Finds repetitions of repetitions in a regular expression, such as `(a+)+` or `(x+x+)*`: one text, very many ways to
 * match it. The engine in use is linear and would not mind; the pattern is a mistake all the same, and deadly to whoever
 * copies it into another engine. A repeated group with a literal between (`(-[a-z]+)*`) is no such mistake.
 * NOT guaranteed: completeness; `(a|a)*` passes. The pattern has been compiled before, so its syntax is known to be right.
 */

/** One quantified thing of a branch. */
                
                                                                              
                   
                                                              
                     
 

                 
                     
 

                      
                 
              
                       
 

/** True where an unbounded repetition repeats a branch that is itself nothing but loose. */
function hasNestedRepetition(pattern        )          {
  const stack          = [{ branches: [[]] }];
  const top = () => stack[stack.length - 1]         ;
  const branch = () => top().branches[top().branches.length - 1]          ;

  for (let at = 0; at < pattern.length; ) {
    const char = pattern[at]          ;
    if (char === '(') {
      at += groupHeadLength(pattern, at);
      if (pattern[at - 1] !== ')') stack.push({ branches: [[]] });
      continue;
    }
    if (char === '|') {
      top().branches.push([]);
      at += 1;
      continue;
    }
    let item      ;
    let isNested = false;
    if (char === ')' && stack.length > 1) {
      const group = stack.pop()         ;
      isNested = group.branches.some(isLooseBranch);
      item = {
        isLoose: isNested,
        separates: group.branches.every((items) => items.some((one) => one.separates)),
      };
      at += 1;
    } else {
      item = { isLoose: false, separates: !/[.^$]/.test(char) };
      at += atomLength(pattern, at);
    }
    const quantifier = readQuantifier(pattern, at);
    if (quantifier) {
      at += quantifier.length;
      if (quantifier.isUnbounded && isNested) return true;
      item = {
        isLoose: item.isLoose || quantifier.isUnbounded,
        separates: item.separates && quantifier.min > 0 && !quantifier.isUnbounded,
      };
    }
    branch().push(item);
  }
  return false;
}

function isLooseBranch(items                 )          {
  return items.some((item) => item.isLoose) && !items.some((item) => item.separates);
}

/** `(`, `(?:`, `(?i:`, `(?P<name>`, `(?<name>`, or a whole flag setting `(?i)`. */
function groupHeadLength(pattern        , at        )         {
  const head = /^\((?:\?(?:P?<[^>]*>|[a-zA-Z-]*[:)]))?/.exec(pattern.slice(at));
  return head?.[0].length ?? 1;
}

/** An escape, a quotation, a class, or one character. */
function atomLength(pattern        , at        )         {
  const rest = pattern.slice(at);
  const found =
    /^\\Q[\s\S]*?(?:\\E|$)/.exec(rest) ??
    /^\\(?:[pP]\{[^}]*\}|x\{[^}]*\}|[\s\S])/.exec(rest) ??
    /^\[\^?\]?(?:\[:[^\]]*:\]|\\[\s\S]|[^\]\\])*\]/.exec(rest);
  return found?.[0].length ?? 1;
}

function readQuantifier(pattern        , at        )                    {
  const found = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(pattern.slice(at));
  if (!found) return null;
  const [{ length }, sign, min, comma, max] = found;
  if (sign !== undefined) return { length, min: sign === '+' ? 1 : 0, isUnbounded: sign !== '?' };
  return { length, min: Number(min), isUnbounded: comma !== undefined && max === '' };
}

/**
 * The required name pattern: a regular expression that must match a whole name, run by a linear-time engine, so that no
 * name and no pattern can stall a sweep. Patterns that would match what nobody may delete are refused before any request
 * (hatchet's unanchored pattern also took `hatchet-t-archive-production`).
 * NOT guaranteed: that a pattern is the one the user meant; the canaries catch only the broadest.
 * The engine is loaded when a pattern is parsed and not before.
 */
                                                  

/** Names longer than this are never matched; the reaper keeps them. */
const MAX_NAME_LENGTH = 256;
const MAX_PATTERN_LENGTH = 512;
/** Instructions of the compiled program: what one character of a name costs at most. */
const MAX_PROGRAM_SIZE = 1000;

/** Names that no pattern may match: things people keep, and the empty name. */
const CANARY_NAMES                    = Object.freeze([
  '',
  'production',
  'prod',
  'staging',
  'main',
  'master',
  'live',
  'www',
  'web',
  'app',
  'api',
  'db',
  'database',
  'default',
]);
/** Names that a pattern for stale apps matches only if it matches nearly everything. */
const ANY_NAMES                    = Object.freeze([
  'x',
  '0',
  'a-name-that-nobody-would-ever-choose-for-a-stale-app',
  'Customer Portal (EU)',
]);

const EXAMPLE = 'write a pattern for whole names, such as ci-[a-f0-9]+';

/** Compiles a pattern. A problem is worded to follow the option's name. */
async function parsePattern(text        )                               {
  const refuse = (problem        )                      => ({ ok: false, problem });
  if (text.trim() === '') return refuse(`is empty; ${EXAMPLE}`);
  if (text.length > MAX_PATTERN_LENGTH)
    return refuse(`is longer than ${MAX_PATTERN_LENGTH} characters; ${EXAMPLE}`);
  const shown = plain(text, 80);

  const { RE2JS } = await import('./re2js.js');
  let compiled                                  ;
  try {
    // Alone first: wrapped at once, `a)|(b` would compile and escape the anchors.
    RE2JS.compile(text);
    compiled = RE2JS.compile(`^(?:${text})$`);
  } catch (thrown) {
    return refuse(`"${shown}" cannot be used: ${explain(text, toError(thrown))}`);
  }
  if (hasNestedRepetition(text))
    return refuse(
      `"${shown}" repeats a repetition (such as (a+)+), which can match one name in very many ways; repeat once`,
    );
  if (compiled.programSize() > MAX_PROGRAM_SIZE)
    return refuse(`"${shown}" is too large once compiled; use smaller repeat counts`);

  const matches = (name        ) => name.length <= MAX_NAME_LENGTH && compiled.matches(name);
  const canary = CANARY_NAMES.find(matches);
  if (canary === '') return refuse(`"${shown}" matches the empty name; require at least a prefix`);
  if (canary !== undefined)
    return refuse(
      `"${shown}" matches the name "${canary}", which no sweep may delete; require a prefix that only stale apps have`,
    );
  if (ANY_NAMES.some(matches))
    return refuse(`"${shown}" matches nearly any name; require a prefix that only stale apps have`);
  return { ok: true, value: Object.freeze({ source: text, matches }) };
}

function explain(text        , error       )         {
  if (/\(\?<?[=!]/.test(text))
    return 'look-ahead and look-behind are not supported; name what to keep with a protect rule';
  if (/\\[1-9]|\\k</.test(text)) return 'back-references are not supported';
  // The engine words it `error parsing regexp: what: `where``; the last part would quote our own anchors.
  return plain(error.message.replace(/^error parsing regexp: /, '').replace(/: `.*`$/s, ''), 120);
}

/**
 * Protect rules: a whole name with `*` (any run of characters) and `?` (any one), or `id:ID` for one exact id.
 * Everything else is refused, so that nobody believes a regular expression or a list protects something.
 * Matching is case-sensitive and bounded by name length times rule length, without backtracking over more than one star.
 */
                                                  
                                                 

const MAX_RULE_LENGTH = 256;
const FIELD = /^([a-z][a-z_-]*):/i;
const REGEX_SIGNS = /[[\]{}()^$|+\\]|\.\*/;

/** One protect rule from its text. A problem is worded to follow the option's name. */
function parseProtect(text        )                      {
  const problem = findProblem(text);
  if (problem !== null) return { ok: false, problem };
  if (text.startsWith('id:')) {
    const id = text.slice('id:'.length);
    return { ok: true, value: { source: text, protects: (app) => app.id === id } };
  }
  const glob = Array.from(text);
  return { ok: true, value: { source: text, protects: (app) => matchesGlob(glob, Array.from(app.name)) } };
}

function findProblem(text        )                {
  if (text.trim() === '') return 'is empty; write a whole name with * and ?, or id:ID';
  const shown = `"${plain(text, 80)}"`;
  if (text.length > MAX_RULE_LENGTH)
    return `${shown} is longer than ${MAX_RULE_LENGTH} characters; no name is that long`;
  if (/^\s|\s$/.test(text)) return `${shown} starts or ends with a space; remove it`;
  if (/[\u0000-\u001f\u007f]/.test(text)) return `${shown} contains a control character`;
  if (text.includes(',')) return `${shown} contains a comma; write one rule each`;
  const field = FIELD.exec(text)?.[1];
  if (field === 'id') {
    return /^id:[^\s*?]+$/.test(text)
      ? null
      : `${shown} is not an id; write id: and the exact id, without * and ?`;
  }
  if (field !== undefined) return `${shown} names the unknown field ${plain(field, 40)}; only id:ID is known`;
  if (text.startsWith('!')) return `${shown} starts with !; a rule can only protect`;
  if (REGEX_SIGNS.test(text))
    return `${shown} looks like a regular expression; write a whole name with * and ?, or id:ID`;
  return null;
}

/** Greedy matching that remembers only the last star. */
function matchesGlob(glob                   , name                   )          {
  let at = 0;
  let starAt = -1;
  let resumeAt = 0;
  for (let nameAt = 0; nameAt < name.length; ) {
    if (glob[at] === '*') {
      starAt = at;
      resumeAt = nameAt;
      at += 1;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === name[nameAt])) {
      at += 1;
      nameAt += 1;
    } else if (starAt >= 0) {
      at = starAt + 1;
      resumeAt += 1;
      nameAt = resumeAt;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}

/**
 * What a sweep leaves in the lease's note for those who come after: `{sweeps: {identity: {outcome, counts, at}}}`, the
 * newest 32. NOT guaranteed: truth. The stamp is another machine's wall clock, and whoever writes the store can forge it;
 * it may therefore only suppress work. What cannot be read counts as no sweep at all.
 */

const MAX_SWEEPS = 32;
const OUTCOMES                         = ['reaped', 'clean', 'planned', 'skipped', 'incomplete', 'failed'];
/** Sweeps that left nothing to do; the others never suppress one. */
const DONE                         = ['reaped', 'clean'];

/** The past sweep of an identity, or null where there is none that can be read. */
function readSweep(note            , identity        )                   {
  const sweeps = note['sweeps'];
  return isJsonObject(sweeps) && Object.hasOwn(sweeps, identity) ? parseSweep(sweeps[identity]) : null;
}

/** The note with this sweep in it. Pure; other fields and the newest sweeps of other identities are carried through. */
function writeSweep(note            , identity        , sweep           )             {
  const sweeps = isJsonObject(note['sweeps']) ? note['sweeps'] : {};
  const others = Object.entries(sweeps)
    .filter(([name]) => name !== identity)
    .flatMap(([name, value])                        => {
      const parsed = parseSweep(value);
      return parsed ? [[name, parsed]] : [];
    })
    .sort(([, a], [, b]) => Date.parse(b.at) - Date.parse(a.at))
    .slice(0, MAX_SWEEPS - 1);
  // The newest sweep must not be pushed out by stamps from the future, so it always comes first.
  return { ...note, sweeps: Object.fromEntries([[identity, sweep], ...others]) };
}

/** What is asked of a note. */
                                
                   
                   
                                           
                  
                                   
                    
     
                                                                                                                        
                                    
     
                         
 

/** The past sweep that makes this one unnecessary, or null. */
function decideFresh({ note, identity, everyMs, nowWallMs, seenAt }               )                   {
  const sweep = readSweep(note, identity);
  if (!sweep || everyMs <= 0 || !DONE.includes(sweep.outcome)) return null;
  if (seenAt !== undefined && sweep.at !== seenAt) return sweep;
  const sinceMs = nowWallMs - Date.parse(sweep.at);
  return sinceMs >= 0 && sinceMs < everyMs ? sweep : null;
}

function parseSweep(value         )                   {
  if (!isJsonObject(value) || !isJsonObject(value['counts'])) return null;
  const outcome = OUTCOMES.find((one) => one === value['outcome']);
  const at = value['at'];
  if (outcome === undefined || typeof at !== 'string' || Number.isNaN(Date.parse(at))) return null;
  const read = value['counts'];
  const counts = Object.fromEntries(
    Object.keys(NO_COUNTS).map((name) => {
      const count = read[name];
      return [name, typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : 0];
    }),
  )                         ;
  return { outcome, counts, at };
}

/**
 * One run of `reap` on its way: what it was asked to do, what is known of it so far, and what it tells about itself.
 * Invariant: what came from outside (a holder's text) is printable in notes and in the report.
 */
                                              

/** Everything `reap` needs. */
                              
                         
          
                                                                   
                                        
                
                    
                       
                                                
                   
                              
    
                                                                                                                  
                   
                                                                                          
                  
                                                                                           
                                                              
               
                 
                                                                       
                     
                                                                    
                          
                                                               
                                                     
 

/** What is known of a run so far. */
                      
                                
                           
                   
                        
                       
 

/** The past sweep that makes this run unnecessary, by what the lease's record says. */
function findFresh({ options }     , view           , seenAt                )                   {
  return decideFresh({
    note: noteOf(view),
    identity: options.identity,
    everyMs: options.everyMs,
    nowWallMs: options.clock.wallMs(),
    ...(seenAt === undefined ? {} : { seenAt }),
  });
}

/** The report of a run that such a sweep made unnecessary; says what that sweep came to. */
function skipFresh(run     , sweep                  )             {
  const { options } = run;
  if (sweep) {
    const agoMs = Math.max(0, options.clock.wallMs() - Date.parse(sweep.at));
    const result =
      sweep.outcome === 'clean' ? 'nothing was stale' : `${sweep.counts.deleted} apps were deleted`;
    note(options, 'info', `swept ${formatDuration(agoMs)} ago: ${result}; nothing to do here`);
  }
  return createSkippedReport('fresh', surroundings(run));
}

/** The note of a lease's record; empty where nobody ever held it. */
function noteOf(view           )             {
  return view.record?.note ?? {};
}

/** What surrounds the pass, as far as it is known by now. */
function surroundings(run     ) {
  const { options, startMs } = run;
  return {
    fencingToken: run.token,
    holder: run.holder,
    waitedMs: run.waitedMs,
    durationMs: Math.round(options.clock.monotonicMs() - startMs),
    requests: { store: options.storeRequests() },
  };
}

/** One printable sentence for whoever follows. */
function note(options             , level                 , message        )       {
  emit(options, { kind: 'note', level, message });
}

/** Tells an event; without anybody following, notes go to the log. */
function emit({ logger, onEvent }             , event           )       {
  if (onEvent) onEvent(event);
  else if (event.kind === 'note') logger[event.level](event.message);
}

/**
 * The listing loop: page after page, each with bounded retries, until the end or until the provider stops making sense.
 * NOT guaranteed: a snapshot. Apps come and go between pages; what was read is distinct by id, and `isComplete` says whether
 * absence means anything. Invariant: a bounded number of requests, whatever the provider answers.
 */
                                                                                            
                                        
                                      

/** How often one page is asked for, the first time included. */
const PAGE_ATTEMPTS = 4;
/** Answers that only say "later" come on top; the pace waits as long as they ask. */
const PAGE_THROTTLES = 5;
const MAX_PAGES = 1000;
/** So many pages in a row without an app that is new: the provider goes in circles. */
const MAX_IDLE_PAGES = 10;

/** An app and when it was read, on the monotonic clock. */
                           
                    
                            
 

                         
                                                    
                               
                                                                                           
                                  
                                                            
                                                   
                         
                                                                                               
                               
 

                                
               
               
             
                                                
 

/** Lists everything. Never throws for what a provider answers. */
async function takeCensus({ calls, clock, halt, onPage }               )                  {
  const sightings = new Map                  ();
  const cursors = new Set        ();
  let pages = 0;
  let idlePages = 0;
  let offsetMs                = null;

  const finish = (problem               , failure                    = null)         => ({
    sightings,
    isComplete: problem === null && failure === null && !halt.isHalted,
    problem,
    failure,
    pages,
    serverNowMs: () => (offsetMs === null ? null : clock.monotonicMs() + offsetMs),
  });

  for (let cursor                = null; ; ) {
    const answer = await readPage(cursor, { calls, clock, halt });
    if (answer === null) return finish(null);
    if (answer.kind !== 'page') return finish(`page ${pages + 1}: ${describeFailure(answer)}`, answer.kind);
    pages += 1;
    const nowMs = clock.monotonicMs();
    // The earliest of several server clocks makes apps younger, never older.
    const stampMs = answer.meta.serverNowMs;
    if (stampMs !== undefined) offsetMs = Math.min(offsetMs ?? Number.POSITIVE_INFINITY, stampMs - nowMs);
    const known = sightings.size;
    for (const app of answer.apps) sightings.set(app.id, { app, readAtMs: nowMs });
    onPage?.(pages, answer.apps.length);

    idlePages = sightings.size > known ? 0 : idlePages + 1;
    if (answer.broken !== undefined) return finish(plain(answer.broken));
    if (answer.next === null) {
      const isShort = answer.total !== undefined && sightings.size < answer.total;
      return finish(isShort ? `${sightings.size} of ${answer.total} apps were listed` : null);
    }
    if (cursors.has(answer.next)) return finish('the pages repeat');
    if (idlePages >= MAX_IDLE_PAGES) return finish(`${idlePages} pages in a row brought nothing new`);
    if (pages >= MAX_PAGES) return finish(`there are more than ${MAX_PAGES} pages`);
    cursors.add(answer.next);
    cursor = answer.next;
  }
}

                                                             

async function readPage(cursor               , tools       )                             {
  return await repeatRead(() => tools.calls.list(cursor), tools);
}

/** Repeats a read while its answer is doubtful or asks to wait: a bounded number of times, with full jitter. Null: halted. */
async function repeatRead                                                                (
  read                         ,
  { clock, halt, attempts = PAGE_ATTEMPTS }                                                       ,
)                    {
  let backoff = createBackoff({ baseMs: 1000, capMs: 15_000 });
  let throttles = 0;
  for (let attempt = 1; ; ) {
    const answer = await read();
    if (answer === null || halt.isHalted) return answer;
    if (answer.kind === 'throttled') {
      throttles += 1;
      if (throttles > PAGE_THROTTLES) return answer;
      continue;
    }
    if (answer.kind !== 'ambiguous' || attempt >= attempts) return answer;
    attempt += 1;
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    if (!(await pause(step.delayMs, { clock, halt }))) return answer;
  }
}

/** Sleeps as part of pacing; false when halted meanwhile. */
async function pause(
  delayMs        ,
  { clock, halt }                               ,
)                   {
  try {
    await sleep(clock, delayMs, halt.signal);
    return true;
  } catch (thrown) {
    if (halt.isHalted) return false;
    throw thrown;
  }
}

/** A failure as one printable line: what it was, its status, and the request's id for the provider's support. */
function describeFailure(failure                 )         {
  const status = failure.meta.status === null ? 'no answer' : `status ${failure.meta.status}`;
  const request =
    failure.meta.requestId === undefined ? '' : `, request ${plain(failure.meta.requestId, 64)}`;
  return `${failure.kind} (${status}${request}): ${plain(failure.detail)}`;
}

/**
 * What an answer means for one app. Pure: from the answer and what happened to the app before, to the next step.
 * NOT guaranteed: that `gone` was somebody else's doing where an attempt of ours stayed doubtful; then it counts as deleted.
 * Invariant: at most three deletions an app, so that the end of a sweep does not depend on the server.
 */
                                                                             
                                                

const MAX_ATTEMPTS = 3;
/** Refusals for the rate come on top of the attempts: such a request was not applied. */
const MAX_THROTTLES = 5;

/** What happened to an app so far in this sweep. */
                          
                                                     
                            
                             
                                                                      
                               
                                                          
                            
 

                      
                                                                       
     
                            
                                   
                              
                                   
     
                                                            
                                                                                                 
                                          
                                                         
                                            
                                                       
                                                  
                              

/** What is left once no read is due. */
                                                              

const done = (outcome            , reason        , isConflict = false)              => ({
  step: 'done',
  outcome,
  reason,
  isConflict,
});

/** After a deletion was answered. `history` includes this attempt. */
function decideAfterDestroy(answer               , history         )           {
  switch (answer.kind) {
    case 'deleted':
      return done('deleted', 'deleted');
    case 'accepted':
      return { step: 'poll' };
    case 'gone':
      return goneStep(history);
    case 'changed':
      return done('changed', `changed meanwhile: ${plain(answer.detail)}`);
    case 'busy':
      return history.wasBusy || history.attempts >= MAX_ATTEMPTS
        ? done('busy', `in use: ${plain(answer.detail)}`)
        : { step: 'later', detail: plain(answer.detail) };
    case 'forbidden':
      return { step: 'read', cause: 'forbidden', detail: plain(answer.detail) };
    case 'unauthorized':
      return done('failed', `unauthorized: ${plain(answer.detail)}`);
    case 'throttled':
      return history.throttles > MAX_THROTTLES
        ? done('deferred', 'refused for the rate too often')
        : { step: 'again', isPaced: true };
    case 'ambiguous':
      return { step: 'read', cause: 'ambiguous', detail: plain(answer.detail) };
    case 'invalid':
      return done('failed', `refused as invalid: ${plain(answer.detail)}`);
  }
}

/** After the read that `step: 'read'` asked for. `app` is as it was before the deletion was sent. */
function decideAfterRead(
  answer           ,
  asked                                                                                           ,
  history         ,
)              {
  if (answer.kind === 'gone') return goneStep(history);
  if (asked.cause === 'forbidden') {
    // Present, or as forbidden to read as to delete: quarantined, it is not tried again in this sweep (hatchet tried for ever).
    return done('forbidden', `forbidden: ${asked.detail}`);
  }
  if (answer.kind === 'found') {
    if (answer.app.state === 'deleting') return { step: 'poll' };
    const change = describeChange(asked.app, answer.app);
    if (change !== null) return done('changed', change);
  }
  if (answer.kind === 'unauthorized') return done('failed', `unauthorized: ${plain(answer.detail)}`);
  if (history.attempts < MAX_ATTEMPTS) return { step: 'again', isPaced: false };
  const last = answer.kind === 'found' ? 'still there' : 'its state is unknown';
  return done('failed', `${last} after ${history.attempts} attempts: ${asked.detail}`);
}

/** What differs between two readings that forbids the deletion, or null where nothing does. */
function describeChange(before     , now     )                {
  if (now.id !== before.id) return 'another app has its id';
  if (now.name !== before.name) return 'it was renamed';
  if (now.createdAtMs !== before.createdAtMs) return 'it was created again';
  if (now.version !== before.version) return 'it was used or deployed again';
  if (now.isProtected) return 'it is protected now';
  if (!now.inScope) return 'it belongs to somebody else now';
  if (now.state === 'deleting') return 'it is already being deleted';
  if (now.state === 'transitional') return 'it is between two states';
  return null;
}

function goneStep(history         )              {
  return history.isDoubtful
    ? done('deleted', 'deleted, confirmed by a later read')
    : done('gone', 'somebody else deleted it', true);
}

/**
 * The loop that acts: per app wait for a slot, check the lease, delete by id, settle. Several workers, children before
 * parents, the oldest first. What could not be done now (in use, still going on) is looked at again after the others.
 * NOT guaranteed: that everything goes; but every job ends with exactly one outcome, after a bounded number of requests.
 * Invariant: only apps that were listed under this lease and judged eligible come here, and none is sent anything after a halt.
 */

/** How often one settling read is repeated while its answer is doubtful. */
const READ_ATTEMPTS = 2;
/** Looks at what is left: with pauses growing to 30 s this outlasts any command's budget. */
const MAX_ROUNDS = 60;

                               
             
               
                   
               
             
                      
 

/** Works through all jobs; afterwards each has its outcome. Throws only what is a bug. */
async function applyJobs(options              )                {
  const { jobs, clock, halt } = options;
  // 1. Everything once, layer by layer: parents become ready when their children are gone.
  for (;;) {
    const ready = jobs
      .unsettled()
      .filter((job) => job.next === 'destroy' && !job.wasBusy && jobs.isReady(job));
    if (ready.length === 0 || halt.isHalted) break;
    await runPool(ready, options);
  }
  // 2. What was in use has one more chance; what was accepted is read until it is gone.
  let pauseMs = 1000;
  for (let round = 0; round < MAX_ROUNDS && !halt.isHalted; round += 1) {
    const left = jobs.unsettled().filter((job) => job.next === 'poll' || jobs.isReady(job));
    if (left.length === 0 || !(await pause(jitter(pauseMs, 0.2, clock.random()), options))) break;
    pauseMs = Math.min(30_000, pauseMs * 1.6);
    await runPool(left, options);
  }
  // 3. Whatever is left has an outcome, too.
  for (const job of jobs.unsettled()) settleLeft(jobs, job);
  const bug = halt.reasons.get('broken');
  if (bug) throw bug;
}

/** Hands the jobs to so many workers, in order. A worker's bug halts the others and is thrown at the end. */
async function runPool(ready                , options              )                {
  const queue = [...ready];
  const worker = async () => {
    for (let job = queue.shift(); job && !options.halt.isHalted; job = queue.shift()) {
      try {
        await (job.next === 'poll' ? pollJob(job, options) : workJob(job, options));
      } catch (thrown) {
        options.halt.stop('broken', toError(thrown));
      } finally {
        job.isInFlight = false;
      }
    }
  };
  const workers = Math.max(1, Math.min(options.concurrency, queue.length));
  await Promise.all(Array.from({ length: workers }, worker));
}

async function workJob(job     , options              )                {
  const { jobs, calls, refresh, clock, halt } = options;
  let backoff = createBackoff({ baseMs: 500, capMs: 10_000 });
  while (job.outcome === null && job.next === 'destroy') {
    if (!(await calls.takeSlot())) return;
    await refresh.idle();
    if (job.outcome !== null || job.next !== 'destroy' || halt.isHalted) return;
    if (refresh.isDue(job)) {
      const isSlotSpent = await refresh.verify(job);
      if (isSlotSpent || job.outcome !== null || refresh.isDue(job)) continue;
    }
    job.isInFlight = true;
    const sentInEpoch = refresh.epoch;
    const step = await destroyOnce(job, options);
    job.isInFlight = false;
    if (step === null) return;
    switch (step.step) {
      case 'done':
        jobs.settle(job, step.outcome, step.reason);
        if (step.outcome === 'deleted') refresh.onSuccess();
        if (step.isConflict) await refresh.onConflict(sentInEpoch);
        return;
      case 'later':
        job.wasBusy = true;
        job.reason = step.detail;
        return;
      case 'poll':
        job.next = 'poll';
        return;
      case 'again': {
        if (step.isPaced) break;
        const next = backoff.next(clock.random());
        backoff = next.backoff;
        if (!(await pause(next.delayMs, options))) return;
      }
    }
  }
}

/** One deletion and, where its answer asks for it, the one read that settles it. Null: halted; the job may be settled. */
async function destroyOnce(
  job     ,
  { jobs, calls, clock, halt }              ,
)                              {
  const answer = await calls.destroy(job.app);
  if (answer === 'unsent') return null;
  if (answer === null) {
    jobs.settle(job, 'failed', 'stopped while it was being deleted; it may be gone');
    return null;
  }
  if (answer.kind === 'throttled') job.throttles += 1;
  else job.attempts += 1;
  if (answer.kind === 'ambiguous') job.isDoubtful = true;

  const step = decideAfterDestroy(answer, job);
  if (step.step !== 'read') return step;
  const read = await repeatRead(async () => ((await calls.takeSlot()) ? await calls.get(job.app.id) : null), {
    clock,
    halt,
    attempts: READ_ATTEMPTS,
  });
  if (read === null) {
    const isKnown = step.cause === 'forbidden';
    jobs.settle(job, isKnown ? 'forbidden' : 'failed', `stopped before its state was read: ${step.detail}`);
    return null;
  }
  const after = decideAfterRead(read, { ...step, app: job.app }, job);
  if (read.kind === 'found' && after.step === 'again') {
    job.app = read.app;
    job.readAtMs = clock.monotonicMs();
  }
  return after;
}

/** One read of an app whose deletion was accepted. */
async function pollJob(job     , { jobs, calls, refresh, clock }              )                {
  if (!(await calls.takeSlot())) return;
  await refresh.idle();
  if (job.outcome !== null) return;
  const answer = await calls.get(job.app.id);
  if (answer?.kind === 'gone') {
    jobs.settle(job, 'deleted', 'deleted, confirmed by a later read');
    refresh.onSuccess();
  } else if (
    answer?.kind === 'found' &&
    answer.app.state === 'delete-failed' &&
    job.attempts < MAX_ATTEMPTS
  ) {
    // The provider gave up; another deletion is allowed, of the app as it is now.
    const change = describeChange(job.app, answer.app);
    if (change !== null) {
      jobs.settle(job, 'changed', change);
      return;
    }
    job.app = answer.app;
    job.readAtMs = clock.monotonicMs();
    job.next = 'destroy';
  }
}

function settleLeft(jobs      , job     )       {
  if (job.next === 'poll') jobs.settle(job, 'busy', 'accepted, but still there');
  else if (job.wasBusy) jobs.settle(job, 'busy', `in use: ${job.reason}`);
  else if (job.isDoubtful) jobs.settle(job, 'failed', 'stopped before its deletion was certain');
  else if (!jobs.isReady(job)) jobs.settle(job, 'deferred', 'a child of it is left');
  else jobs.settle(job, 'deferred', 'left for the next sweep');
}

/**
 * The sweep's calls to its provider: each waits for its slot, checks the lease, and only then is sent, once. Answers feed
 * the pace and are counted here and nowhere else. Null means halted: nothing was sent, or the grace ended without an answer.
 * NOT guaranteed: that a null after sending had no effect; `destroy` says which it was.
 */
                                                    
                                                  
             
             
      
                
            
             
           
              
                                 
                                          
                                      

/** What permits effects: the lease, as far as the sweep needs it. */
                                                                    

                             
               
              
                 
                
 

                        
                                        
                                                                  
                                
                                          
                            
                                                                
                               
                                      
                                                          
                                               
                                             
                                                                                                                  
                                                              
 

                               
                     
             
                                           
                        
             
                     
 

                                                                   

function createCalls({ provider, pace, permit, halt, deadline }              )        {
  const counts             = { list: 0, get: 0, delete: 0, other: 0 };
  let hasAnswered = false;
  let hasSent = false;

  const takeSlot = async () => {
    // Waiting for a slot that comes after the end of the budget would only hold the lease.
    if (pace.delayMs() > deadline.remainingMs()) halt.stop('throttled');
    if (halt.isHalted) return false;
    try {
      await pace.take({ signal: halt.signal });
    } catch (thrown) {
      if (halt.isHalted) return false;
      throw thrown;
    }
    return true;
  };

  /** True while effects are permitted; the last thing asked before sending. */
  const isPermitted = () => {
    if (halt.isHalted) return false;
    try {
      permit?.assertHeld();
      return true;
    } catch (thrown) {
      if (!hasCode(thrown, 'lease-lost')) throw thrown;
      halt.stop('lease-lost', toError(thrown));
      return false;
    }
  };

  /** Counts a request that was just sent and waits for its answer, but not beyond the grace. */
  const receive = async                   (verb                  , sent            )                    => {
    counts[verb] += 1;
    hasSent = true;
    const answer = await untilAborted(sent, halt.callSignal);
    if (answer === null) return null;
    pace.observe({ throttled: answer.kind === 'throttled', ...answer.meta.rate });
    if (answer.kind !== 'ambiguous') hasAnswered = true;
    if (answer.kind === 'unauthorized') halt.stop('unauthorized');
    return answer;
  };

  const options = { signal: halt.callSignal };
  return {
    counts,
    get hasAnswered() {
      return hasAnswered;
    },
    get hasSent() {
      return hasSent;
    },
    takeSlot,
    async open() {
      // A provider that needs no request to open must not spend a slot on it.
      if (provider.capabilities.openRequests === 0)
        return halt.isHalted ? null : await provider.open(options);
      if (!(await takeSlot()) || !isPermitted()) return null;
      return await receive('other', provider.open(options));
    },
    async list(cursor) {
      if (!(await takeSlot()) || !isPermitted()) return null;
      return await receive('list', provider.list(cursor, options));
    },
    async get(id) {
      if (!isPermitted()) return null;
      return await receive('get', provider.get(id, options));
    },
    async destroy(app) {
      if (!permit || !isPermitted()) return 'unsent';
      return await receive('delete', provider.destroy(app, { ...options, fencingToken: permit.token }));
    },
  };
}

/** The answer, or null once the signal aborts, even where the call ignores its signal. */
async function untilAborted   (sent            , signal             )                    {
  let stopListening                      = null;
  const aborted = new Promise      ((resolve) => {
    const onAbort = () => resolve(null);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    stopListening = () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([sent, aborted]);
  } catch (thrown) {
    // A call that was aborted may end with the signal's reason; any other throw breaks the provider's contract.
    if (signal.aborted) return null;
    throw thrown;
  } finally {
    (stopListening                       )?.();
  }
}

/**
 * Why and how a sweep ends before its work is done. From a halt on nothing new is sent and every wait ends; a call that is
 * under way may finish within a short grace, then it is aborted, so that the lease is given back in time.
 * Invariant: a halt never un-happens, and every reason is remembered (an interrupt may follow a deadline).
 * Whoever creates one disposes it; then no timer and no listener is left.
 */

                      
                 
                
                  
              
                                                                      
               
                                                                              
              
                                                                    
             

/** A runner kills 7.5 s after SIGINT; what is left of that is for the release. */
const INTERRUPT_GRACE_MS = 3000;
const GRACE_MS = 1000;

                       
                                                                        
                                                        
                                                                   
                               
                                                            
                                   
                             
                                            
                  
 

/** Halts when the command's deadline (or the user's interrupt behind it) or the lease's loss says so. */
function createHalt({
  clock,
  deadlineSignal,
  leaseSignal,
}   
               
                              
                                  
 )       {
  const waits = new AbortController();
  const calls = new AbortController();
  // One listener a worker and wait is meant; the default warning is for leaks.
  setMaxListeners(0, waits.signal, calls.signal);
  const reasons = new Map                        ();
  let grace               = null;

  const stop = (kind          , error        ) => {
    if (!reasons.has(kind)) reasons.set(kind, error ?? null);
    const reason = error ?? new CancelledError(`the sweep was halted: ${kind}`);
    waits.abort(reason);
    const isUrgent = kind === 'interrupted' || kind === 'deadline' || kind === 'lease-lost';
    if (!isUrgent || grace) return;
    grace = clock.startTimer(kind === 'interrupted' ? INTERRUPT_GRACE_MS : GRACE_MS, () =>
      calls.abort(reason),
    );
  };
  const onDeadline = () => {
    const reason = abortReason(deadlineSignal);
    stop(hasCode(reason, 'deadline') ? 'deadline' : 'interrupted', reason);
  };
  const onLost = () => stop('lease-lost', abortReason(leaseSignal               ));
  if (deadlineSignal.aborted) onDeadline();
  else deadlineSignal.addEventListener('abort', onDeadline, { once: true });
  if (leaseSignal?.aborted) onLost();
  else leaseSignal?.addEventListener('abort', onLost, { once: true });

  return {
    reasons,
    signal: waits.signal,
    callSignal: calls.signal,
    get isHalted() {
      return waits.signal.aborted;
    },
    stop,
    dispose() {
      grace?.cancel();
      deadlineSignal.removeEventListener('abort', onDeadline);
      leaseSignal?.removeEventListener('abort', onLost);
    },
  };
}

/**
 * The deletions of one sweep: one job per eligible app, from the plan to its single outcome.
 * Invariant: a job is settled once; settling it again is a bug (an app counted twice).
 */
                                                   
                                            
                                                

                      
                                       
           
                                                                                                         
                   
                   
                    
                        
                      
                   
                                                                                                       
                      
                                                                 
                           
                                                                   
                                    
                             
                 
 

                       
                                  
                               
                            
                     
                                       
                             
                                                              
                                          
                  
 

/** Jobs for the candidates, in their order. `onSettled` is told each outcome once. */
function createJobs(
  candidates                ,
  sightings                               ,
  onSettled                    ,
)       {
  const ids = new Set(candidates.map((app) => app.id));
  const children = new Map                  ();
  const seen = new Set        ();
  for (const app of candidates) {
    seen.add(app.id);
    const { parentId } = app;
    // A child that comes after its parent closes a circle of parents; waiting for it would never end.
    if (parentId === null || !ids.has(parentId) || seen.has(parentId)) continue;
    children.set(parentId, [...(children.get(parentId) ?? []), app.id]);
  }
  const byId = new Map             ();
  for (const app of candidates)
    byId.set(app.id, {
      app,
      readAtMs: sightings.get(app.id)?.readAtMs ?? Number.NEGATIVE_INFINITY,
      attempts: 0,
      throttles: 0,
      verifications: 0,
      isDoubtful: false,
      wasBusy: false,
      isInFlight: false,
      next: 'destroy',
      after: children.get(app.id) ?? [],
      outcome: null,
      reason: '',
    });
  const all = [...byId.values()];
  const isAway = (job                 ) => job?.outcome === 'deleted' || job?.outcome === 'gone';
  return {
    all,
    unsettled: () => all.filter((job) => job.outcome === null),
    isReady: (job) => job.after.every((id) => isAway(byId.get(id))),
    settle(job, outcome, reason) {
      invariant(job.outcome === null, `an app was settled twice: ${job.outcome}, then ${outcome}`);
      job.outcome = outcome;
      job.reason = reason;
      onSettled(job);
    },
    freed: () => all.filter(isAway).length,
  };
}

/**
 * Reading again before deleting: what was read long ago is verified, and a conflict (somebody else deleted what we just
 * saw) is answered by the strategy with a pause and a fresh list instead of more duplicates.
 * One fresh list at a time; whoever is about to delete waits for it. Invariant: nothing that was read 60 s ago or longer is
 * deleted on that reading, unless the provider checks identity and version itself.
 */

const VERIFIED_FOR_MS = 60_000;
/** Where slots come further apart than readings last, verifying never ends; the next sweep has better luck. */
const MAX_VERIFICATIONS = 3;
const CONFLICT_BASE_MS = 1000;
const CONFLICT_CAP_MS = 60_000;

                                 
                                           
               
               
             
             
                             
                                           
                
                                                                                                
                        
                                                
                                                          
 

                          
                                                                                                             
                         
                                                  
                        
                           
                                                                                            
                                     
                                                 
                                                                                        
                    
 

function createRefresh(options                )          {
  const { calls, clock, halt, jobs } = options;
  const freshBackoff = () => createBackoff({ baseMs: CONFLICT_BASE_MS, capMs: CONFLICT_CAP_MS });
  let backoff          = freshBackoff();
  let pages = options.pages;
  let epoch = 0;
  let running                       = null;

  const relist = async () => {
    const census = await takeCensus({
      calls,
      clock,
      halt,
      ...(options.onPage ? { onPage: options.onPage } : {}),
    });
    if (census.problem !== null)
      options.note('warn', `the fresh list is incomplete: ${plain(census.problem)}`);
    if (census.isComplete) pages = Math.max(1, census.pages);
    for (const job of jobs.unsettled()) {
      if (job.isInFlight) continue;
      const sighting = census.sightings.get(job.app.id);
      if (sighting) reviewApp(jobs, job, sighting.app, sighting.readAtMs);
      else if (census.isComplete) settleAbsent(jobs, job);
      // Absence from a partial list says nothing, and neither does what was known before the conflict.
      else job.readAtMs = Number.NEGATIVE_INFINITY;
    }
  };

  const start = (prepare                        )                => {
    if (running) return running;
    epoch += 1;
    const run = async () => {
      try {
        if (await prepare()) await relist();
      } finally {
        running = null;
      }
    };
    running = run();
    return running;
  };

  const isUnderLimit = () => options.excess !== null && options.excess - jobs.freed() <= 0;

  return {
    get epoch() {
      return epoch;
    },
    async idle() {
      while (running) await running;
    },
    isDue(job) {
      if (options.provider.capabilities.atomicPrecondition) return false;
      return clock.monotonicMs() - job.readAtMs >= VERIFIED_FOR_MS;
    },
    async verify(job) {
      job.verifications += 1;
      if (job.verifications > MAX_VERIFICATIONS) {
        jobs.settle(job, 'deferred', 'it could not be verified in time');
        return false;
      }
      if (jobs.unsettled().length > 2 * pages) {
        await start(async () => true);
        return false;
      }
      const answer = await calls.get(job.app.id);
      if (answer?.kind === 'found') reviewApp(jobs, job, answer.app, clock.monotonicMs());
      else if (answer?.kind === 'gone') settleAbsent(jobs, job);
      else if (answer?.kind === 'forbidden')
        jobs.settle(job, 'forbidden', `forbidden: ${plain(answer.detail)}`);
      // Anything else told nothing; the app stays due and is read again with the next slot.
      return true;
    },
    async onConflict(sentInEpoch) {
      const isAnythingLeft = jobs.unsettled().some((job) => !job.isInFlight && job.next === 'destroy');
      if (!isAnythingLeft || sentInEpoch < epoch || halt.isHalted) return;
      if (options.strategy === 'stop') {
        options.note('warn', 'somebody else is deleting, too; the rest is left to them');
        halt.stop('conflict');
        return;
      }
      await start(async () => {
        const step = backoff.next(clock.random());
        backoff = step.backoff;
        if (options.strategy === 'stop-if-under-limit' && isUnderLimit()) {
          options.note(
            'info',
            'somebody else is deleting, too, and there is room now; the rest is left to them',
          );
          halt.stop('conflict');
          return false;
        }
        options.note('info', 'somebody else is deleting, too; pausing, then listing again');
        return await pause(step.delayMs, { clock, halt });
      });
    },
    onSuccess() {
      backoff = freshBackoff();
    },
  };
}

/** A fresh reading of an app that is to go: still the same, or no longer ours to delete. */
function reviewApp(jobs      , job     , app     , readAtMs        )       {
  if (job.next === 'poll') return;
  if (job.isDoubtful && app.state === 'deleting') {
    job.next = 'poll';
    return;
  }
  const change = describeChange(job.app, app);
  if (change !== null) {
    jobs.settle(job, 'changed', change);
    return;
  }
  job.app = app;
  job.readAtMs = readAtMs;
}

function settleAbsent(jobs      , job     )       {
  if (job.isDoubtful || job.next === 'poll')
    jobs.settle(job, 'deleted', 'deleted, confirmed by a later read');
  else jobs.settle(job, 'gone', 'somebody else deleted it');
}

/**
 * The order of deletion: the oldest first, ties by id, but each app only after its children. Pure. Parents that form a
 * circle (a provider's mistake) are cut where the oldest of them stands; nobody is lost or doubled.
 */
                                                   

/** Every app once, children before parents. Apps without a known age come last. */
function orderChildrenFirst(apps                )        {
  const byAge = [...apps].sort(
    (a, b) =>
      (a.createdAtMs ?? Number.MAX_VALUE) - (b.createdAtMs ?? Number.MAX_VALUE) || (a.id < b.id ? -1 : 1),
  );
  const children = new Map               ();
  for (const app of byAge) {
    if (app.parentId === null) continue;
    const siblings = children.get(app.parentId);
    if (siblings) siblings.push(app);
    else children.set(app.parentId, [app]);
  }
  const ordered        = [];
  const entered = new Set        ();
  for (const root of byAge) {
    // An explicit stack: a chain of thousands must not exhaust the call stack.
    const stack                                     = [{ app: root, isLeaving: false }];
    for (let step = stack.pop(); step; step = stack.pop()) {
      const { app, isLeaving } = step;
      if (isLeaving) {
        ordered.push(app);
      } else if (!entered.has(app.id)) {
        entered.add(app.id);
        stack.push({ app, isLeaving: true });
        for (const child of (children.get(app.id) ?? []).toReversed())
          stack.push({ app: child, isLeaving: false });
      }
    }
  }
  return ordered;
}

/**
 * The decision: one verdict with a reason for every matched app, which of them are to go, and in which order. Pure; ages
 * are by the provider's clock. Whatever cannot be judged is kept.
 *
 *   in scope ─▶ name matches ─▶ protected? ─▶ state ─▶ age known? ─▶ min-age ─▶ older-than or over the limit ─▶ children stay?
 *
 * The limit takes nothing that `olderThan` does not: where both are given, it only says whether there is room. With the
 * limit alone it takes the oldest until there is. An incomplete list says nothing about how many apps there are, so then
 * the limit decides nothing.
 */

/** Earlier stamps are unreadable dates or wrong units (seconds taken for milliseconds), not ages. */
const EARLIEST_CREATION_MS = Date.UTC(2001, 0, 1);
/** Clocks of one provider's servers differ by less; what is created later than this from now has no known age. */
const MAX_FUTURE_MS = 120_000;

/** What a listing told, as far as decisions need it. */
                          
                        
                                
                               
                                                                                       
                                      
 

/** A matched app and what is thought of it. */
                         
                    
                                
                            
                          
 

                            
                          
                                                            
                                      
                                                                                             
                                      
                                                   
                           
                                                                                                                  
                                 
                                                                 
                             
                                                                             
                                    
 

/** A judgement in the making. `waitsFor`: what alone keeps the app, time to pass or the limit to be exceeded. */
                                                                                                     
                                                                                                         

/** Judges a listing by the settings. */
function selectApps(listing         , rules       )            {
  const matched = listing.apps
    .filter((app) => app.inScope && matchName(app, rules) !== 'no')
    .map((app) => judge(app, ageOf(app, listing.serverNowMs), rules))
    .sort((a, b) => (b.ageMs ?? -1) - (a.ageMs ?? -1) || compareIds(a.app, b.app));
  const eligible = new Map                 ();
  for (const judged of matched) if (judged.verdict === 'eligible') eligible.set(judged.app.id, judged);
  keepParents(listing.apps, eligible);

  // What is already being deleted frees its place without our doing.
  const counted = listing.apps.filter((app) => app.inScope && app.state !== 'deleting').length;
  const target =
    rules.limit === null || !listing.isComplete ? null : Math.max(0, rules.limit - rules.headroom);
  if (target !== null && rules.olderThanMs === null)
    cull({ matched, eligible, apps: listing.apps, excess: counted - target, limit: rules.limit });

  return {
    listed: listing.apps.length,
    matched,
    candidates: orderChildrenFirst([...eligible.values()].map((judged) => judged.app)),
    counted,
    target,
    shortfall: target === null ? 0 : shortfallOf({ counted, target, rules, eligible, matched }),
    nextDueMs: nextDueMs(matched, rules),
  };
}

/**
 * How many places are missing. An account that is exactly full and has nothing to give is short of one: whoever asks with a
 * limit wants room. One that could cull its oldest is within its limit by choice.
 */
function shortfallOf(options   
                  
                 
               
                                         
                              
 )         {
  const { counted, target, rules, eligible, matched } = options;
  const missing = Math.max(0, counted - eligible.size - target);
  const isExactlyFull = eligible.size === 0 && rules.limit !== null && counted >= rules.limit;
  return isExactlyFull && !matched.some((judged) => judged.waitsFor === 'excess')
    ? Math.max(1, missing)
    : missing;
}

/** The age by the provider's clock, or null where it cannot be known. */
function ageOf(app     , serverNowMs               )                {
  const { createdAtMs } = app;
  if (serverNowMs === null || createdAtMs === null || !Number.isFinite(createdAtMs)) return null;
  if (createdAtMs < EARLIEST_CREATION_MS || createdAtMs > serverNowMs + MAX_FUTURE_MS) return null;
  return Math.max(0, serverNowMs - createdAtMs);
}

/** A name that cannot be judged counts as matched, so that the report shows it, and is kept. */
function matchName(app     , rules       )                           {
  if (app.name.length > MAX_NAME_LENGTH) return 'unknown';
  try {
    return rules.match.matches(app.name) ? 'yes' : 'no';
  } catch {
    // A rule that cannot be evaluated protects.
    return 'unknown';
  }
}

function judge(app     , ageMs               , rules       )          {
  const is = (verdict         , reason        , waitsFor                      = null)          => ({
    app,
    ageMs,
    verdict,
    reason,
    waitsFor,
  });
  const { minAgeMs, olderThanMs } = rules;
  if (app.name.length > MAX_NAME_LENGTH)
    return is('kept', `the name is longer than ${MAX_NAME_LENGTH} characters`);
  const protection = findProtection(app, rules);
  if (protection !== null) return is('protected', protection);
  if (matchName(app, rules) === 'unknown') return is('kept', 'the pattern could not be evaluated');
  if (app.state === 'deleting') return is('kept', 'already being deleted');
  if (app.state === 'transitional') return is('kept', 'between two states');
  if (ageMs === null) return is('unknown-age', 'its age is unknown');
  if (ageMs <= minAgeMs) return is('young', `not older than ${formatDuration(minAgeMs)}`, 'time');
  if (olderThanMs === null) return is('kept', 'within the limit', 'excess');
  return ageMs > olderThanMs
    ? is('eligible', `older than ${formatDuration(olderThanMs)}`)
    : is('kept', `not older than ${formatDuration(olderThanMs)}`, 'time');
}

function findProtection(app     , rules       )                {
  if (app.isProtected) return 'protected by the provider';
  for (const rule of rules.protect) {
    try {
      if (rule.protects(app)) return `protected by ${rule.source}`;
    } catch {
      // A rule that cannot be evaluated protects.
      return `protected: ${rule.source} could not be evaluated`;
    }
  }
  return null;
}

/** A parent may not go while a child of it stays, wherever that child is listed. Withdraws upwards until nothing changes. */
function keepParents(apps                , eligible                      )       {
  const staying = apps.filter((app) => app.state !== 'deleting' && !eligible.has(app.id));
  for (let app = staying.pop(); app; app = staying.pop()) {
    const parent = app.parentId === null ? undefined : eligible.get(app.parentId);
    if (!parent) continue;
    eligible.delete(parent.app.id);
    parent.verdict = 'kept';
    parent.reason = 'has children that stay';
    parent.waitsFor = null;
    staying.push(parent.app);
  }
}

                
                              
                                 
                       
                 
                       
 

/** Makes the oldest that are merely not due eligible until the limit is met; a parent only after all its children. */
function cull({ matched, eligible, apps, excess, limit }      )       {
  const due = new Map(matched.filter((one) => one.waitsFor === 'excess').map((one) => [one.app.id, one]));
  const children = new Map               ();
  for (const app of apps)
    if (app.parentId !== null) children.set(app.parentId, [...(children.get(app.parentId) ?? []), app]);
  let left = excess;
  for (const app of orderChildrenFirst([...due.values()].map((one) => one.app))) {
    if (left <= 0) return;
    const judged = due.get(app.id);
    const stays = (child     ) => child.state !== 'deleting' && !eligible.has(child.id);
    if (!judged || (children.get(app.id) ?? []).some(stays)) continue;
    judged.verdict = 'eligible';
    judged.reason = `over the limit of ${limit}`;
    eligible.set(app.id, judged);
    left -= 1;
  }
}

function nextDueMs(matched                    , rules       )                {
  const dueAgeMs = Math.max(rules.minAgeMs, rules.olderThanMs ?? 0);
  const waits = matched.flatMap(({ ageMs, waitsFor }) =>
    waitsFor === 'time' && ageMs !== null ? [Math.max(0, dueAgeMs - ageMs)] : [],
  );
  return waits.length > 0 ? waits.reduce((a, b) => Math.min(a, b)) : null;
}

function compareIds(a     , b     )         {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * One pass over the provider: open, list, select, and, under a lease, apply. The caller has decided that it is due.
 * NOT guaranteed: freshness of the list beyond what `refresh.ts` verifies. Invariant: an incomplete list deletes nothing,
 * and every eligible app of an apply ends with one outcome, also when the pass is halted.
 */
                                              

/** Beyond this the two clocks disagree enough to tell somebody. */
const SKEW_WARNING_MS = 60_000;
const HOLDERS_NAMED = 5;

                               
                         
                     
             
                                            
                        
               
                     
                                                              
                                      
 

/** Sweeps once. Throws only what is a bug: an identity that does not hold, a provider that breaks its contract. */
async function sweep(options              )                      {
  const { clock, deadline, permit } = options;
  const halt = createHalt({ clock, deadlineSignal: deadline.signal, leaseSignal: permit?.signal ?? null });
  try {
    return await sweepUntilHalted(options, halt);
  } finally {
    halt.dispose();
  }
}

async function sweepUntilHalted(options              , halt      )                      {
  const { settings, provider, pace, permit, clock, deadline, onEvent } = options;
  const note = (level                 , message        ) => onEvent({ kind: 'note', level, message });
  const onPage = (page        , apps        ) => onEvent({ kind: 'page', page, apps });
  const calls = createCalls({ provider, pace, permit, halt, deadline });

  // 1. Read everything, and judge it.
  const failure = await openProvider(calls, { clock, halt, note });
  const census = failure === null && !halt.isHalted ? await takeCensus({ calls, clock, halt, onPage }) : null;
  if (census?.problem) note('warn', `the list is incomplete, so nothing is deleted: ${census.problem}`);
  const selection = select(census, options, note);

  // 2. A plan ends here; a partial list is one in which nobody knows what is missing.
  const isApplied = permit !== null && settings.apply;
  const cap = settings.maxDeletes ?? Number.POSITIVE_INFINITY;
  const jobs = planJobs({ census, selection, settings, onEvent });
  onEvent({ kind: 'planned', counts: countApps(selection.listed, describeApps(selection, null), false) });
  if (isApplied && census) {
    const refresh = createRefresh({
      provider,
      calls,
      clock,
      halt,
      jobs,
      strategy: settings.onConflict,
      pages: Math.max(1, census.pages),
      excess: selection.target === null ? null : selection.counted - selection.target,
      onPage,
      note,
    });
    await applyJobs({ jobs, calls, refresh, clock, halt, concurrency: settings.concurrency });
  }

  // 3. Count, and say what it came to.
  const apps = describeApps(selection, isApplied ? jobs : null);
  const counts = countApps(selection.listed, apps, isApplied);
  const conclusion = concludePass({
    isApplied,
    counts,
    halts: halt.reasons,
    isListComplete: census?.isComplete ?? false,
    failure: failure ?? census?.failure ?? null,
    isUnanswered: calls.hasSent && !calls.hasAnswered,
    shortfall: selection.shortfall,
    isCapped: selection.candidates.length > cap,
  });
  if (selection.shortfall > 0) note('warn', describeFull(selection, census));
  return { ...conclusion, counts, requests: { ...calls.counts }, apps };
}

/** Learns what the provider needs to know first. Null when it is open (or the sweep halted meanwhile). */
async function openProvider(
  calls       ,
  {
    clock,
    halt,
    note,
  }                                                                                       ,
)                                          {
  const answer = await repeatRead(() => calls.open(), { clock, halt });
  if (answer === null || answer.kind === 'open') return null;
  note('warn', `the account could not be read: ${describeFailure(answer)}`);
  return answer.kind;
}

function select(
  census               ,
  { settings, clock }              ,
  note                                                   ,
)            {
  const serverNowMs = census?.serverNowMs() ?? null;
  if (census && census.pages > 0) {
    const skewMs = serverNowMs === null ? 0 : clock.wallMs() - serverNowMs;
    if (serverNowMs === null) note('warn', 'the provider tells no time, so no age is known');
    if (Math.abs(skewMs) > SKEW_WARNING_MS)
      note(
        'warn',
        `this machine's clock is ${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}; ages are by the provider's`,
      );
  }
  const apps = [...(census?.sightings.values() ?? [])].map((sighting) => sighting.app);
  return selectApps({ apps, isComplete: census?.isComplete ?? false, serverNowMs }, settings);
}

/** Jobs for all candidates; those that a partial list or the cap forbids are settled as deferred at once. */
function planJobs({
  census,
  selection,
  settings,
  onEvent,
}   
                        
                       
                         
                                      
 )       {
  const { candidates } = selection;
  const judged = new Map(selection.matched.map((one) => [one.app.id, one]));
  let done = 0;
  const jobs = createJobs(candidates, census?.sightings ?? new Map(), (job) => {
    const one = judged.get(job.app.id);
    if (!one || !settings.apply) return;
    done += 1;
    onEvent({ kind: 'app', app: describeApp(one, job), done, eligible: candidates.length });
  });
  const most = settings.maxDeletes ?? Number.POSITIVE_INFINITY;
  const isPartial = !census?.isComplete;
  jobs.all.forEach((job, position) => {
    if (isPartial) jobs.settle(job, 'deferred', 'the list is incomplete');
    else if (position >= most) jobs.settle(job, 'deferred', `over the cap of ${most} deletions`);
  });
  return jobs;
}

function describeApps(selection           , jobs             )              {
  const byId = new Map((jobs?.all ?? []).map((job) => [job.app.id, job]));
  return selection.matched.map((one) => describeApp(one, byId.get(one.app.id) ?? null));
}

/** An app's line: the rule that decided, and after it what happened where that is not simply a deletion. */
function describeApp(one                              , job            )            {
  const story =
    job?.outcome != null && job.reason !== 'deleted' ? `${one.reason}; ${job.reason}` : one.reason;
  return {
    id: one.app.id,
    name: one.app.name,
    ageMs: one.ageMs === null ? null : Math.round(one.ageMs),
    verdict: one.verdict,
    reason: story,
    outcome: job?.outcome ?? null,
  };
}

/** Who holds the places, and when the next falls due: the answer to a full account with nothing stale. */
function describeFull(selection           , census               )         {
  const staying = selection.matched.filter(
    (one) => one.verdict !== 'eligible' && one.app.state !== 'deleting',
  );
  const named = staying.slice(0, HOLDERS_NAMED).map((one) => {
    const age = one.ageMs === null ? '' : `${formatDuration(one.ageMs)} old, `;
    return `${plain(one.app.name, 60)} (${age}${plain(one.reason, 80)})`;
  });
  const inScope = [...(census?.sightings.values() ?? [])].filter(({ app }) => app.inScope).length;
  const others = inScope - selection.matched.length;
  const more = staying.length - named.length;
  if (more > 0) named.push(`${more} more`);
  if (others > 0) named.push(`${others} that do not match`);
  const due =
    selection.nextDueMs === null
      ? 'none of them will fall due'
      : `the next falls due in ${formatDuration(selection.nextDueMs)}`;
  return `full: ${selection.counted} apps are there, ${selection.target} may be; ${due}; places are held by ${named.join(', ')}`;
}

/**
 * Getting one's turn: try for the lease once, and then either leave it to its holder or wait. Whoever waits wants the work
 * done, not to do it: a sweep of the same identity that ends meanwhile ends the wait.
 * Invariant: no ownership is left behind by a wait that gave up (the manager's, L14).
 */
                                                    

/** The lease, or the report of a run that needs none. */
                                                                               

/** Tries, and waits where asked to. Rejects with the deadline's reason when the wait was in vain. */
async function takeTurn(run     , seen                  , seenAt               )                {
  const { options } = run;
  const { manager, key, leaseMs, holder, pollMs, whenBusy } = options.lease;
  const { deadline, clock } = options;
  const request = { leaseMs, holder, signal: deadline.signal, ...(seen ? { seen } : {}) };
  const tried = await answered(deadline, manager.tryAcquire(key, request));
  if (tried.acquired) return { lease: tried.lease };

  run.holder = plain(tried.holder.text);
  const fresh = findFresh(run, tried.view, seenAt);
  if (fresh) return { report: skipFresh(run, fresh) };
  if (whenBusy === 'skip') {
    note(options, 'info', `${run.holder} is sweeping; nothing to do here`);
    return { report: createSkippedReport('busy', surroundings(run)) };
  }

  const waitStartMs = clock.monotonicMs();
  let done                   = null;
  const onWait = (current            ) => {
    run.holder = plain(current.text);
    emit(options, { kind: 'waiting', holder: current.text });
  };
  onWait(tried.holder);
  try {
    const lease = await manager.acquire(key, {
      leaseMs,
      holder,
      signal: deadline.signal,
      pollMs,
      seen: tried.view,
      onWait,
      isDone(view) {
        done = findFresh(run, view, seenAt);
        return done !== null;
      },
    });
    run.waitedMs = clock.monotonicMs() - waitStartMs;
    if (lease) run.holder = null;
    return lease ? { lease } : { report: skipFresh(run, done) };
  } finally {
    run.waitedMs = clock.monotonicMs() - waitStartMs;
  }
}

/** A store that stays silent until the budget is over never answered; that is not the same as a lease that stayed busy. */
async function answered   (deadline          , call            )             {
  try {
    return await call;
  } catch (thrown) {
    if (hasCode(thrown, 'deadline') && deadline.signal.aborted)
      throw new UnavailableError('the store did not answer within the time budget', { cause: thrown });
    throw thrown;
  }
}

/**
 * The whole: of all who ask, one sweeps. Read the lease's note; skip where a sweep of the same identity is fresh; obtain the
 * lease; sweep under it; leave the result in the tombstone for the others.
 *
 *   read ─▶ fresh? ─▶ try or wait ─▶ (fresh by now? give back) ─▶ open ─▶ sweep ─▶ release with the note ─▶ report
 *
 * A plan takes no lease: it deletes nothing, is stopped by nobody, and leaves no note. A fresh sweep makes it unnecessary all
 * the same. NOT guaranteed: that nobody sweeps twice within the window where the machines' clocks disagree.
 * Invariant: between obtaining and giving back nothing sleeps save to pace calls, and whatever happens the lease is given back.
 */
                                                   

/** After an interrupt the runner kills soon; otherwise a slow store gets its time. */
const RELEASE_TIMEOUT_MS = 15_000;
const HURRIED_RELEASE_TIMEOUT_MS = 3000;

/**
 * Reaps once and reports. Errors of store and lease become a `failed` report with their exit code; a ConfigError and whatever
 * is a bug is thrown, after the lease was given back.
 */
async function reap(options             )                      {
  const startMs = options.clock.monotonicMs();
  const run      = { options, startMs, waitedMs: 0, holder: null, token: null };
  try {
    const report = await reapOnce(run);
    // Giving the lease back has cost requests and time, too.
    const { durationMs, requests } = surroundings(run);
    return { ...report, durationMs, requests: { ...report.requests, ...requests } };
  } catch (thrown) {
    const error = toError(thrown);
    if (!(error instanceof LockstepError) || hasCode(error, 'config') || hasCode(error, 'invariant'))
      throw error;
    options.logger.error(error.hint === undefined ? error.message : `${error.message}. ${error.hint}`);
    return createFailedReport(error, surroundings(run));
  }
}

async function reapOnce(run     )                      {
  const { options } = run;
  const { lease, everyMs, deadline } = options;
  // 1. One read tells whether there is anything to do at all.
  const seen =
    everyMs > 0 ? await answered(deadline, lease.manager.read(lease.key, { signal: deadline.signal })) : null;
  const fresh = seen && findFresh(run, seen);
  if (fresh) return skipFresh(run, fresh);
  if (!options.settings.apply) return await sweepAndReport(run, null);

  // 2. The lease, or whoever has it.
  const seenAt = seen && (readSweep(noteOf(seen), options.identity)?.at ?? null);
  const turn = await takeTurn(run, seen, seenAt);
  if ('report' in turn) return turn.report;
  run.token = turn.lease.token;
  return await holdAndSweep(run, turn.lease, seenAt);
}

/** Sweeps under the lease and gives it back, with the result in its note. */
async function holdAndSweep(run     , lease       , seenAt               )                      {
  const { options } = run;
  let updateNote                                            = null;
  try {
    // Somebody may have swept between our first read and our turn; without this look, 60 processes sweep in a row.
    const fresh = findFresh(run, lease.view, seenAt);
    if (fresh) return skipFresh(run, fresh);
    emit(options, { kind: 'acquired', token: lease.token });
    return await sweepAndReport(run, lease, (pass) => {
      const swept            = {
        outcome: pass.outcome,
        counts: pass.counts,
        at: new Date(options.clock.wallMs()).toISOString(),
      };
      updateNote = (note) => writeSweep(note, options.identity, swept);
    });
  } finally {
    await giveBack(run, lease, updateNote);
  }
}

async function sweepAndReport(
  run     ,
  lease              ,
  onPass                             ,
)                      {
  const { options } = run;
  const { provider, pace } = await options.openProvider();
  try {
    const pass = await sweep({
      settings: options.settings,
      provider,
      pace,
      permit: lease,
      clock: options.clock,
      deadline: options.deadline,
      onEvent: (event) => emit(options, event),
    });
    onPass?.(pass);
    const around = surroundings(run);
    return createReport(pass, {
      ...around,
      requests: { store: options.storeRequests(), throttled: pace.throttledCount },
    });
  } finally {
    await provider.close().catch((thrown         ) => {
      // The work is done and reported; what is left open ends with the process.
      options.logger.warn(`the provider could not be closed: ${plain(toError(thrown).message)}`);
    });
  }
}

async function giveBack(
  run     ,
  lease       ,
  updateNote                                           ,
)                {
  const { clock, deadline, logger } = run.options;
  const timeoutMs = deadline.signal.aborted ? HURRIED_RELEASE_TIMEOUT_MS : RELEASE_TIMEOUT_MS;
  const budget = createDeadline({ clock, timeoutMs, waitingFor: 'the release of the lease' });
  try {
    const released = await lease.release({ signal: budget.signal, ...(updateNote ? { updateNote } : {}) });
    if (released === 'unknown')
      logger.warn('whether the lease was given back is unknown; it will run out by itself');
  } catch (thrown) {
    // The sweep's result counts more than the release's: the lease runs out by itself.
    logger.warn(`the lease was not given back and will run out by itself: ${plain(toError(thrown).message)}`);
  } finally {
    budget.dispose();
  }
}

/**
 * Who we are, as others see it in a lease: run, attempt, job and index on a runner, user@host:pid elsewhere. Two jobs of one
 * matrix never look alike (the common complaint about lock actions). Carries no credential.
 */
                                                       
                                                    

                                
                                              
                                       
                                         
                                                 
                                      
 

/** The holder of this process. */
function createHolder(context                , options               )             {
  const { env, process } = context;
  const run = env['GITHUB_RUN_ID'];
  const attempt = env['GITHUB_RUN_ATTEMPT'];
  const url = runUrl(context, options.jobId);
  return {
    text: plain(options.holder ?? defaultText(context, options)),
    host: process.host,
    pid: process.pid,
    ...(context.isRunner && run ? { run } : {}),
    ...(context.isRunner && attempt ? { attempt } : {}),
    ...(context.isRunner && options.jobId ? { job: options.jobId } : {}),
    ...(url ? { url } : {}),
  };
}

function defaultText({ env, isRunner, process }                , { jobIndex }               )         {
  const run = env['GITHUB_RUN_ID'];
  if (!isRunner || !run) return `${process.user}@${process.host}:${process.pid}`;
  const parts = [`run ${run}`];
  if (env['GITHUB_RUN_ATTEMPT']) parts.push(`attempt ${env['GITHUB_RUN_ATTEMPT']}`);
  if (env['GITHUB_JOB']) parts.push(`job ${env['GITHUB_JOB']}`);
  parts.push(jobIndex === undefined ? `pid ${process.pid} on ${process.host}` : `index ${jobIndex}`);
  return parts.join(', ');
}

function runUrl({ env, isRunner }                , jobId                    )                {
  const [server, repository, run] = [
    env['GITHUB_SERVER_URL'],
    env['GITHUB_REPOSITORY'],
    env['GITHUB_RUN_ID'],
  ];
  if (!isRunner || !server || !repository || !run) return null;
  const runPage = `${server}/${repository}/actions/runs/${run}`;
  return jobId ? `${runPage}/job/${jobId}` : runPage;
}

/**
 * `reap`: options in, one report out. Everything a user can get wrong is found before anything is opened or sent; the provider
 * is opened only when a sweep is due, so a job that learns a fresh result pays for one read.
 */

/** Runs one `reap`. ConfigError with every problem at once; all else is in the report. */
async function runReap(
  context                ,
  resolved                         ,
)                      {
  const { clock, logger, signal } = context;
  const { options, settings, providerSettings, choice } = await checkEverything(context, resolved);
  if (!isElected(options)) return createSkippedReport('not-elected');
  if (choice.kind === 'no-store') {
    logger.warn(
      'this runner has no token for the GitHub store, so nothing was coordinated and nothing deleted; pass a token, or a store',
    );
    return createSkippedReport('no-store');
  }
  const { values } = resolved;
  const releasers = createReleasers();
  const deadline = createDeadline({
    clock,
    timeoutMs: values.timeoutMs,
    waitingFor: 'the sweep',
    parent: signal,
  });
  try {
    const holder = createHolder(context, {
      holder: values.holder ?? undefined,
      jobIndex: options.jobIndex ?? undefined,
    });
    const account = await locateAccount(providerSettings, { clock, client: holder.text });
    const parts = await openStoreParts(context, { address: choice.address, values, releasers });
    const report = await reap({
      settings,
      lease: {
        manager: parts.manager,
        key: createKey(values.namespace, 'reap', `${account.name}-${account.accountId}`),
        leaseMs: parts.leaseMs,
        holder,
        pollMs: parts.pollMs,
        whenBusy: options.whenBusy,
      },
      identity: identityOf(options, account),
      everyMs: options.everyMs,
      openProvider: async () => {
        const provider = await account.open();
        const { createThrottle } = await import('./throttle.js');
        const pace = createThrottle({ clock, settings: { ...provider.pace, reserve: options.reserve } });
        return { provider, pace };
      },
      clock,
      logger,
      deadline,
      storeRequests: () => parts.store.requests,
      onEvent: context.onReapEvent,
    });
    const hasCandidates = report.outcome === 'planned' && report.counts.eligible > 0 && report.exitCode === 0;
    return options.detailedExitcode && hasCandidates ? { ...report, exitCode: 10 } : report;
  } finally {
    deadline.dispose();
    await releasers.close();
  }
}

                   
                                
                                  
                                              
                                                             
 

/** Every check there is, so that a person sees all problems in one go. */
async function checkEverything(context                , resolved                         )                   {
  const { values } = resolved;
  const checked = checkReapOptions(resolved);
  const problems                  = [...checked.problems];
  const add = (name                    , message        ) =>
    problems.push({ option: resolved.spellingOf(name), message });

  let match                     = null;
  if (values.match !== null) {
    const parsed = await parsePattern(values.match);
    if (parsed.ok) match = parsed.value;
    else add('match', parsed.problem);
  }
  const protect                = [];
  for (const text of values.protect) {
    const parsed = parseProtect(text);
    if (parsed.ok) protect.push(parsed.value);
    else add('protect', parsed.problem);
  }
  const choice = chooseStore(context, resolved);
  if (choice.kind === 'problem') problems.push(choice.problem);
  const provider = parseProviderSettings(present(values), context);
  if (!provider.ok) {
    for (const { option, message, source } of provider.problems) {
      // Relations between options are checked with the options; here counts what only the provider knows.
      if (source === 'environment') problems.push({ option, message });
    }
  }
  const options = checked.settings;
  if (problems.length > 0 || !options || !match || !provider.ok || choice.kind === 'problem') {
    throw new ConfigError(problems);
  }
  for (const note of checked.notes) context.logger.warn(note);
  return { options, settings: { ...options, match, protect }, providerSettings: provider.settings, choice };
}

/** What makes two sweeps the same work. Order and spelling of the protect rules do not matter. */
function identityOf(options             , account                 )         {
  return hashIdentity([
    account.name,
    account.accountId,
    options.match,
    [...options.protect].sort().join('\n'),
    String(options.olderThanMs),
    String(options.limit),
    String(options.headroom),
    String(options.minAgeMs),
  ]);
}

/** The provider's options without those nobody set. */
function present(values                                   ) {
  const { provider, herokuTeam, root, account } = values;
  return {
    provider: provider ?? undefined,
    herokuTeam: herokuTeam ?? undefined,
    root: root ?? undefined,
    account: account ?? undefined,
  };
}

/**
 * How a sweep looks in a terminal: progress while it works, a table and one closing sentence at the end. Pure: events and the
 * report in, lines out. App names and holders come from outside and pass base/text.ts here.
 */

/** A table longer than this is cut; the JSON result has all. */
const MAX_ROWS = 60;

/** One line of progress, or null where the event shows elsewhere. */
function describeReapEvent(
  event           ,
)                                                               {
  switch (event.kind) {
    case 'waiting':
      return { level: 'info', message: `waiting for ${plain(event.holder)}, which is sweeping` };
    case 'acquired':
      return { level: 'info', message: `lease acquired, fencing token ${event.token}` };
    case 'page':
      return { level: 'debug', message: `page ${event.page}: ${count(event.apps, 'app')}` };
    case 'planned':
      return {
        level: 'info',
        message: `listed ${count(event.counts.listed, 'app')}: ${event.counts.matched} match, ${event.counts.eligible} stale`,
      };
    case 'app':
      return {
        level: 'info',
        message: `${event.done}/${event.eligible} ${plain(event.app.name)}: ${event.app.outcome ?? event.app.verdict}`,
      };
    case 'note':
      return { level: event.level, message: plain(event.message, 500) };
  }
}

/** The report as lines for standard output. */
function renderReapReport(report            , style               )           {
  const shown = report.apps.slice(0, MAX_ROWS);
  const rows = shown.map((app) => [
    plain(app.name, 60),
    app.ageMs === null ? '?' : formatDuration(app.ageMs),
    style.dim(plain(app.reason, 60)),
    paintOutcome(app, style),
  ]);
  const table =
    rows.length === 0
      ? []
      : renderTable([['APP', 'AGE', 'RULE', 'OUTCOME'].map((title) => style.bold(title)), ...rows], {
          right: [1],
        });
  const more = report.apps.length - shown.length;
  return [
    ...table,
    ...(more > 0 ? [style.dim(`… and ${more} more; --json has them all`)] : []),
    ...(table.length > 0 ? [''] : []),
    summarizeReap(report, style),
  ];
}

/** The closing sentence: what came of it, what it cost, what to do. */
function summarizeReap(report            , style               )         {
  const { requests } = report;
  const sent = requests.list + requests.get + requests.delete + requests.other;
  const cost = style.dim(
    `${count(sent, 'request')} to the provider, ${requests.store} to the store, ${formatDuration(report.durationMs)}`,
  );
  return `${headline(report, style)} ${cost}`;
}

function headline(report            , style               )         {
  const { counts, reason } = report;
  switch (report.outcome) {
    case 'reaped':
      return style.green(`Reaped: ${listCounts(counts)}.`);
    case 'clean':
      return style.green('Clean: nothing is stale.');
    case 'planned':
      return `Plan: ${counts.eligible} of ${count(counts.matched, 'matched app')} would be deleted. Add --apply to do it.`;
    case 'skipped':
      return style.green(`Skipped: ${skipReason(report)}.`);
    case 'incomplete':
      return style.yellow(`Incomplete (${reason ?? 'something is left'}): ${listCounts(counts)}.`);
    case 'failed':
      return style.red(`Failed (${reason ?? 'unknown'}): ${listCounts(counts)}.`);
  }
}

function skipReason(report            )         {
  switch (report.reason) {
    case 'busy':
      return `${plain(report.holder ?? 'another job')} is sweeping`;
    case 'fresh':
      return `${plain(report.holder ?? 'another job')} swept a moment ago`;
    case 'not-elected':
      return 'the first jobs of the matrix sweep, this one need not';
    case 'no-store':
      return 'no store is reachable from this runner';
    case 'no-permission':
      return 'the token may not write here (a pull request from a fork)';
    case 'low-quota':
      return 'the API budget is low, and the build needs it more';
    default:
      return report.reason ?? 'nothing to do';
  }
}

/** The counts that are not zero, in words. */
function listCounts(counts            )         {
  const parts                     = [
    [counts.deleted, 'deleted'],
    [counts.gone, 'already gone'],
    [counts.changed, 'changed meanwhile'],
    [counts.forbidden, 'forbidden'],
    [counts.busy, 'in use'],
    [counts.failed, 'failed'],
    [counts.deferred, 'left for the next sweep'],
    [counts.young, 'too young'],
    [counts.protected, 'protected'],
    [counts.unknownAge, 'of unknown age'],
    [counts.kept, 'kept'],
  ];
  const words = parts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
  return words.length > 0 ? words.join(', ') : 'nothing was done';
}

function paintOutcome(app           , style               )         {
  const word = app.outcome ?? app.verdict;
  if (word === 'deleted' || word === 'gone') return style.green(word);
  if (word === 'forbidden' || word === 'failed') return style.red(word);
  if (word === 'eligible' || word === 'busy' || word === 'deferred' || word === 'changed')
    return style.yellow(word);
  return word;
}

function count(n        , noun        )         {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** `reap` in a terminal: events as log lines while it works, the table at the end. */

const reapCommand                  = Object.freeze({
  run: (context, resolved) =>
    runReap(
      {
        ...context,
        onReapEvent(event) {
          const line = describeReapEvent(event);
          if (line) context.logger[line.level](line.message);
        },
      },
      resolved                           ,
    ),
  render: (report, style) => renderReapReport(report              , style),
}                          );

export { reapCommand };
