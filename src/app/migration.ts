/**
 * The user's migration as a child process: through the shell, in a group of its own, each line of what it prints in our log
 * (masked like everything there). NOT guaranteed: the end of what it detaches from its group.
 * Invariant: the promise settles only after the child has ended.
 */
import { runChild } from '../base/child-process.ts';
import { plain } from '../base/text.ts';
import type { MigrationEnd, MigrationRequest } from '../gate/ports.ts';
import type { CommandContext } from './contract.ts';
import { createHiding } from './hiding.ts';

/** Between SIGTERM and SIGKILL: a database client rolls back in that time, and a runner waits no longer. */
const KILL_AFTER_MS = 3500;
const MAX_LINE = 1000;
const MAX_TAIL = 200;

/** For the gate's port. */
export function createMigration(
  context: CommandContext,
  command: string,
): (request: MigrationRequest) => Promise<MigrationEnd> {
  const { env, cwd, clock, logger } = context;
  const redact = createHiding(context);
  return async ({ token, from, to, signal }) => {
    const lines = createLines((line) => logger.info(`  ${plain(redact(line), MAX_LINE)}`));
    const [file, ...args] = shellOf(command, env);
    const end = await runChild({
      file,
      args,
      cwd,
      env: {
        ...(context.childEnv ?? env),
        LOCKSTEP_FENCING_TOKEN: String(token),
        LOCKSTEP_GATE_FROM: from ?? '',
        LOCKSTEP_GATE_TO: to,
      },
      clock,
      // The gate's own deadline ends it.
      timeoutMs: Number.POSITIVE_INFINITY,
      signal,
      killAfterMs: KILL_AFTER_MS,
      onOutput: (stream, chunk) => lines.take(stream, chunk),
    });
    lines.flush();
    if (end.kind === 'not-started')
      return { ok: false, message: `the shell ${plain(file)} cannot be started (${end.code})` };
    if (end.kind === 'timed-out') return { ok: false, message: 'the migration took too long' };
    if (end.exitCode === 0) return { ok: true };
    const how =
      end.exitCode === null ? `was ended by ${end.signalName}` : `ended with exit code ${end.exitCode}`;
    const tail = lastLines(redact(end.stderrTail));
    return { ok: false, message: `the migration ${how}${tail === '' ? '' : `: ${tail}`}` };
  };
}

function shellOf(command: string, env: CommandContext['env']): readonly [string, ...string[]] {
  if (process.platform !== 'win32') return ['sh', '-c', command];
  return [env['ComSpec'] ?? 'cmd.exe', '/d', '/s', '/c', command];
}

/** The end of standard error on one line: the last lines say most. */
function lastLines(text: string): string {
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim());
  const joined = lines.filter((line) => line !== '').join(' | ');
  return plain(joined.length > MAX_TAIL ? `…${joined.slice(-MAX_TAIL)}` : joined, MAX_TAIL + 1);
}

/** Whole lines out of pieces that are cut anywhere. */
function createLines(onLine: (line: string) => void): {
  take(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  flush(): void;
} {
  const rests = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const say = (bytes: Buffer) => {
    const line = bytes.toString('utf8').trimEnd();
    if (line !== '') onLine(line);
  };
  return {
    take(stream, chunk) {
      let rest = Buffer.concat([rests[stream], chunk]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        say(rest.subarray(0, end));
        rest = rest.subarray(end + 1);
      }
      // A line without an end must not grow for ever.
      if (rest.length > 16 * 1024) {
        say(rest);
        rest = Buffer.alloc(0);
      }
      rests[stream] = rest;
    },
    flush() {
      say(rests.stdout);
      say(rests.stderr);
    },
  };
}
