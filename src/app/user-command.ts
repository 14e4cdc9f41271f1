/**
 * The user's own command, as `lock` and `check alias` run it: with the host's signals going to it for as long as it lives, and
 * each of them once. NOT guaranteed: that it heeds them; whoever must end it calls `terminate`.
 */
import { throwIfAborted } from '../base/clock.ts';
import { exitCodeOf, hasCode } from '../base/errors.ts';
import { type Child, startChild } from './child.ts';
import type { CommandContext } from './contract.ts';

export interface UserCommand {
  readonly child: Child;
  /** Gives the signals back to the host; to be called once the child has ended. */
  handBack(): void;
}

type Interrupt = 'SIGINT' | 'SIGTERM';

/** Starts it. Throws the signal's reason where this run was interrupted before: nobody would tell the command. */
export function startUserCommand(
  context: CommandContext,
  about: {
    readonly command: readonly [string, ...string[]];
    /** Beside what it inherits. */
    readonly env?: Readonly<Record<string, string>>;
  },
): UserCommand {
  const { clock, cwd, signal } = context;
  throwIfAborted(signal);
  const hasTerminal = context.hasTerminal?.() ?? false;
  const env = { ...(context.childEnv ?? context.env), ...about.env };
  const child = startChild({ command: about.command, cwd, env, clock, ownGroup: !hasTerminal });
  const forward = (signalName: Interrupt) => {
    // A terminal's interrupt reaches its whole group; passed on again it would count as the second one (terraform, jest).
    if (!(hasTerminal && signalName === 'SIGINT')) child.forward(signalName);
  };
  const onAbort = () =>
    forward(hasCode(signal.reason, 'cancelled') && exitCodeOf(signal.reason) === 130 ? 'SIGINT' : 'SIGTERM');
  const giveBack = context.takeSignals?.(forward);
  // Without a host that hands its signals over there is only the cancellation itself.
  if (!giveBack) signal.addEventListener('abort', onAbort, { once: true });
  return {
    child,
    handBack() {
      signal.removeEventListener('abort', onAbort);
      giveBack?.();
    },
  };
}
