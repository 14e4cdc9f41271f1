"use strict";

const core = require("./core.js");

const NOTHING_OBSERVED = new Map;

function observe(observation, beats, nowMs) {
 const next = new Map;
 for (const [nonce, sighting] of observation) {
  if (nowMs - sighting.lastSeenMs <= 2 * sighting.leaseMs) next.set(nonce, sighting);
 }
 for (const {nonce: nonce, seq: seq, leaseMs: leaseMs} of beats) {
  const known = observation.get(nonce);
  const isKnown = known !== undefined && known.seq >= seq;
  next.set(nonce, {
   seq: isKnown ? known.seq : seq,
   sinceMs: isKnown ? known.sinceMs : nowMs,
   lastSeenMs: nowMs,
   leaseMs: leaseMs
  });
 }
 return next;
}

function takeoverInMs(observation, beat, nowMs) {
 const known = observation.get(beat.nonce);
 if (known === undefined || known.seq !== beat.seq) return core.takeoverAfterMs(beat.leaseMs);
 return Math.max(0, core.takeoverAfterMs(beat.leaseMs) - (nowMs - known.sinceMs));
}

exports.NOTHING_OBSERVED = NOTHING_OBSERVED;

exports.observe = observe;

exports.takeoverInMs = takeoverInMs;
