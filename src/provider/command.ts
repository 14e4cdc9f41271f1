/**
 * The `command` provider: list, get and destroy are the user's own commands, which speak JSON lines. Each call starts exactly
 * one child, without a shell; what it prints is read by command-answers.ts.
 * NOT guaranteed: what a command does; an answer it does not give plainly is `ambiguous`. Invariants: an id or a name from
 * outside is one argument and never an option of the command; a child that a caller gave up on has ended before the call does.
 */
import { type ChildEnd, runChild } from '../base/child-process.ts';
import { type Clock, throwIfAborted } from '../base/clock.ts';
import {
  type CommandRun,
  toCommandDestroyAnswer,
  toCommandGetAnswer,
  toCommandListAnswer,
} from './command-answers.ts';
import { fillWords, type WordsTemplate } from './command-words.ts';
import type { App, Provider, ProviderFailure } from './contract.ts';
import { createFailure } from './foreign-values.ts';

export interface CommandProviderOptions {
  /** The program and its arguments. */
  list: WordsTemplate;
  /** May contain `{id}`. */
  get: WordsTemplate;
  /** May contain `{id}` and `{name}`. */
  destroy: WordsTemplate;
  cwd: string;
  /** The children's whole environment. */
  env: Readonly<Record<string, string | undefined>>;
  accountId: string;
  clock: Clock;
  /** For one child. */
  timeoutMs: number;
}

/** A listing that is longer is not read to its end. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** A provider over three commands. Calls reject only with their signal's reason, after the child has ended. */
export function createCommandProvider(options: CommandProviderOptions): Provider {
  const { clock, cwd, env, timeoutMs } = options;
  const running = new Set<Promise<ChildEnd>>();

  /** Runs one command; what it should know comes as a JSON line on its standard input, too. */
  const run = async (
    what: string,
    words: readonly [string, ...string[]],
    call: { request: object; signal: AbortSignal },
  ): Promise<CommandRun> => {
    const [file, ...args] = words;
    const input = `${JSON.stringify(call.request)}\n`;
    const { signal } = call;
    const child = runChild({
      file,
      args,
      cwd,
      env,
      clock,
      timeoutMs,
      signal,
      input,
      maxStdoutBytes: MAX_OUTPUT_BYTES,
    });
    running.add(child);
    const end = await child.finally(() => running.delete(child));
    return { end, what, nowMs: clock.wallMs(), maxBytes: MAX_OUTPUT_BYTES, timeoutMs };
  };
  const refuse = (what: string, problem: string): ProviderFailure =>
    createFailure('invalid', { status: null, serverNowMs: clock.wallMs() }, `${what}: ${problem}`);

  return {
    name: 'command',
    accountId: options.accountId,
    capabilities: { atomicPrecondition: false, openRequests: 0, pageSize: Number.MAX_SAFE_INTEGER },
    pace: { emissionIntervalMs: 1, burst: 1000 },

    async open({ signal }) {
      throwIfAborted(signal);
      return { kind: 'open', meta: { status: null, serverNowMs: clock.wallMs() }, label: options.list[0] };
    },

    async list(_cursor, { signal }) {
      return toCommandListAnswer(
        await run('the list command', options.list, { request: { call: 'list' }, signal }),
      );
    },

    async get(id, { signal }) {
      const what = 'the get command';
      throwIfAborted(signal);
      const words = fillWords(options.get, { id });
      if (!words.ok) return refuse(what, words.problem);
      return toCommandGetAnswer(await run(what, words.value, { request: { call: 'get', id }, signal }), id);
    },

    async destroy(app: App, { signal, fencingToken }) {
      const what = 'the destroy command';
      throwIfAborted(signal);
      const words = fillWords(options.destroy, { id: app.id, name: app.name });
      if (!words.ok) return refuse(what, words.problem);
      const request = { call: 'destroy', id: app.id, name: app.name, version: app.version, fencingToken };
      return toCommandDestroyAnswer(await run(what, words.value, { request, signal }));
    },

    async close() {
      await Promise.allSettled(running);
    },
  };
}
