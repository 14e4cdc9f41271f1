"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

function isSharedByDefault({scheme: scheme}) {
 return scheme !== "file" && scheme !== "github";
}

async function openPace(options) {
 const {provider: provider, clock: clock, logger: logger, shared: shared, releasers: releasers} = options;
 const settings = {
  ...provider.pace,
  reserve: options.reserve
 };
 if (!shared) {
  const {createThrottle: createThrottle} = await Promise.resolve().then(() => require("./throttle.js")).then(n => n.throttle);
  return createThrottle({
   clock: clock,
   settings: settings
  });
 }
 const {createSharedThrottle: createSharedThrottle} = await Promise.resolve().then(() => require("./shared-throttle.js"));
 const throttle = createSharedThrottle({
  settings: settings,
  clock: clock,
  logger: logger,
  store: shared.store,
  key: throttleKey(shared.namespace, provider),
  countRemaining: provider.countRemaining?.bind(provider)
 });
 releasers.add(() => throttle.close());
 return throttle;
}

function throttleKey(namespace, provider) {
 return core.createKey(namespace, "throttle", `${provider.name}-${provider.accountId}`);
}

exports.isSharedByDefault = isSharedByDefault;

exports.openPace = openPace;

exports.throttleKey = throttleKey;
