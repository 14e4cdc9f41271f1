#!/usr/bin/env node
import { hostname, userInfo } from 'node:os';
import { c as createStyle, w as wantsColors, s as systemClock, a as createLogger } from './chunks/terminal.js';
import { C as CancelledError, e as exitCodeOf, a as ConfigError, h as hasCode, t as toError } from './chunks/errors.js';
import { p as plain, c as createRedactor } from './chunks/duration.js';
import { parseArgs } from 'node:util';
import { O as OPTIONS, i as isFrom, k as kebabCase, a as isCommandName, c as commandSpec, b as isFor, d as isPositional, o as optionsOf, v as valueKey, E as EMPTY_READING, r as readInputs, e as readSections, f as readEnvironment, g as isUnset, h as defaultOf, p as parseTyped, j as environmentName, l as parseText } from './chunks/sources.js';
import { readFile, access } from 'node:fs/promises';
import { resolve, extname } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * A command line to what was set on it. The words themselves are taken apart by node's `util.parseArgs`; which of them are
 * options, of which command, is decided here. Pure: the host hands the list in and prints help or version.
 * A flag's value may start with one dash (`--limit -1` is a bad number, not a missing value) but not with two.
 */
                                                                

                                  
                                                      
                                       
                                               
                                         
                         
                            
                                                     
                          
                                                             
                                          
 

                                                           
                                                      

/** `argv` without the program: `['reap', '--older-than', '7d']`. Never throws; whatever is wrong is in `flags`. */
function parseArguments(argv                   )                  {
  const { tokens, withoutValue } = tokenize(argv);
  const end = tokens.find((token) => token.kind === 'option-terminator');
  const own = end ? tokens.filter((token) => token.index < end.index) : tokens;
  const rest = end ? Object.freeze(argv.slice(end.index + 1)) : null;
  const words = wordsOf(own);
  const first = words[0];
  const command = first !== undefined && isCommandName(first) ? first : null;
  const has = (name        ) =>
    own.some((token) => token.kind === 'option' && token.name === name && token.value === undefined);

  return {
    command,
    unknownCommand: command === null && first !== undefined ? first : null,
    help: has('help'),
    version: has('version'),
    flags:
      command === null
        ? readNothing()
        : readTokens(own, { command, words: words.slice(1), rest, withoutValue }),
    rest,
  };
}

function tokenize(argv                   ) {
  const options                                                                 = {};
  for (const spec of OPTIONS) {
    if (!isFrom(spec, 'flag')) continue;
    options[kebabCase(spec.name)] = {
      type: spec.type === 'boolean' ? 'boolean' : 'string',
      ...(spec.short === undefined ? {} : { short: spec.short }),
    };
  }
  const words = [...argv];
  const withoutValue = new Set        ();
  for (;;) {
    const { tokens } = parseArgs({
      args: words,
      options,
      strict: false,
      allowPositionals: true,
      tokens: true,
    });
    const greedy = tokens.find(
      (token) => token.kind === 'option' && token.inlineValue === false && token.value.startsWith('--'),
    );
    // parseArgs lets `--match --apply` take the second flag as a value. Closing the first one gives the second its own place.
    if (greedy?.kind !== 'option') return { tokens, withoutValue };
    words[greedy.index] = `${greedy.rawName}=`;
    withoutValue.add(greedy.index);
  }
}

/** The positionals. What follows an unknown flag is taken for its value, unless it is the command: one mistake, one problem. */
function wordsOf(tokens                  )           {
  const known = new Set(OPTIONS.filter((spec) => isFrom(spec, 'flag')).map((spec) => kebabCase(spec.name)));
  const words           = [];
  tokens.forEach((token, at) => {
    if (token.kind !== 'positional') return;
    const before = tokens[at - 1];
    const isFlagBefore = before?.kind === 'option' && before.value === undefined;
    const isUnknownBefore = isFlagBefore && !known.has(before.name.replace(/^no-/, ''));
    const isCommand = words.length === 0 && isCommandName(token.value);
    if (!isUnknownBefore || isCommand) words.push(token.value);
  });
  return words;
}

