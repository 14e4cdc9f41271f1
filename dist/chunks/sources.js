import { a as parseDuration, p as plain } from './duration.js';

/**
 * The commands there are, as data: what they are for, where they run, which words follow them. A command is listed here once
 * it works, never before: help, the README and the Action offer exactly this list.
 */

/** The worlds a command can be called from; the library and the test runner hooks count as one. */
                                             

                              
                                                  
                           
                                  
                                                       
                                          
                                                  
                                 
                                                                                               
                              
 

const COMMANDS = {
  reap: {
    summary: 'find stale apps and delete them; of all the jobs that ask, one does it',
    hosts: ['cli', 'action', 'hook'],
    positionals: [],
    takesCommand: false,
  },
  status: {
    summary: 'show who holds what',
    hosts: ['cli', 'action'],
    positionals: ['kind', 'name'],
    takesCommand: false,
  },
  demo: {
    summary: 'watch several real processes coordinate on this machine',
    hosts: ['cli'],
    positionals: [],
    takesCommand: false,
  },
}                                                         ;

                                                

const COMMAND_NAMES = Object.freeze(Object.keys(COMMANDS))                          ;

/** True for the name of a command, in exactly this spelling. */
function isCommandName(text        )                      {
  return Object.hasOwn(COMMANDS, text);
}

/** The command's entry, without the literal types. */
function commandSpec(command             )              {
  return COMMANDS[command];
}

/**
 * What an entry of the option table says, and how each world spells an option's name.
 * Invariant: every spelling is computed from the camelCase name; nobody writes a second list of names.
 */
                                                 
                                              

/**
 * - `duration`: a number and a unit; the value is in ms, and its key in the values ends in `Ms`
 * - `integer`: digits, 0 or more
 * - `list`: repeated, or separated by commas or newlines
 * - `lines`: repeated, or separated by newlines; for items that may contain a comma (a header, a URL)
 */
                                                                                                     

/** The value of a `duration` default or bound is text with a unit, of the other types the value itself. */
                                                                          

                             
                                                            
                        
                            
                                                    
                                                   
                               
                                                                                                              
                                   
                                                        
                                                                              
                                                                              
                                
                                
                           
                                 
                                 
                                       
                                                               
                                
                                         
                          
                                                  
                                       
                                                             
                         
                                                                                                            
                                  
 

