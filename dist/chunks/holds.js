"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const reap = require("./reap.js");

const CONCURRENCY = 8;

function createHolds({source: source, known: known, onUnread: onUnread}) {
 const seen = new Map;
 let readsLeft = reap.MAX_HELD_READS;
 return {
  seen: seen,
  async ask(apps, {serverNowMs: serverNowMs, signal: signal}) {
   const queue = apps.slice(0, readsLeft);
   const held = new Set(apps.slice(readsLeft).map(app => app.id));
   readsLeft -= queue.length;
   const worker = async () => {
    for (let app = queue.shift(); app; app = queue.shift()) {
     const before = known.get(app.id);
     try {
      const view = await source.readHold(app.id, {
       signal: signal
      });
      const judged = reap.judgeHold(view, {
       known: before,
       serverNowMs: serverNowMs
      });
      if (judged.isHeld) held.add(app.id);
      if (judged.seen) seen.set(app.id, judged.seen);
     } catch (thrown) {
      if (signal.aborted) throw thrown;
      held.add(app.id);
      if (before) seen.set(app.id, before);
      onUnread(core.toError(thrown));
     }
    }
   };
   await Promise.all(Array.from({
    length: Math.min(CONCURRENCY, queue.length)
   }, worker));
   return held;
  }
 };
}

exports.createHolds = createHolds;
