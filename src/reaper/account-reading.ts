/**
 * What a sweep reads before it judges: whose account it is, and all its apps; one after the other, or beside each other where
 * the provider can. Invariants: nothing is judged by a list whose account stayed unknown, and nothing is under way on return.
 */
import type { Provider, ProviderFailure } from '../provider/contract.ts';
import { type Census, type CensusOptions, describeFailure, repeatRead, takeCensus } from './census.ts';
import { createBranch } from './halt.ts';

/** What reading an account needs. */
export interface Reading extends CensusOptions {
  note(level: 'info' | 'warn', message: string): void;
}

/** What came of it. */
export interface AccountRead {
  /** Why the provider did not open; null where it did, or the sweep was halted. */
  readonly failure: ProviderFailure['kind'] | null;
  /** Null where there was nothing to list with. */
  readonly census: Census | null;
}

/** Opens the provider and lists everything; both at once where the provider can, which spares each sweep a wait. */
export async function readAccount(
  reading: Reading,
  { capabilities }: Pick<Provider, 'capabilities'>,
): Promise<AccountRead> {
  const branch = createBranch(reading.halt);
  const beside = capabilities.listsWhileOpening ? takeCensus({ ...reading, halt: branch }) : null;
  // Awaited below in any case; until then a rejection is not to count as unhandled.
  beside?.catch(() => undefined);
  try {
    const { failure, tries } = await openProvider(reading);
    if (failure !== null) return { failure, census: null };
    const listed = await beside;
    // A list beside an opening that had to be repeated may have found nobody to ask whose apps they are.
    if (listed && (listed.failure !== 'invalid' || tries === 1)) return { failure, census: listed };
    return { failure, census: reading.halt.isHalted ? null : await takeCensus(reading) };
  } finally {
    // A list that nobody needs any more holds up neither lease nor job, and is not under way when this returns.
    branch.giveUp();
    await beside;
  }
}

/** Learns what the provider needs to know first. No failure when it is open (or the sweep halted meanwhile). */
async function openProvider({
  calls,
  clock,
  halt,
  note,
}: Reading): Promise<Pick<AccountRead, 'failure'> & { tries: number }> {
  let tries = 0;
  const open = () => {
    tries += 1;
    return calls.open();
  };
  const answer = await repeatRead(open, { clock, halt });
  if (answer === null || answer.kind === 'open') return { failure: null, tries };
  note('warn', `the account could not be read: ${describeFailure(answer)}`);
  return { failure: answer.kind, tries };
}
