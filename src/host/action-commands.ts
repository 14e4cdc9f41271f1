/** The commands a step can run, one entry each; each pays only for itself. The compiler misses an entry that is not here. */
import type { Clock } from '../base/clock.ts';
import { invariant } from '../base/errors.ts';
import type { COMMANDS, CommandName } from '../config/commands.ts';
import type { ActionCommand } from './contract.ts';

/** The commands whose `hosts` have the Action. */
type ActionCommandName = {
  [Name in CommandName]: 'action' extends (typeof COMMANDS)[Name]['hosts'][number] ? Name : never;
}[CommandName];

const ENTRIES: Readonly<Record<ActionCommandName, (clock: Clock) => Promise<ActionCommand>>> = Object.freeze({
  check: async (clock: Clock) => (await import('./action-check.ts')).createCheckAction(clock),
  gate: async () => (await import('./action-gate.ts')).createGateAction(),
  lock: async () => (await import('./action-lock.ts')).createLockAction(),
  unlock: async () => (await import('./action-lock.ts')).unlockAction,
  reap: async (clock: Clock) => (await import('./action-reap.ts')).createReapAction(clock),
  status: async () => (await import('./action-status.ts')).statusAction,
  doctor: async () => (await import('./action-doctor.ts')).doctorAction,
});

/** Loads a command of the Action. The value is for one step: it may remember what it saw on the way. */
export async function loadActionCommand(command: CommandName, clock: Clock): Promise<ActionCommand> {
  invariant(Object.hasOwn(ENTRIES, command), `the command ${command} has no entry for the Action`);
  return await ENTRIES[command as ActionCommandName](clock);
}
