import { C as CancelledError } from './errors.js';

/**
 * The only file that touches timers, clocks and chance. Everything else takes a {@link Clock}, so that tests drive time
 * by hand and the simulation gives each actor a clock of its own, with drift.
 * Monotonic milliseconds are comparable within one process only; wall milliseconds are information, never evidence.
 */

/** A timer that is owned: whoever starts one cancels it. Cancelling twice, or after it fired, does nothing. */
                        
                 
 

                        
                                                                                                            
                        
                                                               
                   
                           
                   
     
                                                                                                                         
     
                                                                                               
 

// Node clamps longer delays to 1 ms; so long ones are walked in steps.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock. */
const systemClock        = Object.freeze({
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  random: () => Math.random(),
  startTimer(delayMs        , callback            , options                           = {})        {
    let handle                ;
    let leftMs = Math.max(0, delayMs);
    const arm = () => {
      const stepMs = Math.min(leftMs, MAX_TIMER_MS);
      leftMs -= stepMs;
      handle = setTimeout(leftMs > 0 ? arm : callback, stepMs);
      if (options.background) handle.unref();
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
});

/** Rejects with the signal's reason: an Error as it is, anything else wrapped in a CancelledError. */
function throwIfAborted(signal                         )       {
  if (signal?.aborted) throw abortReason(signal);
}

/** The reason of an aborted signal as an Error. */
function abortReason(signal             )        {
  const reason          = signal.reason;
  // A bare abort() gives a DOMException without meaning for a user; a typed reason is passed on untouched.
  if (reason instanceof Error && reason.name !== 'AbortError') return reason;
  return new CancelledError('cancelled', { cause: reason });
}

/** Resolves after `delayMs`; rejects at once with the signal's reason when it aborts. Leaves nothing behind. */
async function sleep(clock       , delayMs        , signal              )                {
  throwIfAborted(signal);
  await new Promise      ((resolve, reject) => {
    const onAbort = () => {
      timer.cancel();
      reject(abortReason(signal               ));
    };
    const timer = clock.startTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * What every floor below the hosts logs to. A host decides where lines go and how they look; text from outside must have
 * passed `base/text.ts` before it comes here.
 */

const LOG_LEVELS = ['error', 'warn', 'info', 'debug']         ;
                                                   

                         
                               
                              
                              
                               
 

/** Drops everything. */
const nullLogger         = Object.freeze({ error: drop, warn: drop, info: drop, debug: drop });

function drop()       {
  // Nothing is wanted.
}

/** A logger that passes on what is at least as important as `level`. */
function createLogger(level          , write                                            )         {
  const most = LOG_LEVELS.indexOf(level);
  const at = (own          ) => (message        ) => {
    if (LOG_LEVELS.indexOf(own) <= most) write(own, message);
  };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/**
 * What a terminal can show: colours where wanted, tables, one live block that redraws in place. Pure except for the stream it
 * is given. Text from outside has passed base/text.ts before it comes here; widths assume one column per code point, which
 * holds for everything lockstep itself prints.
 */

                                
                             
                            
                            
                              
                               
                             
 

/** Styles for a stream; without colours every function returns its text. */
function createStyle(options                     )                {
  const wrap = (open        , close        ) => (text        ) =>
    options.colors ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
  };
}

/** Whether to colour: NO_COLOR and FORCE_COLOR decide where set, otherwise whether a person is looking. */
function wantsColors(env                                              , isTerminal         )          {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR'] && env['FORCE_COLOR'] !== '0') return true;
  return isTerminal && env['TERM'] !== 'dumb';
}

/** The width as seen: escape sequences take no column. */
function visibleWidth(text        )         {
  return [...text.replace(/\u001b\[[0-9;]*m/g, '')].length;
}

/** Rows of cells as aligned lines; numbers (cells that begin with a digit and end a column named in `right`) to the right. */
function renderTable(
  rows                                ,
  options                                                 = {},
)           {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => visibleWidth(row[column] ?? ''))),
  );
  return rows.map((row) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? '';
      const space = ' '.repeat(Math.max(0, width - visibleWidth(cell)));
      return options.right?.includes(column) ? space + cell : cell + space;
    });
    return `${options.indent ?? ''}${cells.join('  ')}`.trimEnd();
  });
}

/** A block of lines that is redrawn in place. */
                            
                                       
                                          
                 
 

/** Redraws on a terminal; elsewhere draws nothing, since a log keeps every frame. */
function createLiveBlock(stream                                                       )            {
  let drawn = 0;
  return {
    draw(lines) {
      if (!stream.isTerminal) return;
      const up = drawn > 0 ? `\u001b[${drawn}A` : '';
      stream.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`);
      drawn = lines.length;
    },
    finish() {
      drawn = 0;
    },
  };
}

export { createLogger as a, sleep as b, createStyle as c, abortReason as d, createLiveBlock as e, nullLogger as n, renderTable as r, systemClock as s, throwIfAborted as t, wantsColors as w };
