/** This process, as commands know it: the same for every host. */
import type { CommandContext } from '../app/contract.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who runs it is looked up, with the module that knows, when a text first names this process. */
export function describeProcess(
  { pid, execPath, execArgv, argv }: Pick<NodeJS.Process, 'pid' | 'execPath' | 'execArgv' | 'argv'>,
  env: Environment,
): CommandContext['process'] {
  return {
    pid,
    who: async () => (await import('./who.ts')).whoRunsThis(env),
    execPath,
    execArgv,
    entry: argv[1] ?? '',
  };
}
