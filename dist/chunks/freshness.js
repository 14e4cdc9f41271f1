"use strict";

function observeRevision(sighting, look) {
 if (sighting?.revision === look.revision) return sighting;
 return Object.freeze({
  revision: look.revision,
  seenAtMs: look.answeredAtMs
 });
}

function unchangedForMs(sighting, look) {
 return sighting.revision === look.revision ? Math.max(0, look.askedAtMs - sighting.seenAtMs) : 0;
}

function isExpired(ttlMs, unchangedMs) {
 return ttlMs !== null && unchangedMs > ttlMs;
}

exports.isExpired = isExpired;

exports.observeRevision = observeRevision;

exports.unchangedForMs = unchangedForMs;
