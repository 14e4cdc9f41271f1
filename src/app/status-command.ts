/** `status`: who holds what. Reads only; what it shows may have changed a moment later. */
import { withTimeout } from '../base/deadline.ts';
import { ConfigError, UnavailableError } from '../base/errors.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { Store } from '../store/contract.ts';
import { createKey, splitKey } from '../store/key.ts';
import type { CommandContext, StatusRecord, StatusReport } from './contract.ts';
import { describeEntry } from './status-record.ts';
import { createReleasers, openStoreParts, requireStore } from './wire.ts';

const KINDS = ['lock', 'reap', 'gate', 'check'] as const;

export async function runStatus(
  context: CommandContext,
  resolved: ResolvedOptions<'status'>,
): Promise<StatusReport> {
  const { values } = resolved;
  const problems = [...resolved.problems];
  const address = requireStore(context, resolved, problems);
  if (problems.length > 0 || !address) throw new ConfigError(problems);
  const releasers = createReleasers();
  try {
    const { store } = await openStoreParts(context, { address, values, releasers });
    const records = await withTimeout(
      {
        clock: context.clock,
        timeoutMs: values.timeoutMs,
        waitingFor: 'the store',
        parent: context.signal,
        onTimeout: () => new UnavailableError('the store did not show all of its records in time'),
      },
      (signal) => readRecords(store, { context, values, signal }),
    );
    return { format: 1, command: 'status', records, exitCode: 0 };
  } finally {
    await releasers.close();
  }
}

async function readRecords(
  store: Store,
  options: {
    context: CommandContext;
    values: ResolvedOptions<'status'>['values'];
    signal: AbortSignal;
  },
): Promise<StatusRecord[]> {
  const { context, values, signal } = options;
  const keys = await store.list(`${createKey(values.namespace)}/`, { signal });
  const records: StatusRecord[] = [];
  for (const key of keys.sort()) {
    const [, kind, ...names] = splitKey(key);
    const name = names.join('/');
    const wanted = KINDS.find((each) => each === kind);
    if (!wanted || (values.kind && values.kind !== wanted) || (values.name && values.name !== name)) continue;
    const entry = await store.get(key, { signal });
    records.push(describeEntry({ kind: wanted, name, nowWallMs: context.clock.wallMs() }, entry));
  }
  return records;
}
