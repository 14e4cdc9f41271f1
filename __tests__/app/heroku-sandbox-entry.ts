// The module that a forked sandbox runs: `forkHerokuSandbox({ entry: new URL('…/heroku-sandbox-entry.ts'), … })`.
import { runHerokuSandboxProcess } from '../../src/app/demo/heroku-sandbox-process.ts';

runHerokuSandboxProcess();
