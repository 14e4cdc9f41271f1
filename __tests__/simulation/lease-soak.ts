// Runs many schedules in a process of their own: `node --import ./scripts/register-ts.js __tests__/simulation/lease-soak.ts
// --schedules 1000000 --seed 1`. Prints figures as it goes; on a failure the smallest scenario found, and exits with 1.
// With `--json` it prints one line at the end instead, for the test that runs two of them side by side.
import { parseArgs } from 'node:util';
import {
  createFigures,
  describeFailure,
  type Failure,
  runScenarios,
  scenariosFrom,
  shrink,
} from './lease-schedule.ts';

/** The line that `--json` prints. */
export interface SoakResult {
  readonly schedules: number;
  readonly steps: number;
  readonly ownerships: number;
  readonly takeovers: number;
  readonly states: readonly string[];
  /** What failed and how to replay it, made as small as it would go. */
  readonly failure: string | null;
}

const CHUNK = 10_000;

async function soak(): Promise<number> {
  const { values } = parseArgs({
    options: {
      schedules: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const total = Number(values.schedules);
  const firstSeed = Number(values.seed);
  const figures = createFigures();
  const startedMs = performance.now();
  let failure: Failure | null = null;
  for (let done = 0; done < total && !failure; done += CHUNK) {
    failure = await runScenarios(scenariosFrom(firstSeed + done, Math.min(CHUNK, total - done)), figures);
    if (values.json) continue;
    const { schedules, steps, ownerships, takeovers, states } = figures;
    const perSecond = Math.round((1000 * schedules) / (performance.now() - startedMs));
    process.stdout.write(
      `${schedules} schedules, ${perSecond}/s, ${steps} steps, ${ownerships} ownerships, ${takeovers} takeovers, ` +
        `${states.size} distinct states (${((100 * states.size) / steps).toFixed(3)} %)\n`,
    );
  }
  const told = failure && `${failure.what}\n${describeFailure(await shrink(failure))}`;
  if (values.json) {
    const result: SoakResult = { ...figures, states: [...figures.states], failure: told };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else if (told) {
    process.stdout.write(`${told}\n`);
  }
  return told ? 1 : 0;
}

process.exitCode = await soak();
