/**
 * The part of @actions/core that lockstep uses, as one value, so that a test hands in its own. Named imports only: the
 * package's namespace as a value would keep its HTTP client (1 MB) in the bundle.
 * NOT guaranteed: that a text is harmless. What goes to `info` and to groups must have passed `forWorkflowLog`.
 */
import {
  debug,
  endGroup,
  error,
  exportVariable,
  info,
  notice,
  saveState,
  setOutput,
  setSecret,
  startGroup,
  summary,
  warning,
} from '@actions/core';

/** What a step can say to the runner. */
export interface WorkflowCommands {
  debug(message: string): void;
  info(message: string): void;
  notice(message: string): void;
  warning(message: string): void;
  error(message: string): void;
  startGroup(title: string): void;
  endGroup(): void;
  setSecret(value: string): void;
  setOutput(name: string, value: string): void;
  saveState(name: string, value: string): void;
  exportVariable(name: string, value: string): void;
  /** Rejects where the runner has no summary file. */
  writeSummary(markdown: string): Promise<void>;
}

/** The runner this process belongs to. */
export const workflowCommands: WorkflowCommands = Object.freeze({
  debug,
  info,
  notice: (message: string) => notice(message),
  warning: (message: string) => warning(message),
  error: (message: string) => error(message),
  startGroup,
  endGroup,
  setSecret,
  setOutput,
  saveState,
  exportVariable,
  async writeSummary(markdown: string) {
    await summary.addRaw(markdown, true).write();
  },
});
