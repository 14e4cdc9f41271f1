/** The command line's entry: hands this process to the terminal host and nothing else. */
import { runTerminal } from './host/terminal-host.ts';

void runTerminal(process);