/** `olderThan` → `older-than`: the Action's input, and the flag without its dashes. */
function kebabCase(name        )         {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `olderThan` → `LOCKSTEP_OLDER_THAN`. */
function environmentName(name        )         {
  return `LOCKSTEP_${kebabCase(name).replaceAll('-', '_').toUpperCase()}`;
}

function isFrom(spec            , source        )          {
  return spec.sources === undefined || spec.sources.includes(source);
}

function isFor(spec            , command             )          {
  return spec.commands === 'all' || spec.commands.includes(command);
}

/** The default of an option for one command, or undefined where nothing is set for it. */
function defaultOf(spec            , command             )                            {
  return spec.defaultFor?.[command] ?? spec.default;
}

/** The options of `demo`. They exist on the command line only. */
                                                    

const DEMO_OPTIONS = [
  {
    name: 'jobs',
    type: 'integer',
    commands: ['demo'],
    min: 1,
    max: 64,
    default: 8,
    sources: ['flag'],
    description: 'How many processes ask at once.',
  },
  {
    name: 'apps',
    type: 'integer',
    commands: ['demo'],
    min: 1,
    max: 1000,
    default: 40,
    sources: ['flag'],
    description: 'How many stale apps there are to begin with.',
  },
  {
    name: 'latency',
    type: 'duration',
    commands: ['demo'],
    max: '10s',
    default: '50ms',
    sources: ['flag'],
    description: 'How long the local provider takes to answer.',
  },
  {
    name: 'fault',
    type: 'choice',
    commands: ['demo'],
    choices: ['kill', '503', '429'],
    defaultText: 'none',
    sources: ['flag'],
    description:
      'What goes wrong in the middle: the sweeping process is killed, or the provider answers 503 or 429.',
  },
]                                         ;

/** The options of every command, and those that exist in one world only. Order: as the README shows them. */
                                                    

const COMMON_OPTIONS = [
  {
    name: 'store',
    type: 'string',
    commands: 'all',
    placeholder: 'URL',
    defaultText:
      'on a GitHub runner with a token `github:OWNER/REPO`, on one without a token none, elsewhere `file:`',
    description:
      'Where the parties meet: `file:`, `file:PATH`, `github:OWNER/REPO`, `redis://…`, `rediss://…`, `postgres://…`, `etcd://HOST:PORT` or `etcds://HOST:PORT`.',
    secret: true,
  },
  {
    name: 'namespace',
    type: 'string',
    commands: 'all',
    placeholder: 'NAME',
    default: 'default',
    description: 'Prefix of every key, so that tools and repositories can share a store.',
  },
  {
    name: 'timeout',
    type: 'duration',
    commands: 'all',
    default: '10m',
    min: '1ms',
    description: 'One budget for the whole command; every wait inside ends with it.',
  },
  {
    name: 'poll',
    type: 'duration',
    commands: 'all',
    defaultText: 'file `1s`, engines `5s`, GitHub `15s`',
    min: '10ms',
    max: '1h',
    description: 'The interval at which state is re-read; on stores that push, only the fallback.',
  },
  {
    name: 'lease',
    type: 'duration',
    commands: 'all',
    defaultText: '`60s`; GitHub `10m`',
    min: '1s',
    max: '1h',
    description: 'How long a holder that stopped renewing is respected.',
  },
  {
    name: 'refPrefix',
    type: 'string',
    commands: 'all',
    placeholder: 'TEXT',
    default: 'refs/lockstep',
    description: 'GitHub store only: the git refs that hold the records start with it.',
  },
  {
    name: 'quotaFloor',
    type: 'integer',
    commands: 'all',
    defaultText: '20 % of the limit',
    description: 'GitHub store only: with fewer requests left than this a clean-up is skipped.',
  },
  {
    name: 'holder',
    type: 'string',
    commands: 'all',
    placeholder: 'TEXT',
    defaultText: 'run, attempt, job and index on a runner; user@host:pid elsewhere',
    description: 'The name others see.',
  },
  {
    name: 'json',
    type: 'boolean',
    commands: 'all',
    default: false,
    sources: ['flag', 'hook', 'env', 'file'],
    description:
      'The result, one JSON object, is the last line of standard output; everything else goes to standard error.',
  },
  {
    name: 'logLevel',
    type: 'choice',
    commands: 'all',
    choices: ['error', 'warn', 'info', 'debug'],
    placeholder: 'LEVEL',
    default: 'info',
    sources: ['flag', 'hook', 'env', 'file'],
    description: 'How much is said on the way.',
  },
  {
    name: 'config',
    type: 'string',
    commands: 'all',
    placeholder: 'FILE',
    defaultText: '`lockstep.config.json` or `lockstep.config.mjs` where there is one; in the Action none',
    sources: ['flag', 'input', 'hook', 'env'],
    description: 'A configuration file; in the Action JSON only.',
  },
  {
    name: 'failOnError',
    type: 'boolean',
    commands: 'all',
    default: false,
    sources: ['hook', 'env', 'file'],
    description: 'In a test runner hook: a failed or incomplete reap fails the tests.',
  },
  {
    name: 'help',
    type: 'boolean',
    commands: 'all',
    default: false,
    short: 'h',
    sources: ['flag'],
    description: 'Show the options of a command.',
  },
  {
    name: 'version',
    type: 'boolean',
    commands: 'all',
    default: false,
    short: 'V',
    sources: ['flag'],
    description: 'Show the version.',
  },
]                                         ;

/** Inputs that only an Action has; `${{ … }}` defaults are filled in by the runner. */
const ACTION_OPTIONS = [
  {
    name: 'command',
    type: 'choice',
    commands: 'all',
    choices: ['reap', 'status'],
    required: true,
    sources: ['input'],
    description: 'What to do.',
  },
  {
    name: 'token',
    type: 'string',
    commands: 'all',
    placeholder: 'TOKEN',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's expression syntax, evaluated by the runner.
    actionDefault: '${{ github.token }}',
    sources: ['input'],
    secret: true,
    description: 'The credential for the GitHub store and the jobs API.',
  },
  {
    name: 'jobId',
    type: 'string',
    commands: 'all',
    placeholder: 'ID',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's expression syntax, evaluated by the runner.
    actionDefault: '${{ job.check_run_id }}',
    sources: ['input'],
    description: 'This job, so that others can tell whether it still runs; without it they judge by the run.',
  },
  {
    name: 'failOnIncomplete',
    type: 'boolean',
    commands: 'all',
    default: false,
    sources: ['input'],
    description: 'An incomplete result (exit code 3) fails the step instead of warning.',
  },
]                                         ;

/** The options of `reap`. Relations between them are in `reap-settings.ts`. */
                                                    

const REAP_OPTIONS = [
  {
    name: 'provider',
    type: 'choice',
    commands: ['reap'],
    choices: ['heroku', 'directory'],
    placeholder: 'NAME',
    required: true,
    description: 'Where the apps live: `heroku`, or `directory` (each sub-folder of `--root` is an app).',
  },
  {
    name: 'herokuTeam',
    type: 'string',
    commands: ['reap'],
    placeholder: 'TEAM',
    defaultText: 'the apps the account owns outside teams',
    description: 'Heroku only: the team whose apps are candidates and count against `--limit`.',
  },
  {
    name: 'root',
    type: 'string',
    commands: ['reap'],
    placeholder: 'PATH',
    description: 'Directory provider only, and required there: the folder whose sub-folders are apps.',
  },
  {
    name: 'account',
    type: 'string',
    commands: ['reap'],
    placeholder: 'NAME',
    defaultText: 'a hash of API origin, team or root, and credential',
    description: 'The account the lease stands for; needed where several credentials reach one account.',
  },
  {
    name: 'match',
    type: 'string',
    commands: ['reap'],
    placeholder: 'REGEX',
    required: true,
    description: 'Only apps whose whole name matches are candidates.',
  },
  {
    name: 'olderThan',
    type: 'duration',
    commands: ['reap'],
    description: 'Apps older than this are stale. This, or `--limit`, or both are required.',
  },
  {
    name: 'limit',
    type: 'integer',
    commands: ['reap'],
    min: 1,
    description: 'How many apps the account may have; the oldest candidates above it are stale.',
  },
  {
    name: 'headroom',
    type: 'integer',
    commands: ['reap'],
    default: 0,
    description: 'With `--limit`: places to keep free below it.',
  },
  {
    name: 'protect',
    type: 'list',
    commands: ['reap'],
    placeholder: 'PATTERN',
    default: [],
    description: 'Never delete these: a whole name with `*` and `?`, or `id:ID`.',
  },
  {
    name: 'minAge',
    type: 'duration',
    commands: ['reap'],
    default: '5m',
    description: 'Nothing younger is ever deleted, whatever the rule.',
  },
  {
    name: 'maxDeletes',
    type: 'integer',
    commands: ['reap'],
    min: 1,
    defaultText: 'no maximum',
    description: 'Delete at most this many in one run, the oldest first; the rest is deferred.',
  },
  {
    name: 'apply',
    type: 'boolean',
    commands: ['reap'],
    default: false,
    description: 'Delete. Without it the result is a plan and nothing is deleted.',
  },
  {
    name: 'whenBusy',
    type: 'choice',
    commands: ['reap'],
    choices: ['skip', 'wait'],
    default: 'skip',
    description: 'What to do while another job sweeps the same account.',
  },
  {
    name: 'onConflict',
    type: 'choice',
    commands: ['reap'],
    choices: ['refresh-and-continue', 'stop-if-under-limit', 'stop'],
    placeholder: 'STRATEGY',
    default: 'refresh-and-continue',
    description: 'What to do when somebody else deleted an app meanwhile.',
  },
  {
    name: 'every',
    type: 'duration',
    commands: ['reap'],
    default: '10m',
    description:
      'A complete sweep of the same identity within this time makes this one `skipped`; `0s` turns it off.',
  },
  {
    name: 'electors',
    type: 'integer',
    commands: ['reap'],
    min: 1,
    defaultText: '3 where the job index is known, otherwise all',
    description: 'In a matrix only the first N jobs sweep; the others are skipped without a request.',
  },
  {
    name: 'jobIndex',
    type: 'integer',
    commands: ['reap'],
    defaultText: 'unknown; in the Action the index in the matrix',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's expression syntax, evaluated by the runner.
    actionDefault: '${{ strategy.job-index }}',
    sources: ['flag', 'input', 'hook', 'env'],
    description: 'Which job of the matrix this is, counted from 0.',
  },
  {
    name: 'jobTotal',
    type: 'integer',
    commands: ['reap'],
    min: 1,
    defaultText: 'unknown; in the Action the number of jobs in the matrix',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's expression syntax, evaluated by the runner.
    actionDefault: '${{ strategy.job-total }}',
    sources: ['flag', 'input', 'hook', 'env'],
    description: 'How many jobs the matrix has.',
  },
  {
    name: 'concurrency',
    type: 'integer',
    commands: ['reap'],
    min: 1,
    max: 32,
    default: 4,
    description: 'How many deletions are under way at once.',
  },
  {
    name: 'reserve',
    type: 'integer',
    commands: ['reap'],
    default: 0,
    description: "Calls of the provider's rate limit to leave for the build itself.",
  },
  {
    name: 'detailedExitcode',
    type: 'boolean',
    commands: ['reap'],
    default: false,
    description: 'A plan that found candidates exits with 10 instead of 0.',
  },
]                                         ;

/** The options of `status`. */
                                                    

const STATUS_OPTIONS = [
  {
    name: 'kind',
    type: 'choice',
    commands: ['status'],
    choices: ['lock', 'reap', 'gate', 'check'],
    defaultText: 'all kinds',
    sources: ['flag', 'input', 'hook', 'file'],
    description: 'Show only records of this kind.',
  },
  {
    name: 'name',
    type: 'string',
    commands: ['status'],
    defaultText: 'all names',
    sources: ['flag', 'input', 'hook', 'file'],
    description: 'Show only the record of this name.',
  },
]                                         ;

/**
 * The one table of options: flags, inputs, hook options, environment variables, config file, README, help and JSON Schema all
 * come from it, and so do the types of the values. A new command adds a table file and one line here.
 * Invariants (tested): a name is unique among the options of a command; entries that share a name agree on whether it takes a
 * value, so that a command line can be read before its command is known.
 */

const TABLE = [
  ...ACTION_OPTIONS,
  ...COMMON_OPTIONS,
  ...REAP_OPTIONS,
  ...STATUS_OPTIONS,
  ...DEMO_OPTIONS,
]         ;

                                  

/** Every option of every command, in the order of the README. */
const OPTIONS                        = TABLE;

                                                                                      
     
                                                   
                    
         
             
            

                                                                                      

                                                                            
          
     
                       
                      
                       
                     
                    
                              
                               
                 

/**
 * The values of a command's options: durations in ms under a key that ends in `Ms`. Null where nobody set an option that has no
 * default, required ones included: read `problems` first.
 */
                                                   
                                                                                                  
  

/** The camelCase names of a command's options. */
                                                                 

/** A command's options, in the order of the table. */
function optionsOf(command             )                        {
  return OPTIONS.filter((spec) => isFor(spec, command));
}

/** True where the option is written without a flag: its place says which one it is. */
function isPositional(command             , name        )          {
  return commandSpec(command).positionals.includes(name);
}

/** The key of an option among the values. */
function valueKey(spec            )         {
  return spec.type === 'duration' ? `${spec.name}Ms` : spec.name;
}

/**
 * One raw value, from text or from JSON, to the value of its option. Pure; knows nothing of where the value came from except
 * whether it is text (flag, input, environment) or already typed (hook option, config file).
 * Invariants: an empty string counts as unset everywhere; a secret is never repeated in a problem, other values only cut and
 * printable.
 */
                                                   

                                                                        

const MAX_DIGITS = 15;
const MAX_ECHO = 60;

/** True for what counts as not given: nothing, blank text, a list of blank text. */
function isUnset(raw         )          {
  if (raw === undefined) return true;
  if (typeof raw === 'string') return raw.trim() === '';
  return Array.isArray(raw) && raw.every(isUnset);
}

/** Text as a flag, an input or a variable carries it; several where the flag was repeated. */
function parseText(spec            , raw                                      )                      {
  if (typeof raw === 'boolean') return { ok: true, value: raw };
  const texts = typeof raw === 'string' ? [raw] : raw;
  if (spec.type === 'list' || spec.type === 'lines') return { ok: true, value: splitItems(spec, texts) };
  // A scalar that was repeated: the last one wins; blank text is no value.
  const text = (texts.findLast((each) => each.trim() !== '') ?? '').trim();
  switch (spec.type) {
    case 'duration':
      return parseDurationIn(spec, text);
    case 'integer':
      return parseIntegerIn(spec, text);
    case 'boolean':
      return parseBoolean(spec, text);
    case 'choice':
      return parseChoice(spec, text);
    case 'string':
      return { ok: true, value: text };
  }
}

/** A value of a hook option or a config file: strings, numbers, booleans and lists as the JSON Schema says. */
function parseTyped(spec            , raw         )                      {
  switch (spec.type) {
    case 'boolean':
      return typeof raw === 'boolean' ? { ok: true, value: raw } : refuse('must be true or false', raw);
    case 'integer':
      if (typeof raw !== 'number') return refuse('must be a whole number', raw);
      return Number.isSafeInteger(raw)
        ? inRange(spec, raw)
        : { ok: false, problem: `${raw} is not a whole number` };
    case 'list':
    case 'lines':
      if (typeof raw === 'string') return parseText(spec, raw);
      return Array.isArray(raw) && raw.every((item) => typeof item === 'string')
        ? parseText(spec, raw)
        : refuse('must be a list of strings', raw);
    case 'duration':
      // A number reads as a duration without a unit, and says so.
      if (typeof raw === 'number') return parseText(spec, String(raw));
      return typeof raw === 'string' ? parseText(spec, raw) : refuse('must be a duration such as "15m"', raw);
    case 'choice':
    case 'string':
      return typeof raw === 'string' ? parseText(spec, raw) : refuse('must be a string', raw);
  }
}

function refuse(expectation        , raw         )                                 {
  const kind = raw === null ? 'null' : Array.isArray(raw) ? 'a list' : typeof raw;
  const found = kind === 'object' ? 'an object' : kind === 'null' || kind === 'a list' ? kind : `a ${kind}`;
  return { ok: false, problem: `${expectation}, not ${found}` };
}

function splitItems(spec            , texts                   )                    {
  const separator = spec.type === 'list' ? /[,\r\n]/ : /[\r\n]+/;
  const items = texts.flatMap((text) => text.split(separator)).map((item) => item.trim());
  return Object.freeze([...new Set(items.filter((item) => item !== ''))]);
}

function quote(spec            , text        )         {
  return spec.secret ? 'the value' : `"${plain(text, MAX_ECHO)}"`;
}

function parseDurationIn(spec            , text        )                 {
  if (text.length > MAX_ECHO) return { ok: false, problem: `${quote(spec, text)} is not a duration` };
  const parsed = parseDuration(text);
  if (!parsed.ok) {
    const { problem } = parsed;
    return { ok: false, problem: problem.startsWith('is ') ? `${quote(spec, text)} ${problem}` : problem };
  }
  return inRange(spec, parsed.value);
}

function parseIntegerIn(spec            , text        )                 {
  if (!/^\d+$/.test(text)) {
    return { ok: false, problem: `${quote(spec, text)} is not a whole number; write digits only` };
  }
  if (text.length > MAX_DIGITS) return { ok: false, problem: `${quote(spec, text)} is too large` };
  return inRange(spec, Number(text));
}

function parseBoolean(spec            , text        )                  {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === 'false') return { ok: true, value: lower === 'true' };
  return { ok: false, problem: `${quote(spec, text)} is neither true nor false` };
}

