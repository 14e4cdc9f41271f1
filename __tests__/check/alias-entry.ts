// Run as a process of its own: one alias of one check over a file store, until it is replaced or told to stop (SIGTERM).
// Arguments: folder of the store, name of the alias, name of the upstream check, writer. Says `started` once its first write landed.
import { systemClock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { startAlias } from '../../src/check/alias.ts';
import { createCheckProbe } from '../../src/probe/check.ts';
import { checkKey } from '../../src/probe/check-record.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';

const [path = '', name = '', upstream = '', writer = ''] = process.argv.slice(2);
const clock = systemClock;
const namespace = 'test';
const store = await openFileStore({ path, clock });
const probe = createCheckProbe({ id: `check:${upstream}`, name: upstream, namespace, store, clock });
let isStarted = false;
const announcing = {
  ...store,
  compareAndSet: async (...args: Parameters<typeof store.compareAndSet>) => {
    const result = await store.compareAndSet(...args);
    if (result.ok && args[0] === checkKey(namespace, name) && !isStarted) {
      isStarted = true;
      process.stdout.write('started\n');
    }
    return result;
  },
};
const alias = startAlias(
  { name, upstreams: [probe], reconcileMs: 2000 },
  { store: announcing, namespace, clock, writer, logger: nullLogger },
);
process.on('SIGTERM', () => void alias.stop());
const report = await alias.done;
await store.close();
process.stdout.write(`${report.outcome}\n`);
