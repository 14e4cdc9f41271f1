/**
 * The log of a step: plain lines, groups and annotations. The one place where text becomes a line that the runner parses.
 * Invariants: every line has lost its secrets and cannot be a workflow command, whatever name or output it repeats; fewer than
 * ten annotations of a type in one step (the runner drops the eleventh), none of them twice.
 */
import { createLogger, type Logger } from '../base/logger.ts';
import { forWorkflowLog } from '../base/text.ts';
import type { WorkflowCommands } from './action-core.ts';

/** Annotations while the command works; one more of a type is left for the closing sentence. */
const MAX_ANNOTATIONS = 8;
/** The runner cuts an annotation at 4,096. */
const MAX_LINE = 2000;

type AnnotationKind = 'notice' | 'warning' | 'error';

export interface StepLog {
  /** For the command: errors and warnings become annotations. */
  readonly logger: Logger;
  line(text: string): void;
  /** An annotation, or a plain line where there are enough of its kind. */
  annotate(kind: AnnotationKind, text: string): void;
  /** The one annotation that says how the step ended; never crowded out by the others. */
  conclude(kind: AnnotationKind, text: string): void;
  /** Folds what is logged until `body` has ended, whatever it ends with. */
  group<T>(title: string, body: () => Promise<T>): Promise<T>;
  /** How many notices there were. */
  readonly notices: number;
}

/** A log that writes to the runner. `redact` hides the secrets known by then. */
export function createStepLog({
  commands,
  redact,
}: {
  commands: WorkflowCommands;
  redact: (text: string) => string;
}): StepLog {
  const said = { notice: new Set<string>(), warning: new Set<string>(), error: new Set<string>() };
  const clean = (text: string) => forWorkflowLog(redact(text), MAX_LINE);
  const line = (text: string) => commands.info(clean(text));
  const annotate = (kind: AnnotationKind, text: string) => {
    const message = clean(text);
    if (said[kind].has(message) || said[kind].size >= MAX_ANNOTATIONS) {
      line(`${kind}: ${text}`);
      return;
    }
    said[kind].add(message);
    commands[kind](message);
  };
  return {
    logger: createLogger('debug', (level, message) => {
      if (level === 'error') annotate('error', message);
      else if (level === 'warn') annotate('warning', message);
      else if (level === 'info') line(message);
      else commands.debug(clean(message));
    }),
    line,
    annotate,
    conclude(kind, text) {
      const message = clean(text);
      if (said[kind].has(message)) return;
      said[kind].add(message);
      commands[kind](message);
    },
    async group(title, body) {
      commands.startGroup(clean(title));
      try {
        return await body();
      } finally {
        commands.endGroup();
      }
    },
    get notices() {
      return said.notice.size;
    },
  };
}
