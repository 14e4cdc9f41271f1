/**
 * The socket between a lease agent that stayed and the post step: one line asks, one line answers. The folder it lies in is
 * open to this user alone. NOT guaranteed: an agent at the other end; whoever finds none must take the lease for lost.
 * Invariant: without the nonce nothing is given back and nothing is told.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { createNonce } from '../base/identity.ts';
import { type AgentEnd, type AgentSocket, parseAgentEnd, parseGiveBack } from './agent-protocol.ts';

const MAX_LINE_BYTES = 4096;
/** A release may take 20 s where the store does not answer. */
const ANSWER_MS = 30_000;

/** An agent's ear. */
export interface AgentEar {
  readonly address: AgentSocket;
  /** Resolves when whoever asked was answered. Their sockets close with the process: that tells them that it has ended. */
  close(): Promise<void>;
}

/** Listens in `folder` (on Windows on a pipe of a name that nobody can guess). `onGiveBack` gives what to answer. */
export async function listenForGiveBack(
  folder: string,
  onGiveBack: () => Promise<AgentEnd>,
): Promise<AgentEar> {
  const nonce = createNonce();
  const path =
    process.platform === 'win32' ? `\\\\.\\pipe\\lockstep-${createNonce()}` : join(folder, 'agent');
  const answers = new Set<Promise<void>>();
  const answer = async (socket: Socket) => {
    const line = `${JSON.stringify(await onGiveBack())}\n`;
    // Whoever asked and went away gets no answer; the lease is given back all the same.
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      if (socket.destroyed) resolve();
      else socket.write(line, () => resolve());
    });
  };
  const server: Server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    readLine(socket, (line) => {
      if (line === null || parseGiveBack(line) !== nonce) socket.destroy();
      else answers.add(answer(socket));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    address: { path, nonce },
    async close() {
      server.close();
      await Promise.all(answers);
    },
  };
}

/** Asks the agent to give back, and resolves when it has ended. Null where no agent answers. */
export function askToGiveBack({ path, nonce }: AgentSocket, clock: Clock): Promise<AgentEnd | null> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    let end: AgentEnd | null = null;
    const timer = clock.startTimer(ANSWER_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      timer.cancel();
      resolve(end);
    });
    readLine(socket, (line) => {
      end = line === null ? null : parseAgentEnd(line);
    });
    socket.write(`${JSON.stringify({ giveBack: nonce })}\n`);
  });
}

/** Calls back once: with the first line, or with null where it is too long. */
function readLine(socket: Socket, callback: (line: string | null) => void): void {
  let text = '';
  const onData = (chunk: string) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= MAX_LINE_BYTES) return;
    socket.off('data', onData);
    callback(end < 0 ? null : text.slice(0, end));
  };
  socket.setEncoding('utf8').on('data', onData);
}