function readNothing()          {
  return { given: new Map(), unknown: [], problems: [] };
}

                        
                                
                                           
                                    
                                          
                                                                      
                                             
 

function readTokens(tokens                  , context              )          {
  const { command, words, rest, withoutValue } = context;
  const given = new Map               ();
  const unknown                = [];
  const problems                  = [];
  const { positionals, takesCommand } = commandSpec(command);

  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const spelling = plain(token.rawName, 60);
    const match = findFlag(token.name, command);
    if (!match) {
      unknown.push({ source: 'flag', spelling, name: token.name, section: null });
      continue;
    }
    const { name } = match.spec;
    const earlier = given.get(name);
    const read = withoutValue.has(token.index) ? NO_VALUE : readFlag(token, match);
    if ('problem' in read)
      given.set(name, { source: 'flag', spelling, raw: undefined, problem: read.problem });
    else if (earlier?.problem === undefined) {
      given.set(name, { source: 'flag', spelling, raw: merge(earlier?.raw, read.raw) });
    }
  }
  words.forEach((word, index) => {
    const name = positionals[index];
    if (name !== undefined) given.set(name, { source: 'flag', spelling: name.toUpperCase(), raw: word });
    else problems.push({ option: `"${plain(word, 60)}"`, message: `is one word too many for ${command}` });
  });
  if (rest !== null && rest.length > 0 && !takesCommand) {
    problems.push({ option: '--', message: `${command} runs no command; nothing may follow --` });
  }
  return { given, unknown, problems };
}

                     
                            
                              
 

function findFlag(name        , command             )                        {
  const find = (text        ) =>
    OPTIONS.find(
      (spec) =>
        kebabCase(spec.name) === text &&
        isFrom(spec, 'flag') &&
        isFor(spec, command) &&
        !isPositional(command, spec.name),
    );
  const spec = find(name);
  if (spec) return { spec, isNegated: false };
  const positive = name.startsWith('no-') ? find(name.slice('no-'.length)) : undefined;
  return positive?.type === 'boolean' ? { spec: positive, isNegated: true } : undefined;
}

const NO_VALUE = { problem: 'needs a value' }         ;

function readFlag(token             , match           )                                                  {
  const { spec, isNegated } = match;
  if (spec.type !== 'boolean') return token.value === undefined ? NO_VALUE : { raw: token.value };
  if (token.value === undefined) return { raw: !isNegated };
  return isNegated ? { problem: 'takes no value' } : { raw: token.value };
}

/** A repeated flag keeps all its texts; a list joins them, of a scalar the last one counts. */
function merge(earlier         , raw                  )          {
  if (typeof raw === 'boolean') return raw;
  if (typeof earlier === 'string') return [earlier, raw];
  return Array.isArray(earlier) ? [...(earlier            ), raw] : raw;
}

/**
 * The config file: which one, and its content as JSON. Names and values are checked by `sources.ts` and `resolve.ts`.
 * NOT guaranteed: that a `.mjs` is harmless; it is the user's code and runs here, so the Action never allows one.
 * Invariant: a file that is there but cannot be read or parsed is a problem, never an absent file. Nothing of its content is
 * repeated in a problem: it may hold a store URL with a password.
 */

                                    
                                                                              
                             
                                                                                            
                                                                               
                                                              
                               
 

                             
                                                                            
                                                                             
                                              
 

const JSON_NAME = 'lockstep.config.json';
const MODULE_NAME = 'lockstep.config.mjs';
const NO_FILE             = Object.freeze({ file: null, problems: Object.freeze([]) });

