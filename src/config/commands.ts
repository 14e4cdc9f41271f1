/**
 * The commands there are, as data: what they are for, where they run, which words follow them. A command is listed here once
 * it works, never before: help, the README and the Action offer exactly this list.
 */

/** The worlds a command can be called from; the library and the test runner hooks count as one. */
export type Host = 'cli' | 'action' | 'hook';

export interface CommandSpec {
  /** One line for people, without a full stop. */
  readonly summary: string;
  readonly hosts: readonly Host[];
  /** Options written without a flag, in this order. */
  readonly positionals: readonly string[];
  /** Takes a command of the user's after `--`. */
  readonly takesCommand: boolean;
  /** The option that a plain string stands for where an object is expected: `lock: 'name'`. */
  readonly shorthand?: string;
}

export const COMMANDS = {
  reap: {
    summary: 'find stale apps and delete them; of all the jobs that ask, one does it',
    hosts: ['cli', 'action', 'hook'],
    positionals: [],
    takesCommand: false,
  },
  gate: {
    summary: 'announce this member, wait for the others, and open together: schema first, then API',
    hosts: ['cli', 'action', 'hook'],
    positionals: ['name'],
    takesCommand: false,
  },
  check: {
    summary: 'publish, read, await or mirror the health of something',
    hosts: ['cli', 'action', 'hook'],
    positionals: ['action', 'name', 'status'],
    takesCommand: true,
  },
  lock: {
    summary: 'run a command while holding a lock that ends with its holder',
    hosts: ['cli', 'action', 'hook'],
    positionals: ['name'],
    takesCommand: true,
    shorthand: 'name',
  },
  assert: {
    summary: 'tell whether the fencing token of this process still holds its lock',
    hosts: ['cli'],
    positionals: ['name'],
    takesCommand: false,
  },
  unlock: {
    summary: 'take a lock from whoever holds it, and free it',
    hosts: ['cli', 'action'],
    positionals: ['name'],
    takesCommand: false,
  },
  gc: {
    summary: 'remove records that provably nobody needs any more',
    hosts: ['cli'],
    positionals: [],
    takesCommand: false,
  },
  status: {
    summary: 'show who holds what',
    hosts: ['cli', 'action'],
    positionals: ['kind', 'name'],
    takesCommand: false,
  },
  doctor: {
    summary: 'tell whether store, permissions, budget and credential are as they should be',
    hosts: ['cli', 'action'],
    positionals: [],
    takesCommand: false,
  },
  demo: {
    summary: 'watch several real processes coordinate on this machine',
    hosts: ['cli'],
    positionals: [],
    takesCommand: false,
  },
} as const satisfies Readonly<Record<string, CommandSpec>>;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.freeze(Object.keys(COMMANDS)) as readonly CommandName[];

/** True for the name of a command, in exactly this spelling. */
export function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(COMMANDS, text);
}

/** True for the name of a command that this host can run. */
export function isCommandOf(host: Host, text: string): text is CommandName {
  return isCommandName(text) && commandSpec(text).hosts.includes(host);
}

/** The command's entry, without the literal types. */
export function commandSpec(command: CommandName): CommandSpec {
  return COMMANDS[command];
}
