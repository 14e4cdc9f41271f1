import { a as ConfigError, h as hasCode } from './errors.js';
import { c as createKey, s as splitKey } from './key.js';
import { b as chooseStore, o as openStoreParts, d as createReleasers } from './wire.js';
import { p as plain, f as formatDuration } from './duration.js';
import { r as renderTable } from './terminal.js';

/**
 * `status`: who holds what. Reads only; what it shows may have changed a moment later. A record that cannot be read is shown
 * as corrupt and left alone, so that one foreign record does not hide the others.
 */

const KINDS = ['lock', 'reap', 'gate', 'check']         ;

async function runStatus(
  context                ,
  resolved                           ,
)                        {
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
    const records                 = [];
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
  about                                     ,
  read                          ,
)                        {
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

/** `status` in a terminal: one row per record. */
                                                       

const TITLES = ['KIND', 'NAME', 'STATE', 'HOLDER', 'TOKEN', 'LEASE', 'WAITING', 'JOB'];

const statusCommand                  = Object.freeze({
  run: (context, resolved) => runStatus(context, resolved                             ),
  render(report, style) {
    const { records } = report                ;
    if (records.length === 0) return ['Nobody holds anything, and nobody ever did.'];
    const rows = records.map((record) => [
      record.kind,
      plain(record.name, 60),
      record.state === 'free' ? style.dim('free') : style.bold(plain(record.state, 30)),
      record.holder === null ? '' : plain(record.holder, 60),
      record.fencingToken === null ? '' : String(record.fencingToken),
      record.leaseMs === null ? '' : formatDuration(record.leaseMs),
      record.waiters === null ? '' : String(record.waiters),
      record.url === null ? '' : plain(record.url, 120),
    ]);
    return renderTable([TITLES.map((title) => style.bold(title)), ...rows], { right: [4, 5, 6] });
  },
}                          );

export { statusCommand };