/** Reads the named file, or looks for `lockstep.config.json` and `lockstep.config.mjs`. Rejects for nothing. */
async function readConfigFile(request                   )                      {
  const { directory, named} = request;
  if (named) return readNamed(resolve(directory, named.path), named);
  const jsonPath = resolve(directory, JSON_NAME);
  const modulePath = resolve(directory, MODULE_NAME);
  const [text, hasModule] = await Promise.all([readText(jsonPath), exists(modulePath)]);
  if (text.kind === 'failed') return broken(JSON_NAME, text.message);
  if (text.kind === 'absent') return hasModule ? readModule(modulePath, MODULE_NAME) : NO_FILE;
  if (hasModule) {
    return broken(JSON_NAME, `${MODULE_NAME} is there too; keep one of them, or name one with --config`);
  }
  return readJson(text.text, JSON_NAME);
}

async function readNamed(
  path        ,
  { path: name, spelling }                                    ,
  canRunCode         ,
)                      {
  const extension = extname(path);
  const shown = plain(name, 120);
  if (extension !== '.mjs' && extension !== '.json') {
    return broken(spelling, `${shown} ends neither in .json nor in .mjs`);
  }
  if (extension === '.mjs') {
    return (await exists(path)) ? readModule(path, name) : broken(spelling, `there is no file ${shown}`);
  }
  const text = await readText(path);
  if (text.kind === 'absent') return broken(spelling, `there is no file ${shown}`);
  if (text.kind === 'failed') return broken(spelling, `${shown} cannot be read: ${text.message}`);
  return readJson(text.text, name);
}

               
                                                    
                               
                                                          

async function readText(path        )                    {
  try {
    return { kind: 'text', text: await readFile(path, 'utf8') };
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? { kind: 'absent' } : { kind: 'failed', message: code };
  }
}

