// One creator process on a full account: makes room with the others and creates one app, or says why not. Settings come as the
// one argument, the start by a line on stdin, the result is the last line.
import { withRoom } from '../../src/app/room.ts';
import { systemClock } from '../../src/base/clock.ts';
import { toError } from '../../src/base/errors.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import { createHerokuProvider } from '../../src/provider/heroku.ts';
import { parsePattern } from '../../src/reaper/pattern.ts';
import { openStore, parseStoreUrl } from '../../src/store/open.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { throttledFetch } from '../../src/throttle/throttled-fetch.ts';

const { url, store: storeUrl, name } = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>;
const clock = systemClock;
const apiUrl = url ?? '';
const address = parseStoreUrl(storeUrl ?? '', { cwd: process.cwd(), env: {} });
const pattern = await parsePattern('ci-.*');
if (!address.ok || !pattern.ok) throw new Error('the settings are wrong');
const store = await openStore(address.value, { clock });
const manager = createLeaseManager({ store, clock });
const provider = createHerokuProvider({
  apiUrl,
  apiKey: 'key',
  team: null,
  account: 'ci',
  clock,
  timeoutMs: 5000,
});
const pace = createThrottle({ settings: { ...provider.pace, reserve: 0 } });
const paced = throttledFetch(pace);
process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
try {
  const create = ({ signal }: { signal: AbortSignal }) =>
    paced(`${apiUrl}/apps`, {
      method: 'POST',
      signal,
      headers: { authorization: 'Bearer key', 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    });
  const place = await withRoom(provider, create, {
    store,
    manager,
    pace,
    settings: {
      match: pattern.value,
      protect: [],
      olderThanMs: 3_600_000,
      limit: null,
      headroom: 0,
      minAgeMs: 300_000,
      maxDeletes: null,
      onConflict: 'stop-if-under-limit',
      concurrency: 4,
    },
    holder: { text: name ?? '', host: 'test', pid: process.pid },
    timeoutMs: 60_000,
    pollMs: 200,
  });
  process.stdout.write(`${JSON.stringify({ status: place.value.status })}\n`);
} catch (thrown) {
  const error = toError(thrown) as Error & { code?: string };
  process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
}
process.stdin.destroy();
await provider.close();
await manager.close();
await store.close();
