/**
 * From a result to the step's fate: the contract's exit codes as a workflow sees them. Pure.
 * Invariant: `skipped` succeeds, and nothing but 0, 3 and 10 ever does.
 */
import type { CommandResult } from '../app/contract.ts';

export type StepVerdict =
  | { readonly kind: 'success' }
  /** Something is left; the step goes on with a warning. */
  | { readonly kind: 'warning' }
  | { readonly kind: 'failure'; readonly exitCode: number };

/** Code 10 is a plan's answer, not a failure. A user's own command that failed fails the step, whatever its code means to us. */
export function decideStep(
  report: CommandResult & { readonly childExitCode?: number | null },
  { failOnIncomplete }: { failOnIncomplete: boolean },
): StepVerdict {
  const { exitCode, childExitCode } = report;
  const isOwnCode = typeof childExitCode !== 'number' || childExitCode === 0;
  if (exitCode === 0 || (exitCode === 10 && isOwnCode)) return { kind: 'success' };
  if (exitCode === 3 && isOwnCode && !failOnIncomplete) return { kind: 'warning' };
  return { kind: 'failure', exitCode };
}
