// Real processes on one account of 4,500 calls, refilled by 75 a minute, from an empty bucket: how many calls are refused, how
// much of the refill is used, how even it is. Runs in real time: fleets that pace alone first, then those that share, each with a
// server and a record of its own.
// Run: node --import ./scripts/register-ts.js bench/throttle.ts [SECONDS] [STORE_URL]
import { runProcesses } from '../__tests__/support/throttle-fleet.ts';
import { printTable, round } from './pairs.ts';

const EMISSION_INTERVAL_MS = 800;
const durationMs = 1000 * Number(process.argv[2] ?? 60);
const store = process.argv[3];

const measure = async (clients: number, strategy: 'alone' | 'shared') => {
  const run = await runProcesses({
    clients,
    strategy,
    durationMs,
    emissionIntervalMs: EMISSION_INTERVAL_MS,
    // Fleets on one server of a store keep apart by their key; a file store is a folder each.
    ...(store === undefined ? {} : { store }),
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

const rows = [];
for (const strategy of store === undefined ? (['alone', 'shared'] as const) : (['shared'] as const)) {
  rows.push(...(await Promise.all([1, 10, 32].map((clients) => measure(clients, strategy)))));
}
printTable(`${durationMs / 1000} s from an empty bucket, ${store?.replace(/:.*/, '') ?? 'file'} store`, rows);
