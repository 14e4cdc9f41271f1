/**
 * `command:…`: exit 0 is passing, 1 a warning, anything else critical; 75 (EX_TEMPFAIL of sysexits) means "not yet" to the gate.
 * The last line it prints is its JSON, where it is some. No shell: quotes group words, nothing is expanded.
 * NOT guaranteed: that running it has no effect; what it does is the user's.
 */
import { type ChildEnd, runChild } from '../base/child-process.ts';
import { type Clock, throwIfAborted } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import type { Probe, ProbeResult } from './contract.ts';
import { createResult, parseDocument, unreachable } from './result.ts';
import type { Target } from './target.ts';

export interface CommandProbeOptions {
  readonly id: string;
  readonly target: Extract<Target, { kind: 'command' }>;
  readonly clock: Clock;
  readonly cwd: string;
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Masks known secrets in what the command printed. */
  readonly redact: (text: string) => string;
  /** For one run; 30 s unless given. */
  readonly timeoutMs?: number;
}

const EX_TEMPFAIL = 75;
const TIMEOUT_MS = 30_000;
const MAX_TAIL = 160;

/** A probe that runs one command per call. */
export function createCommandProbe(options: CommandProbeOptions): Probe {
  const { id, target, clock, cwd, env, redact, timeoutMs = TIMEOUT_MS } = options;
  const running = new Set<Promise<unknown>>();

  const run = (signal: AbortSignal): Promise<ChildEnd> => {
    const child = runChild({ ...target, cwd, env, clock, timeoutMs, signal });
    running.add(child);
    return child.finally(() => running.delete(child));
  };

  return {
    id,
    watch: null,
    async probe({ signal }) {
      throwIfAborted(signal);
      const end = await run(signal);
      if (end.kind === 'not-started') return unreachable(`the command cannot be started (${end.code})`);
      if (end.kind === 'timed-out') return unreachable(`not finished within ${formatDuration(timeoutMs)}`);
      return judge(end, redact);
    },
    async close() {
      // A caller that aborted may have gone on before its child had ended.
      await Promise.allSettled(running);
    },
  };
}

function judge(end: Extract<ChildEnd, { kind: 'ended' }>, redact: (text: string) => string): ProbeResult {
  const tail = plain(redact(lastLine(end.stderrTail)), MAX_TAIL);
  const said = tail === '' ? '' : `: ${tail}`;
  if (end.exitCode === null)
    return createResult({ status: 'critical', detail: `ended by ${end.signalName ?? 'a signal'}${said}` });
  if (end.exitCode === 0) {
    const body = parseDocument(lastLine(end.stdoutTail));
    return createResult({ status: 'passing', detail: 'exit 0', ...(body === undefined ? {} : { body }) });
  }
  return createResult({
    status: end.exitCode === 1 ? 'warning' : 'critical',
    detail: `exit ${end.exitCode}${end.exitCode === EX_TEMPFAIL ? ' (not yet)' : ''}${said}`,
    hint: end.exitCode === EX_TEMPFAIL ? 'pending' : null,
  });
}

function lastLine(text: string): string {
  return (
    text
      .trimEnd()
      .split(/\r\n|\n|\r/)
      .at(-1)
      ?.trim() ?? ''
  );
}
