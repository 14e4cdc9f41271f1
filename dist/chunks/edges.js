import { I as InvariantError, f as UnsupportedError, U as UnavailableError, d as IndeterminateError } from './errors.js';
import { M as MAX_VALUE_BYTES } from './wire.js';
import { d as abortReason } from './terminal.js';

/**
 * What may enter a store, checked alike by every driver before anything is sent: keys in the escaped form of store/key.ts,
 * values of whole Unicode text within the limit. It does not look at what a value means.
 */

const KEY = /^(?!\.)[a-z0-9._~-]+(\/(?!\.)[a-z0-9._~-]+)*$/;

/** Returns the key, or throws InvariantError: a key that did not come from `createKey` is a bug. */
function admitKey(key        )         {
  if (!KEY.test(key)) throw new InvariantError(`not a store key: ${JSON.stringify(key.slice(0, 200))}`);
  return key;
}

/** The value's bytes, or UnsupportedError where it is over the limit or not representable in UTF-8. */
function admitValue(key        , value        )         {
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length > MAX_VALUE_BYTES) {
    throw new UnsupportedError(
      `the value for ${key} has ${bytes.length} bytes; a store takes at most ${MAX_VALUE_BYTES}`,
      { hint: 'shorten what is stored under this name' },
    );
  }
  // Half a surrogate pair would silently come back as U+FFFD from stores that keep UTF-8.
  if (/\p{Surrogate}/u.test(value)) {
    throw new UnsupportedError(`the value for ${key} has half a surrogate pair, which UTF-8 cannot hold`);
  }
  return bytes;
}

/** True where `key` is `prefix` or lies under it, at a segment's border; the empty prefix is everything. */
function isUnderPrefix(key        , prefix        )          {
  const border = prefix.replace(/\/+$/, '');
  return border === '' || key === border || key.startsWith(`${border}/`);
}

/**
 * The frame around every operation that leaves this process: it settles when the caller aborts or the driver's own deadline
 * passes, whatever the other side does (S6), and says truthfully what is then known of a write (S5, S7): before `sending`
 * nothing was applied, after it the outcome is open. It does NOT retry and does not stop what is already under way.
 */

                               
               
                                   
                    
                      
                                  
                                                                       
               
 

                       
                                                                                         
                               
     
                                                                                                                       
                                                                                  
     
                               
 

/** Runs one operation in the frame. Reads never call `sending`: given up, they are plainly unavailable. */
function runCall   (settings              , operation                            )             {
  const { clock, signal, what } = settings;
  if (signal?.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    const given = new AbortController();
    let isSent = false;
    const end = () => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    const giveUp = (reason       ) => {
      end();
      reject(
        isSent
          ? new IndeterminateError(`${what}: no answer, the outcome is open`, { cause: reason })
          : reason,
      );
      given.abort(reason);
    };
    const onAbort = () => giveUp(abortReason(signal               ));
    const timer = clock.startTimer(settings.timeoutMs, () =>
      giveUp(new UnavailableError(`${what}: no answer within ${settings.timeoutMs} ms`)),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    const call       = {
      signal: given.signal,
      sending() {
        if (given.signal.aborted) throw abortReason(given.signal);
        isSent = true;
      },
    };
    operation(call).then(
      (value) => {
        end();
        resolve(value);
      },
      (error         ) => {
        end();
        reject(error);
      },
    );
  });
}

/**
 * The watch every driver hands out: edges that coalesce and carry nothing. A driver calls `connected` at each (re)connect and
 * `emit` when something may have changed; the reader sees at least one edge after the last call, never how many there were.
 * NOT guaranteed: one edge per change. Invariant: it ends by the caller's abort or by `end` (the store's close), never by an
 * error, and then leaves no listener behind.
 */
                                           

                        
                        
                                                                                                          
                              
                                    
               
                                                                                                              
                    
                                                                                                   
              
 

/** A watch that the caller's `signal` ends; the driver calls `end` when the store is closed. */
function createEdges(signal             )        {
  const controller = new AbortController();
  const waiting = new Set                                        ();
  let pending = false;
  let becomeReady             = () => undefined;
  const ready = new Promise      ((resolve) => {
    becomeReady = resolve;
  });

  const wake = (result                      ) => {
    const woken = [...waiting];
    waiting.clear();
    for (const resolve of woken) resolve(result);
  };
  const emit = () => {
    if (controller.signal.aborted) return;
    if (waiting.size === 0) pending = true;
    wake({ done: false, value: undefined });
  };
  const end = () => {
    if (controller.signal.aborted) return;
    signal.removeEventListener('abort', end);
    pending = false;
    controller.abort();
    becomeReady();
    wake({ done: true, value: undefined });
  };
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });

  const next = ()                                => {
    if (controller.signal.aborted) return Promise.resolve({ done: true, value: undefined });
    if (!pending) return new Promise((resolve) => waiting.add(resolve));
    pending = false;
    return Promise.resolve({ done: false, value: undefined });
  };

  return {
    watch: {
      ready,
      // No `return`: leaving a loop must not end the watch (S10), only the signal does.
      [Symbol.asyncIterator]: () => ({ next }),
    },
    ended: controller.signal,
    emit,
    connected() {
      if (controller.signal.aborted) return;
      becomeReady();
      emit();
    },
    end,
  };
}

export { admitKey as a, admitValue as b, createEdges as c, isUnderPrefix as i, runCall as r };
