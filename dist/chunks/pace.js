import { g as createKey } from "./core.js";

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
  const {createThrottle: createThrottle} = await import("./throttle.js").then(n => n.b);
  return createThrottle({
   clock: clock,
   settings: settings
  });
 }
 const {createSharedThrottle: createSharedThrottle} = await (import("./shared-throttle.js"));
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
 return createKey(namespace, "throttle", `${provider.name}-${provider.accountId}`);
}

export { isSharedByDefault, openPace, throttleKey };
