// The deep run: `node --import ./scripts/register-ts.js __tests__/simulation/gate-soak.ts [maxStates] [walks] [seed]`.
// Explores every situation up to `maxStates` states each, recovering from every distinct board, then takes random walks
// through the large budgets. Prints what it covered; the first violation ends it with its steps.
import { stdout } from 'node:process';
import { createManualClock } from '../support/manual-clock.ts';
import { type Exploration, explore, walk } from './gate-explore.ts';
import { CALM, DEEP, FAULTY } from './gate-scenarios.ts';

const [maxStates = 200_000, walks = 20_000, seed = 1] = process.argv.slice(2).map(Number);
const clock = createManualClock({ seed });

function print(name: string, { states, steps, ends, recoveries, maxWrites, isComplete }: Exploration): void {
  const extent = isComplete ? 'complete' : 'cut off';
  // Counted only where nothing fails: elsewhere the number would be part of each state.
  const writes = maxWrites > 0 ? `${maxWrites} writes at most, ` : '';
  stdout.write(
    `${name}: ${states} states, ${steps} steps, ${ends} ends, ${recoveries} boards recovered, ${writes}${extent}\n`,
  );
}

for (const { name, options } of [...CALM, ...FAULTY])
  print(name, explore(options, { maxStates, recoverEvery: 1 }));

for (const { name, options } of DEEP) {
  print(`many faults, ${name}`, explore(options, { maxStates, recoverEvery: 4 }));
  for (let round = 0; round < walks; round += 1) walk(options, (count) => Math.floor(clock.random() * count));
  stdout.write(`${name}: ${walks} random walks with seed ${seed}\n`);
}
