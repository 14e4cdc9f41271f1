/** The lease agent's entry: a process of its own that holds one lease for another. Started by host/agent-parent.ts only. */
import { runAgent } from './host/agent-process.ts';

void runAgent(process);
