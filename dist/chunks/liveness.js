"use strict";

const core = require("./core.js");

const lease = require("./lease.js");

function claimBeat(claim) {
 return {
  nonce: `${claim.incarnation.id}#${claim.token}`,
  seq: claim.beat,
  leaseMs: claim.leaseMs
 };
}

function judgeHolder(claim, sighting) {
 if (sighting.endedIds.has(claim.incarnation.id)) return "dead";
 if (!sighting.hasBeats) return "held";
 return lease.takeoverInMs(sighting.observation, claimBeat(claim), sighting.nowMs) === 0 ? "expired" : "held";
}

const FIRST_ASK_MS = 2e4;

const ASK_EVERY_MS = 3e4;

const ASK_EVERY_PER_MEMBER_MS = 6e3;

function evidenceEveryMs(members) {
 return Math.max(ASK_EVERY_MS, members * ASK_EVERY_PER_MEMBER_MS);
}

function createLiveness(settings) {
 const {clock: clock, jobs: jobs, expected: expected, hasBeats: hasBeats, isOwn: isOwn} = settings;
 let observation = lease.NOTHING_OBSERVED;
 let endedIds = new Set;
 let suspectedToken = null;
 let askAtMs = clock.monotonicMs() + core.jitter(FIRST_ASK_MS, .3, clock.random());
 return {
  see(doc) {
   if (!doc?.claim) suspectedToken = null;
   observation = lease.observe(observation, doc?.claim ? [ claimBeat(doc.claim) ] : [], clock.monotonicMs());
  },
  judge(claim) {
   const fate = judgeHolder(claim, {
    observation: observation,
    nowMs: clock.monotonicMs(),
    endedIds: endedIds,
    hasBeats: hasBeats
   });
   if (fate === "expired") suspectedToken = claim.token;
   return fate;
  },
  isTakeover: token => suspectedToken !== null && token > suspectedToken,
  takeoverInMs(doc) {
   const claim = doc?.phase === "schema" ? doc.claim : null;
   if (!claim || !hasBeats || isOwn(claim)) return null;
   const leftMs = lease.takeoverInMs(observation, claimBeat(claim), clock.monotonicMs());
   return leftMs > 0 ? leftMs + 1 : null;
  },
  evidenceInMs: () => jobs === null ? null : Math.max(0, askAtMs - clock.monotonicMs()),
  async ask(doc, signal) {
   if (jobs === null) return {
    jobs: [],
    isNews: false
   };
   askAtMs = clock.monotonicMs() + core.jitter(evidenceEveryMs(expected.length), .3, clock.random());
   const found = await jobs.look({
    members: expected,
    claim: doc?.claim ?? null
   }, {
    signal: signal
   });
   const isNews = [ ...found.endedIds ].some(id => !endedIds.has(id));
   endedIds = new Set([ ...endedIds, ...found.endedIds ]);
   return {
    jobs: found.ended,
    isNews: isNews
   };
  }
 };
}

exports.createLiveness = createLiveness;

exports.evidenceEveryMs = evidenceEveryMs;
