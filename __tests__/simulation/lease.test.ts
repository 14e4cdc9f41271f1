// The whole lease protocol under a hostile network, drifting clocks and stopped processes, in virtual time. Replay a failure
// with LOCKSTEP_SIMULATION set to the printed scenario; LOCKSTEP_SIMULATION_SEED moves the first seed.
import { describe, expect, test } from '@jest/globals';
import { MUTANTS } from './lease-mutants.ts';
import type { Scenario } from './lease-scenario.ts';
import { createFigures, describeFailure, runScenarios, scenariosFrom, shrink } from './lease-schedule.ts';

const SCHEDULES = 10_000;
const MUTANT_SCHEDULES = 2000;
const FIRST_SEED = Number(process.env['LOCKSTEP_SIMULATION_SEED'] ?? 1);
const REPLAYED = process.env['LOCKSTEP_SIMULATION'];
const TIMEOUT_MS = 600_000;

describe('the lease in simulation', () => {
  test(
    'keeps L1, L2, L3, L5, L8, L9, L10, L11, L12 and L14 and a fenced sink in order, whatever the network and the clocks do',
    async () => {
      const figures = createFigures();
      const scenarios = REPLAYED ? [JSON.parse(REPLAYED) as Scenario] : scenariosFrom(FIRST_SEED, SCHEDULES);
      const failure = await runScenarios(scenarios, figures);
      const { schedules, steps, states, ownerships, takeovers } = figures;
      const share = ((100 * states.size) / steps).toFixed(2);
      process.stdout.write(
        `lease simulation: ${schedules} schedules from seed ${FIRST_SEED}, ${ownerships} ownerships, ${takeovers} takeovers, ` +
          `${states.size} distinct states of ${steps} (${share} %)\n`,
      );
      expect(failure && describeFailure(await shrink(failure))).toBeNull();
      if (REPLAYED) return;
      expect(schedules).toBe(SCHEDULES);
      expect(takeovers).toBeGreaterThan(SCHEDULES / 10);
      expect(states.size).toBeGreaterThan(1000);
    },
    TIMEOUT_MS,
  );

  test(
    'one seed is one run: figures and states repeat',
    async () => {
      const runs = [createFigures(), createFigures()];
      for (const figures of runs) await runScenarios(scenariosFrom(FIRST_SEED, 20), figures);
      expect(runs[0]).toEqual(runs[1]);
    },
    TIMEOUT_MS,
  );

  describe('finds out a protocol in which', () => {
    test.each(MUTANTS.map((mutant) => [mutant.title, mutant] as const))(
      '%s',
      async (_, { variant, breaks, under }) => {
        const scenarios = [...scenariosFrom(1, MUTANT_SCHEDULES)].map((scenario) => ({
          ...scenario,
          ...under,
        }));
        const failure = await runScenarios(scenarios, createFigures(), { variant });
        expect(failure?.what ?? 'nothing was found').toMatch(breaks);
      },
      TIMEOUT_MS,
    );
  });
});
