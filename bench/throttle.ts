// Real processes on one account of 4,500 calls, refilled by 75 a minute, from an empty bucket: how many calls are refused, how
// much of the refill is used, how even it is. Runs in real time, all fleets at once, each with a server and a store of its own.
// Run: node --import ./scripts/register-ts.js bench/throttle.ts [SECONDS] [STORE_URL]
import { runProcesses } from '../__tests__/support/throttle-fleet.ts';
import { printTable, round } from './pairs.ts';

const EMISSION_INTERVAL_MS = 800;
const durationMs = 1000 * Number(process.argv[2] ?? 60);
const store = process.argv[3];

const fleets = [1, 10, 32].flatMap((clients) =>
  (['alone', 'shared'] as const).map((strategy) => ({ clients, strategy })),
);
const rows = await Promise.all(
  fleets.map(async ({ clients, strategy }) => {
    // Fleets on one server of a store keep apart by the namespace of their keys; a file store is a folder each.
    const run = await runProcesses({
      clients,
      strategy,
      durationMs,
      emissionIntervalMs: EMISSION_INTERVAL_MS,
      ...(store === undefined ? {} : { store }),
      key: `bench-${strategy}-${clients}-${process.pid}/throttle/account`,
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
  }),
);
printTable(`${durationMs / 1000} s from an empty bucket, ${store?.replace(/:.*/, '') ?? 'file'} store`, rows);
