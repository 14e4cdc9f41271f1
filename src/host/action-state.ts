/**
 * What main tells post, typed: one value in the step's state (`STATE_held`). The runner keeps state for the step only, but it
 * is a file on the disk of a machine that others' code runs on.
 * Invariant: no credential is ever in it. Whatever looks like one is dropped, and with it the whole, since post cannot use a
 * part; the lease then ends by itself.
 */
import { isCommandName } from '../config/commands.ts';
import type { WorkflowCommands } from './action-core.ts';
import type { HeldLease } from './contract.ts';

const STATE_NAME = 'held';

/** GitHub's tokens, JSON Web Tokens, Heroku's keys, and URLs with a password. */
const CREDENTIAL = /\bgh[a-z]_\w{10,}|github_pat_|\beyJ[\w-]{8,}\.|\bHRKU-|:\/\/[^/\s]*:[^/\s]*@|\bBearer\s/i;

/** Saves what is held. False where it was dropped. */
export function saveHeld(
  held: HeldLease,
  { commands, secrets }: { commands: Pick<WorkflowCommands, 'saveState'>; secrets: readonly string[] },
): boolean {
  const { command, name, socketPath, nonce, fencingToken } = held;
  const text = JSON.stringify({ command, name, socketPath, nonce, fencingToken } satisfies HeldLease);
  if (CREDENTIAL.test(text) || secrets.some((secret) => secret.length >= 4 && text.includes(secret)))
    return false;
  commands.saveState(STATE_NAME, text);
  return true;
}

/** What main left; null where nothing is held, or nothing that can be understood. */
export function readHeld(env: Readonly<Record<string, string | undefined>>): HeldLease | null {
  const text = env[`STATE_${STATE_NAME}`];
  if (!text) return null;
  try {
    return parseHeld(JSON.parse(text));
  } catch {
    // Not what main writes: then it is nobody's, and the lease ends by itself.
    return null;
  }
}

function parseHeld(value: unknown): HeldLease | null {
  if (typeof value !== 'object' || value === null) return null;
  const { command, name, socketPath, nonce, fencingToken } = value as Record<string, unknown>;
  if (typeof command !== 'string' || !isCommandName(command)) return null;
  if (typeof name !== 'string' || typeof socketPath !== 'string' || typeof nonce !== 'string') return null;
  if (typeof fencingToken !== 'number' || !Number.isSafeInteger(fencingToken)) return null;
  return { command, name, socketPath, nonce, fencingToken };
}