async function exists(path        )                   {
  try {
    await access(path);
    return true;
  } catch (error) {
    const code = errorCode(error);
    // Whatever else is wrong with it, the import says better.
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

function errorCode(error         )         {
  const code = (error                             )?.code;
  return typeof code === 'string' ? code : 'unknown error';
}

async function readJson(text        , name        )                      {
  // Editors on Windows may put a byte order mark in front; JSON.parse refuses it.
  const json = text.startsWith('\ufeff') ? text.slice(1) : text;
  try {
    return { file: { name, content: JSON.parse(json)            }, problems: [] };
  } catch {
    // The engine's message quotes the content and, depending on its version, has no position: it is found again.
    const { findJsonError } = await import('./chunks/json-error.js');
    const found = findJsonError(json);
    const where = found ? `line ${found.line}, column ${found.column}: ${found.message}` : 'is not JSON';
    return broken(plain(name, 120), where);
  }
}

async function readModule(path        , name        )                      {
  const shown = plain(name, 120);
  let loaded                       ;
  try {
    loaded = (await import(pathToFileURL(path).href))                         ;
  } catch (error) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return broken(shown, `could not be loaded: ${plain(message)}; \`node ${shown}\` shows where`);
  }
  if (loaded.default === undefined) return broken(shown, 'has no default export');
  return { file: { name, content: loaded.default }, problems: [] };
}

function broken(option        , message        )             {
  return { file: null, problems: [{ option, message }] };
}

/**
 * From everything that was set to one value per option: flag or input, then hook option, then environment, then config file,
 * then default. NOT checked here: relations between options (`reap-settings.ts`) and what belongs to a capability (a pattern).
 * Invariants: all problems come at once, each in the user's own spelling; in an Action neither environment nor hook options
 * count; a value that is overridden is not looked at.
 */
                                                  

                                                        
                      
                      
                                      
                           
                                                   
                                                                 
                                                                                    
                          
                                                              
                                                                           
                                                                              
 

                                                         
                      
                                   
                                                                           
                                              
                                                                                         
                                               
                                                                                 
                                          
 

/** Never throws for what users wrote; the caller makes a ConfigError of the problems once it has added its own. */
async function resolveOptions                       (
  request                   ,
)                              {
  const { command, host } = request;
  const readings = readingsOf(request);
  const given = new Map               ();
  const values                                     = {};
  const problems                  = [...(await unknownNames(readings, command))];
  problems.push(...readings.flatMap((reading) => reading.problems));

  for (const spec of optionsOf(command)) {
    const winner = readings.map((reading) => reading.given.get(spec.name)).find(isSet);
    values[valueKey(spec)] = defaultValue(spec, command);
    if (!winner) {
      if (isMissing(spec, host)) {
        problems.push({ option: hostSpelling(spec, command, host), message: missingMessage(spec) });
      }
      continue;
    }
    given.set(spec.name, winner);
    const parsed = parseGiven(spec, winner);
    if (parsed.ok) values[valueKey(spec)] = parsed.value;
    else problems.push({ option: winner.spelling, message: parsed.problem });
  }

  return {
    command,
    values: Object.freeze(values)                   ,
    problems: Object.freeze(problems),
    sourceOf: (name) => given.get(name)?.source ?? null,
    spellingOf: (name) => given.get(name)?.spelling ?? spellOption(name, command, host),
  };
}

/**
 * The config file somebody named, before it can be read: flag or input, then hook option, then environment. Null where nobody
 * did. The rest of the options is resolved once the file's content is there.
 */
function namedConfigFile                       (
  request                                 ,
)                                            {
  for (const reading of readingsOf(request)) {
    const given = reading.given.get('config');
    if (given === undefined || !isSet(given)) continue;
    const raw = Array.isArray(given.raw) ? given.raw.at(-1) : given.raw;
    // A value of another type is a problem that resolveOptions reports.
    return typeof raw === 'string' ? { path: raw.trim(), spelling: given.spelling } : null;
  }
  return null;
}

/** How a host spells an option of a command: `--older-than`, `older-than`, `olderThan`; `NAME` for a word without a flag. */
function spellOption(name        , command             , host      )         {
  const spec = optionsOf(command).find((each) => each.name === name);
  return spec ? hostSpelling(spec, command, host) : name;
}

function readingsOf                       (request                   )            {
  const { command, host, flags, inputs, hook, env, file } = request;
  const isAction = host === 'action';
  const fileName = file?.name;
  return [
    flags ?? EMPTY_READING,
    inputs ? readInputs(inputs, command) : EMPTY_READING,
    hook === undefined || isAction ? EMPTY_READING : readSections(hook, { source: 'hook', command }),
    env === undefined || isAction ? EMPTY_READING : readEnvironment(env, command),
    file && fileName !== undefined
      ? readSections(file.content, { source: 'file', command, fileName })
      : EMPTY_READING,
  ];
}

async function unknownNames(readings                    , command             )                           {
  const unknown = readings.flatMap((reading) => reading.unknown);
  if (unknown.length === 0) return [];
  const { describeUnknownName } = await import('./chunks/unknown-name.js');
  return unknown.map((each) => describeUnknownName(each, command));
}

/** The table's default, parsed like a user's value, so that it cannot mean something else than it reads. */
function defaultValue(spec            , command             )                     {
  const value = defaultOf(spec, command);
  if (value === undefined) return null;
  const parsed = parseTyped(spec, value);
  return parsed.ok ? parsed.value : null;
}

function isSet(given                   )          {
  return given !== undefined && (given.problem !== undefined || !isUnset(given.raw));
}

function parseGiven(spec            , { source, raw, problem }       )                      {
  if (problem !== undefined) return { ok: false, problem };
  return source === 'hook' || source === 'file'
    ? parseTyped(spec, raw)
    : parseText(spec, raw                                        );
}

function isMissing(spec            , host      )          {
  if (!spec.required) return false;
  const own         = host === 'cli' ? 'flag' : host === 'action' ? 'input' : 'hook';
  return isFrom(spec, own);
}

function missingMessage(spec            )         {
  return spec.choices ? `is required; one of ${spec.choices.join(', ')}` : 'is required';
}

function hostSpelling(spec            , command             , host      )         {
  if (host === 'action' && isFrom(spec, 'input')) return kebabCase(spec.name);
  if (host === 'hook' && isFrom(spec, 'hook')) return spec.name;
  if (isFrom(spec, 'flag')) {
    return isPositional(command, spec.name) ? spec.name.toUpperCase() : `--${kebabCase(spec.name)}`;
  }
  return isFrom(spec, 'env') ? environmentName(spec.name) : kebabCase(spec.name);
}

/** Which values of a host's world are secrets, so that its logger can hide them wherever they turn up. */

/** Variables whose value is a credential. */
const SECRET_NAMES = [
  'HEROKU_API_KEY',
  'GITHUB_TOKEN',
  'ACTIONS_RUNTIME_TOKEN',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
];

/** Credentials in the environment and in store URLs (`redis://user:password@host`). */
function secretsOf(
  env                                              ,
  texts                                        ,
)           {
  const fromNames = SECRET_NAMES.map((name) => env[name]);
  const fromUrls = texts.map((text) => /^[a-z]+:\/\/[^/@]*:([^/@]+)@/.exec(text ?? '')?.[1]);
  const all = [...fromNames, ...fromUrls, ...fromUrls.map((text) => text && decodeOrKeep(text))];
  return all.filter((value)                  => typeof value === 'string' && value !== '');
}

function decodeOrKeep(text        )         {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not URL-encoded: then it stands for itself.
    return text;
  }
}