function parseChoice(spec            , text        )                 {
  const choices = spec.choices ?? [];
  if (choices.includes(text)) return { ok: true, value: text };
  return { ok: false, problem: `${quote(spec, text)} is not one of ${choices.join(', ')}` };
}

/** A bound of a duration is text with a unit; of an integer a number, 0 where the table gives none. */
function boundOf(bound                             )                     {
  if (typeof bound !== 'string') return bound;
  const parsed = parseDuration(bound);
  return parsed.ok ? parsed.value : undefined;
}

function inRange(spec            , value        )                 {
  const min = spec.min ?? 0;
  if (value < (boundOf(min) ?? 0) || value > (boundOf(spec.max) ?? Number.POSITIVE_INFINITY)) {
    const range = spec.max === undefined ? `at least ${min}` : `from ${min} to ${spec.max}`;
    return { ok: false, problem: `must be ${range}` };
  }
  return { ok: true, value };
}

/**
 * Readers of the places where options come from, save the command line (`arguments.ts`): each takes a plain record and gives
 * what was set, by option, with the user's spelling. Pure: the host hands the records in.
 * NOT done here: precedence and values (`resolve.ts`). Invariant: a name nobody knows is never dropped silently, except a blank
 * variable or input, which counts as unset.
 */
                                                       

