/**
 * `status`: who holds what. Reads only; what it shows may have changed a moment later. A record that cannot be read is shown
 * as corrupt and left alone, so that one foreign record does not hide the others.
 */
import { ConfigError, hasCode } from '../base/errors.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { LeaseView } from '../lease/contract.ts';
import { createKey, splitKey } from '../store/key.ts';
import type { CommandContext, StatusRecord, StatusReport } from './contract.ts';
import { chooseStore, createReleasers, openStoreParts } from './wire.ts';

const KINDS = ['lock', 'reap', 'gate', 'check'] as const;

export async function runStatus(
  context: CommandContext,
  resolved: ResolvedOptions<'status'>,
): Promise<StatusReport> {
  const { values } = resolved;
  const choice = chooseStore(context, resolved);
  const problems = [...resolved.problems, ...(choice.kind === 'problem' ? [choice.problem] : [])];
  if (choice.kind === 'no-store') {
    problems.push({ option: resolved.spellingOf('store'), message: NO_STORE });
  }
  if (problems.length > 0 || choice.kind !== 'store') throw new ConfigError(problems);
  const releasers = createReleasers();
  try {
    const { store, manager } = await openStoreParts(context, { address: choice.address, values, releasers });
    const { signal } = context;
    const keys = await store.list(`${createKey(values.namespace)}/`, { signal });
    const records: StatusRecord[] = [];
    for (const key of keys.sort()) {
      const [, kind, ...names] = splitKey(key);
      const name = names.join('/');
      const wanted = KINDS.find((each) => each === kind);
      if (!wanted || (values.kind && values.kind !== wanted) || (values.name && values.name !== name))
        continue;
      records.push(await describeRecord({ kind: wanted, name }, () => manager.read(key, { signal })));
    }
    return { format: 1, command: 'status', records, exitCode: 0 };
  } finally {
    await releasers.close();
  }
}

const NO_STORE =
  'is required on this runner: without a token there is no GitHub store, and a file store would coordinate nobody';

async function describeRecord(
  about: Pick<StatusRecord, 'kind' | 'name'>,
  read: () => Promise<LeaseView>,
): Promise<StatusRecord> {
  const unknown = { holder: null, fencingToken: null, leaseMs: null, waiters: null, url: null };
  try {
    const { record } = await read();
    if (!record) return { ...about, state: 'free', ...unknown };
    const holders = record.entries.map((entry) => entry.holder.text);
    return {
      ...about,
      state: record.state,
      holder: holders.length > 0 ? holders.join(', ') : null,
      fencingToken: record.token,
      leaseMs: record.entries[0]?.leaseMs ?? null,
      waiters: record.tickets.length > 0 ? record.tickets.length : null,
      url: record.entries[0]?.holder.url ?? null,
    };
  } catch (error) {
    if (!hasCode(error, 'corrupt-record')) throw error;
    return { ...about, state: 'corrupt', ...unknown };
  }
}
