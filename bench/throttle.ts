// Real processes on one account of 4,500 calls, refilled by 75 a minute, from an empty bucket: how many calls are refused, how
// much of the refill is used, how even it is. Runs in real time: fleets that pace alone first, then those that share, each with a
// server and a record of its own. An engine is started for its fleets and ended after them.
// Run: node --import ./scripts/register-ts.js bench/throttle.ts [SECONDS] [file|redis|postgres|etcd|STORE_URL …]
import { ENGINES } from '../__tests__/support/engine-list.ts';
import { runProcesses } from '../__tests__/support/throttle-fleet.ts';
import { printTable, round } from './pairs.ts';

const EMISSION_INTERVAL_MS = 800;
const [seconds = '60', ...named] = process.argv.slice(2);
const durationMs = 1000 * Number(seconds);

/** `store` null: a file store each. Fleets on one server of a store keep apart by their key. */
const measure = async (
  clients: number,
  { strategy, store }: { strategy: 'alone' | 'shared'; store: string | null },
) => {
  const run = await runProcesses({
    clients,
    strategy,
    durationMs,
    emissionIntervalMs: EMISSION_INTERVAL_MS,
    ...(store === null ? {} : { store }),
    key: `bench-${clients}-${process.pid}/throttle/account`,
  });
  return {
    processes: clients,
    paced: strategy,
    'answered 429 %': round(100 * run.refusedShare, 1),
    'used of the refill': `${run.accepted} of ${run.possible}`,
    '%': round(100 * run.usedShare, 1),
    'deviation of calls': round(run.deviation, 1),
    'longest wait s': round(run.longestWaitMs / 1000, 1),
    'store calls': run.storeCalls,
  };
};

for (const name of named.length > 0 ? named : ['file']) {
  const engine = ENGINES.find((each) => each.name === name);
  if (engine && !engine.isInstalled) throw new Error(`${name} is missing: ${engine.howToGet}`);
  const server = engine ? await engine.start() : null;
  const store = server?.url() ?? (name === 'file' ? null : name);
  const rows = [];
  try {
    for (const strategy of store === null ? (['alone', 'shared'] as const) : (['shared'] as const)) {
      rows.push(...(await Promise.all([1, 10, 32].map((clients) => measure(clients, { strategy, store })))));
    }
  } finally {
    await server?.stop();
  }
  printTable(`${seconds} s from an empty bucket, ${name.replace(/:.*/, '')} store`, rows);
}