/**
 * SIGINT and SIGTERM as a cancellation: the first one aborts, the command winds down (a partial report, the lease given
 * back); a second one, or 7 s, ends the process at once. The runner gives 7.5 s between SIGINT and SIGTERM.
 */
                                              

                               
                               
                                       
                                          
                                                
                  
 

const GRACE_MS = 7_000;

/** Listens on this process. `onExpired` is called when winding down took too long or a second signal came. */
function listenForInterruption(options   
               
                                              
                                                        
 )               {
  const controller = new AbortController();
  let received                              = null;
  let timer                            = null;
  const handle = (signalName                      ) => {
    if (received !== null) return options.onExpired(received);
    received = signalName;
    controller.abort(new CancelledError(`interrupted by ${signalName}`, { signalName }));
    timer = options.clock.startTimer(GRACE_MS, () => options.onExpired(signalName), { background: true });
  };
  const onInterrupt = () => handle('SIGINT');
  const onTerminate = () => handle('SIGTERM');
  options.process.on('SIGINT', onInterrupt);
  options.process.on('SIGTERM', onTerminate);
  return {
    signal: controller.signal,
    received: () => received,
    dispose() {
      timer?.cancel();
      options.process.off('SIGINT', onInterrupt);
      options.process.off('SIGTERM', onTerminate);
    },
  };
}

/**
 * The terminal as a host: words and environment in, one result out. With `--json` the result is the last line of standard
 * output whatever happened, on a signal too, and everything else goes to standard error.
 * Invariant: the exit status is the result's `exitCode`; no credential a user gave (a store URL's password, a key in the
 * environment) is printed.
 */

                   
                                
                           
                                
                                            
                                      
 

/** Runs the command line to its end and sets the exit status. Never rejects. */
async function runTerminal(process             )                {
  const parsed = parseArguments(process.argv.slice(2));
  const wantsJson = process.argv.includes('--json');
  const session          = {
    process,
    isJson: wantsJson || isTrue(process.env['LOCKSTEP_JSON']),
    style: createStyle({ colors: wantsColors(process.env, process.stdout.isTTY === true) }),
    redact: createRedactor(secretsOf(process.env, process.argv)),
    interruption: listenForInterruption({
      clock: systemClock,
      process,
      onExpired: (signalName) => process.exit(signalName === 'SIGINT' ? 130 : 143),
    }),
  };
  try {
    process.exitCode = await runParsed(parsed, session);
  } catch (thrown) {
    process.exitCode = await reportFailure(parsed.command, toError(thrown), session);
  } finally {
    session.interruption.dispose();
  }
}