/** One option as somebody set it. `raw` is text, or a typed value from a hook option or a file. */
                        
                          
                                                                                                                          
                            
                        
                                                                             
                            
 

/** A name that is no option of this command here. `name` is what to look for among the known ones. */
                              
                          
                            
                        
                                                                                                    
                                       
 

/** What one source says. */
                          
                                             
                                           
                                              
 

const EMPTY_READING          = Object.freeze({
  given: new Map               (),
  unknown: Object.freeze([]),
  problems: Object.freeze([]),
});

/** Variables lockstep sets for others. Never options, whatever they hold. */
const RESERVED = /^LOCKSTEP_(LOCK_NAME|FENCING_TOKEN|SESSION|GATE_.*|RESULT_.*)$/;

/** An Action's inputs by their names (`older-than`). Expressions that action.yml fills in by default bother no command. */
function readInputs(
  inputs                                              ,
  command             ,
)          {
  const given = new Map               ();
  const unknown                = [];
  for (const [name, raw] of Object.entries(inputs)) {
    if (isUnset(raw)) continue;
    const rows = OPTIONS.filter((spec) => kebabCase(spec.name) === name && isFrom(spec, 'input'));
    const own = rows.find((spec) => isFor(spec, command));
    if (own) given.set(own.name, { source: 'input', spelling: name, raw });
    else if (!rows.some((spec) => spec.actionDefault !== undefined)) {
      unknown.push({ source: 'input', spelling: plain(name, 60), name, section: null });
    }
  }
  return { given, unknown, problems: [] };
}

