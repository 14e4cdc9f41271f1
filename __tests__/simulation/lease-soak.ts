// Many more schedules than a test run has time for: `node --import ./scripts/register-ts.js __tests__/simulation/lease-soak.ts
// --schedules 1000000 --seed 1`. Prints figures as it goes; on a failure the smallest scenario found, and exits with 1.
import { parseArgs } from 'node:util';
import { createFigures, describeFailure, runScenarios, scenariosFrom, shrink } from './lease-schedule.ts';

const { values } = parseArgs({
  options: { schedules: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
});
const total = Number(values.schedules);
const firstSeed = Number(values.seed);
const CHUNK = 10_000;

const figures = createFigures();
const startedMs = performance.now();
let failure = null;
for (let done = 0; done < total && !failure; done += CHUNK) {
  failure = await runScenarios(scenariosFrom(firstSeed + done, Math.min(CHUNK, total - done)), figures);
  const seconds = (performance.now() - startedMs) / 1000;
  const { schedules, steps, ownerships, takeovers, states } = figures;
  process.stdout.write(
    `${schedules} schedules, ${Math.round(schedules / seconds)}/s, ${steps} steps, ${ownerships} ownerships, ` +
      `${takeovers} takeovers, ${states.size} distinct states (${((100 * states.size) / steps).toFixed(3)} %)\n`,
  );
}
if (failure) {
  process.stdout.write(`${describeFailure(failure)}\nsmaller: ${describeFailure(await shrink(failure))}\n`);
  process.exitCode = 1;
}
