/** Jest's teardown: `globalTeardown: 'lockstep/jest/teardown'`. The same for every set-up; safe without one. */
import { tearDownHook } from '../host/hook-host.ts';

/** Gives back what the set-up holds and takes its variables away. */
export async function globalTeardown(): Promise<void> {
  await tearDownHook();
}

export default globalTeardown;