/** The `LOCKSTEP_*` variables. One that belongs to another command is ignored: a job's environment serves all its steps. */
function readEnvironment(
  environment                                              ,
  command             ,
)          {
  const given = new Map               ();
  const unknown                = [];
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('LOCKSTEP_') || RESERVED.test(name) || isUnset(environment[name])) continue;
    const rows = OPTIONS.filter((spec) => environmentName(spec.name) === name && isFrom(spec, 'env'));
    const own = rows.find((spec) => isFor(spec, command));
    if (own) given.set(own.name, { source: 'env', spelling: name, raw: environment[name] });
    else if (rows.length === 0) {
      unknown.push({ source: 'env', spelling: plain(name, 60), name, section: null });
    }
  }
  return { given, unknown, problems: [] };
}

/** Commands that may have a section in a config file or in hook options. */
function sectionNames(source                 )                {
  const names = OPTIONS.flatMap((spec) =>
    isFrom(spec, source) && spec.commands !== 'all' ? spec.commands : [],
  );
  return [...new Set(names)];
}

/** An option that may stand in the section of a command; common ones may, and then win over the top. */
function sectionOptions(source                 , section             )               {
  return OPTIONS.filter((spec) => isFrom(spec, source) && isFor(spec, section));
}

/** The options that stand at the top. */
function topOptions(source                 )               {
  return OPTIONS.filter((spec) => isFrom(spec, source) && spec.commands === 'all');
}