async function runParsed(parsed                 , session         )                  {
  const { process } = session;
  if (parsed.version || parsed.help || parsed.command === null) {
    const { answerWithoutCommand } = await import('./chunks/terminal-help.js');
    return answerWithoutCommand(parsed, process);
  }
  const resolved = await resolveAll(parsed, parsed.command, session);
  const command = await loadCommand(parsed.command, session);
  const context = createContext(resolved, session, parsed);
  const report = await command.run(context, resolved);
  const lines = resolved.values.json ? [] : command.render(report, session.style);
  if (lines.length > 0) process.stdout.write(`${session.redact(lines.join('\n'))}\n`);
  if (resolved.values.json) writeJson(report, session);
  return report.exitCode;
}

async function resolveAll(
  parsed                 ,
  command             ,
  { process }         ,
)                                        {
  const request = { command, host: 'cli'         , flags: parsed.flags, env: process.env };
  const { file, problems } = await readConfigFile({
    directory: process.cwd(),
    named: namedConfigFile(request)});
  const resolved = await resolveOptions({ ...request, file });
  return problems.length === 0 ? resolved : { ...resolved, problems: [...problems, ...resolved.problems] };
}

/** One entry per command; each pays only for itself. */
async function loadCommand(command             , session         )                           {
  switch (command) {
    case 'reap':
      return (await import('./chunks/terminal-reap.js')).reapCommand;
    case 'status':
      return (await import('./chunks/terminal-status.js')).statusCommand;
    case 'demo':
      return (await import('./chunks/terminal-demo.js')).createDemoCommand({
        stream: {
          write: (text) => session.process.stdout.write(text),
          isTerminal: session.process.stdout.isTTY === true,
        },
        style: session.style,
      });
  }
}

function createContext(
  resolved                              ,
  session         ,
  parsed                 ,
)                 {
  const { process, style, redact, interruption } = session;
  const paint                                             = {
    error: style.red,
    warn: style.yellow,
    info: (text) => text,
    debug: style.dim,
  };
  return {
    clock: systemClock,
    logger: createLogger(resolved.values.logLevel, (level, message) => {
      const mark = level === 'error' || level === 'warn' ? `${level}: ` : '';
      process.stderr.write(`${paint[level](redact(`${mark}${message}`))}\n`);
    }),
    env: process.env,
    cwd: process.cwd(),
    signal: interruption.signal,
    isRunner: process.env['GITHUB_ACTIONS'] === 'true',
    process: {
      host: hostname(),
      pid: process.pid,
      user: userName(process.env),
      execPath: process.execPath,
      execArgv: process.execArgv,
      entry: process.argv[1] ?? '',
    },
    rest: parsed.rest,
  };
}

/** Every problem with its option, the cure, and the JSON result where it was asked for. */
async function reportFailure(command                    , error       , session         )                  {
  const { process, redact, style, isJson } = session;
  const isKnown = exitCodeOf(error) !== 1;
  if (error instanceof ConfigError) {
    for (const { option, message } of error.problems) {
      process.stderr.write(
        `${style.red('error:')} ${redact(`${option ? `${style.bold(option)} ` : ''}${message}`)}\n`,
      );
    }
  } else {
    process.stderr.write(`${style.red('error:')} ${redact(plain(error.message, 2000))}\n`);
    if (!isKnown)
      process.stderr.write(`${style.dim(redact(error.stack ?? ''))}\nThis is a bug in lockstep.\n`);
  }
  const hint = (error                          ).hint;
  if (hint) process.stderr.write(`${redact(plain(hint, 1000))}\n`);
  const { createFailureReport } = await import('./chunks/failure-report.js');
  const report = createFailureReport(command, error);
  if (isJson) writeJson(report, session);
  return report.exitCode;
}

function writeJson(report               , { process, redact }         )       {
  process.stdout.write(`${redact(JSON.stringify(report))}\n`);
}

function isTrue(text                    )          {
  return text === 'true' || text === '1';
}

/** The login name; a container may run under a number that has none. */
function userName(env                                              )         {
  try {
    return userInfo().username;
  } catch (error) {
    if (hasCode(error, 'invariant')) throw error;
    return env['USER'] ?? 'unknown';
  }
}

/** The command line's entry: hands this process to the terminal host and nothing else. */

await runTerminal(process);
