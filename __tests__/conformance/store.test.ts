// The conformance suite over the drivers that need no server, and over broken twins: each must fail the case meant for it.

import { faultySubject, fileSubject, memorySubject } from '../support/store-worlds.ts';
import { describeStore } from './store-suite.ts';

describeStore(memorySubject);
describeStore(faultySubject);
describeStore(fileSubject);