/**
 * A config file's content or the options given to a hook: common options at the top, one section per command. The names of
 * every section are checked, the values of this command's only.
 */
function readSections(
  content         ,
  { source, command, fileName }                                                                      ,
)          {
  const where = fileName === undefined ? '' : ` in ${plain(fileName, 120)}`;
  const problems                  = [];
  const given = new Map               ();
  const unknown                = [];
  if (!isRecord(content)) {
    const option = fileName === undefined ? 'options' : plain(fileName, 120);
    return { given, unknown, problems: [{ option, message: 'must be an object' }] };
  }
  const sections = sectionNames(source);
  const spell = (path        ) => `${plain(path, 80)}${where}`;

  const take = (record                                   , section                    ) => {
    const known = section === null ? topOptions(source) : sectionOptions(source, section);
    for (const [name, raw] of Object.entries(record)) {
      if (section === null && (name === '$schema' || isSection(name))) continue;
      const path = section === null ? name : `${section}.${name}`;
      const spec = known.find((each) => each.name === name);
      if (!spec) unknown.push({ source, spelling: spell(path), name, section });
      else if (!isUnset(raw) && (section === null || section === command)) {
        given.set(name, { source, spelling: source === 'hook' ? name : spell(path), raw });
      }
    }
  };
  const isSection = (name        )                      => isCommandName(name) && sections.includes(name);

  take(content, null);
  for (const [name, raw] of Object.entries(content)) {
    if (!isSection(name) || raw === undefined) continue;
    const { shorthand } = commandSpec(name);
    if (isRecord(raw)) take(raw, name);
    else if (typeof raw === 'string' && shorthand !== undefined) take({ [shorthand]: raw }, name);
    else
      problems.push({ option: spell(name), message: 'must be an object with the options of this command' });
  }
  return { given, unknown, problems };
}

function isRecord(value         )                                             {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export { COMMAND_NAMES as C, EMPTY_READING as E, OPTIONS as O, isCommandName as a, isFor as b, commandSpec as c, isPositional as d, readSections as e, readEnvironment as f, isUnset as g, defaultOf as h, isFrom as i, environmentName as j, kebabCase as k, parseText as l, sectionOptions as m, optionsOf as o, parseTyped as p, readInputs as r, sectionNames as s, topOptions as t, valueKey as v };
