/**
 * What a hook remembers between set-up and teardown: two modules, perhaps loaded twice, in one process. So it lives on
 * globalThis under a registered symbol. Invariant: variables named here were set by this process; others' are never touched.
 */
import { toError } from '../base/errors.ts';
import type { HookRequest } from './hook-contract.ts';

const STATE = Symbol.for('lockstep.hook');
const RESULT = /^LOCKSTEP_RESULT_/;

interface Held {
  readonly section: string;
  readonly request: HookRequest;
  /** Idempotent. */
  readonly release: () => Promise<void>;
}

export interface HookState {
  readonly held: Held[];
  /** The variables this process has set. */
  readonly variables: Set<string>;
}

type Place = { [STATE]?: HookState };

/** The state of this process, made where there is none. */
export function openState(): HookState {
  const place = globalThis as Place;
  place[STATE] ??= { held: [], variables: new Set() };
  return place[STATE];
}

/** True where a result is there that this process did not set: somebody around us runs the hook already. */
export function isOuterRun(env: Readonly<Record<string, string | undefined>>): boolean {
  const own = (globalThis as Place)[STATE]?.variables;
  return Object.keys(env).some((name) => RESULT.test(name) && env[name] && !own?.has(name));
}

/** What an earlier set-up of the same kind holds. */
export function findHeld(
  { held }: HookState,
  { section, request }: Pick<Held, 'section' | 'request'>,
): Held | undefined {
  const identity = (one: HookRequest) => JSON.stringify([one.rootDir ?? null, one.options ?? null]);
  return held.findLast((each) => each.section === section && identity(each.request) === identity(request));
}

/** Gives back everything, the last first, and takes the variables away. Errors are told and end nothing. */
export async function releaseAll(
  env: Record<string, string | undefined>,
  onError: (error: Error) => void,
): Promise<void> {
  const place = globalThis as Place;
  const state = place[STATE];
  if (!state) return;
  delete place[STATE];
  for (const name of state.variables) delete env[name];
  for (const { release } of state.held.reverse()) {
    await release().catch((thrown: unknown) => onError(toError(thrown)));
  }
}
