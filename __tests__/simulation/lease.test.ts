// The whole lease protocol under a hostile network, drifting clocks and stopped processes, in virtual time. Replay a failure
// with LOCKSTEP_SIMULATION set to the printed scenario; LOCKSTEP_SIMULATION_SEED moves the first seed.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { MUTANTS } from './lease-mutants.ts';
import type { Scenario } from './lease-scenario.ts';
import { createFigures, describeFailure, runScenarios, scenariosFrom } from './lease-schedule.ts';
import type { SoakResult } from './lease-soak.ts';

const SCHEDULES = 10_000;
const MUTANT_SCHEDULES = 2000;
const FIRST_SEED = Number(process.env['LOCKSTEP_SIMULATION_SEED'] ?? 1);
const REPLAYED = process.env['LOCKSTEP_SIMULATION'];
const TIMEOUT_MS = 600_000;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** In a process of its own: a second core, and none of the test runner's slower globals. */
async function soak(seed: number, schedules: number): Promise<SoakResult> {
  const script = '__tests__/simulation/lease-soak.ts';
  const args = ['--json', '--seed', String(seed), '--schedules', String(schedules)];
  const run = promisify(execFile)(
    process.execPath,
    ['--import', './scripts/register-ts.js', script, ...args],
    { cwd: ROOT, maxBuffer: 2 ** 26 },
  );
  try {
    return JSON.parse((await run).stdout) as SoakResult;
  } catch (error) {
    // A failure is told in the same line, with exit code 1; without a line the process itself failed.
    const { stdout } = error as { stdout?: string };
    if (!stdout) throw error;
    return JSON.parse(stdout) as SoakResult;
  }
}

describe('the lease in simulation', () => {
  test(
    'keeps L1, L2, L3, L5, L8, L9, L10, L11, L12, L14 and a fenced sink in order, whatever network and clocks do',
    async () => {
      if (REPLAYED) {
        const failure = await runScenarios([JSON.parse(REPLAYED) as Scenario], createFigures());
        expect(failure && describeFailure(failure)).toBeNull();
        return;
      }
      const half = SCHEDULES / 2;
      const results = await Promise.all([soak(FIRST_SEED, half), soak(FIRST_SEED + half, half)]);
      const sum = (pick: (result: SoakResult) => number) => results.reduce((total, r) => total + pick(r), 0);
      const states = new Set(results.flatMap((result) => result.states)).size;
      const steps = sum((result) => result.steps);
      const takeovers = sum((result) => result.takeovers);
      process.stdout.write(
        `lease simulation: ${sum((r) => r.schedules)} schedules from seed ${FIRST_SEED}, ` +
          `${sum((r) => r.ownerships)} ownerships, ${takeovers} takeovers, ` +
          `${states} distinct states of ${steps} (${((100 * states) / steps).toFixed(2)} %)\n`,
      );
      expect(results.map((result) => result.failure)).toEqual([null, null]);
      expect(sum((result) => result.schedules)).toBe(SCHEDULES);
      expect(takeovers).toBeGreaterThan(SCHEDULES / 10);
      expect(states).toBeGreaterThan(1000);
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
