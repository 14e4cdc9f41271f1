/** `preset: 'lockstep'`: set-up and teardown in one line. A config's own `globalSetup` wins over a preset's. */
import { fileURLToPath } from 'node:url';

export default {
  globalSetup: fileURLToPath(new URL('./jest.js', import.meta.url)),
  globalTeardown: fileURLToPath(new URL('./jest-teardown.js', import.meta.url)),
};
