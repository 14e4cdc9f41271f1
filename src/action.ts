/** The Action's main entry: hands this process to the step host and nothing else. */
import { runAction } from './host/action-host.ts';

void runAction(process);
