/**
 * What a process and its lease agent say to each other over the IPC channel, and post to an agent that stayed, over a socket.
 *
 *   parent ── hold ─▶ agent ── log* ─▶ held │ busy │ failed           held ── lost ─▶ (the agent has ended)
 *   parent ── give-back ─▶ agent ── ended                             channel closes: the agent gives back and ends
 *   parent ── stay ─▶ agent: the channel may close now; from here on the socket, the job's worker or the lease ends it
 *
 * Both ends are of one build, so messages are typed and not parsed again; what comes over the socket is checked.
 */

import type { LockRequest } from '../app/lock-attempt.ts';
import { isJsonObject } from '../base/codec.ts';
import type { ConfigProblem, ErrorCode } from '../base/errors.ts';
import type { LogLevel } from '../base/logger.ts';
import type { ReleaseResult } from '../lease/contract.ts';

export type ParentMessage =
  | {
      readonly kind: 'hold';
      readonly request: LockRequest;
      /** Set where it is to outlive its parent. */
      readonly stay: { readonly folder: string; readonly workerPid: number | null } | null;
    }
  | { readonly kind: 'stay' }
  | { readonly kind: 'give-back' };

export type AgentMessage =
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string }
  | {
      readonly kind: 'held';
      readonly token: number;
      readonly waitedMs: number;
      /** Where post finds it; null unless it is to stay. */
      readonly socket: AgentSocket | null;
    }
  | { readonly kind: 'busy'; readonly holder: string; readonly waitedMs: number }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode | null;
      readonly message: string;
      readonly hint: string | null;
      readonly problems: readonly ConfigProblem[];
    }
  | { readonly kind: 'lost'; readonly message: string }
  | { readonly kind: 'ended'; readonly result: ReleaseResult };

export interface AgentSocket {
  readonly path: string;
  /** Who knows it is the same step. */
  readonly nonce: string;
}

/** How an agent that stayed came to its end. */
export interface AgentEnd {
  readonly outcome: 'released' | 'lost';
  readonly message: string;
  readonly heldMs: number;
}

/** Null for anything else than an agent's end. */
export function parseAgentEnd(text: string): AgentEnd | null {
  const value = parseLine(text);
  if (!isJsonObject(value)) return null;
  const { outcome, message, heldMs } = value;
  if (outcome !== 'released' && outcome !== 'lost') return null;
  if (typeof message !== 'string' || typeof heldMs !== 'number') return null;
  return { outcome, message, heldMs };
}

/** The nonce in a line of somebody who asks an agent to give back; null for any other line. */
export function parseGiveBack(text: string): string | null {
  const value = parseLine(text);
  return isJsonObject(value) && typeof value['giveBack'] === 'string' ? value['giveBack'] : null;
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not ours, or half a line: then it says nothing.
    return null;
  }
}
