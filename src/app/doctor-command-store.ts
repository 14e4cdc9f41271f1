/** What `doctor` tries of the store: reading, writing, and on GitHub the budget, the clock, the runs API and the cache. */
import { jitter } from '../base/backoff.ts';
import { formatDuration } from '../base/duration.ts';
import { UnavailableError } from '../base/errors.ts';
import type { OptionValues } from '../config/options.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepository } from '../github/repository.ts';
import { createKey } from '../store/key.ts';
import type { StoreAddress } from '../store/open.ts';
import type { CommandContext } from './contract.ts';
import { type DoctorCheck, examine, NOT_TRIED } from './doctor-command-check.ts';
import { isBelowFloor, quotaFloor } from './quota.ts';
import type { StoreParts } from './wire.ts';

export interface StoreExamination {
  readonly parts: StoreParts;
  readonly address: StoreAddress;
  readonly values: Pick<OptionValues<'doctor'>, 'namespace' | 'quotaFloor'>;
  readonly signal: AbortSignal;
}

/** A sweep's freshness is the only thing that two machines' clocks are compared for; a minute is a tenth of its window. */
const MAX_SKEW_MS = 60_000;

export async function checkStore(context: CommandContext, what: StoreExamination): Promise<DoctorCheck[]> {
  const { parts, address, values, signal } = what;
  const { store, github } = parts;
  const key = createKey(values.namespace, 'doctor', 'probe');
  const startMs = context.clock.monotonicMs();
  const read = await examine({ name: 'store', tried: `read one record of ${address.url}` }, async () => {
    await store.get(key, { signal });
    const { linearizableReads, nativeWatch, durable } = store.capabilities;
    const traits = [
      `answered in ${formatDuration(Math.max(1, Math.round(context.clock.monotonicMs() - startMs)))}`,
      linearizableReads ? 'reads are fresh' : 'reads may lag behind writes',
      nativeWatch ? 'changes are pushed' : 'changes are polled for',
      durable === 'process' ? 'survives the death of processes, not of the machine' : 'durable',
    ];
    return { found: traits.join('; ') };
  });
  if (read.check.status === 'problem') return [read.check];
  const write = github ? await checkGitHubWrite(github, what) : await checkWrite(key, what);
  if (!github) return [read.check, write];
  return [
    read.check,
    write,
    checkQuota(github, values.quotaFloor),
    checkClock(github),
    await checkEvidence(context, { github, signal }),
    await checkCache(context, signal),
  ];
}

async function checkWrite(key: string, { parts, signal }: StoreExamination): Promise<DoctorCheck> {
  const { store } = parts;
  const about = { name: 'permission', tried: `write ${key}, a record of our own` };
  const { check } = await examine(about, async () => {
    const before = await store.get(key, { signal });
    const written = await store.compareAndSet(key, before?.revision ?? null, '{"v":1}', { signal });
    // Another doctor was faster: then writing works, too.
    if (!written.ok) return { found: 'somebody else wrote at the same moment' };
    if (!store.capabilities.conditionalDelete) return { found: 'written' };
    const removed = await store.delete(key, written.revision, { signal });
    return { found: removed.ok ? 'written, and removed again' : 'written' };
  });
  return check;
}

/** A commit on the empty tree needs `contents: write`, and nothing points to it. */
async function checkGitHubWrite(
  github: GitHubClient,
  { address, signal }: StoreExamination,
): Promise<DoctorCheck> {
  const about = { name: 'permission', tried: 'make a commit that nothing points to (`contents: write`)' };
  const { check } = await examine(about, async () => {
    const repository = parseRepository(address.location);
    if (!repository.ok) throw new UnavailableError(`${address.url} ${repository.problem}`);
    const { createGitData } = await import('../github/git-data.ts');
    const made = await createGitData(github, repository.value).createCommit(
      { message: 'lockstep doctor\n', parents: [] },
      { signal },
    );
    if (made.kind === 'refused') throw new UnavailableError(`GitHub refused it: ${made.text}`);
    return { found: 'the token may write' };
  });
  return check;
}

function checkQuota(github: GitHubClient, given: number | null): DoctorCheck {
  const about = { ...NOT_TRIED, name: 'quota', tried: 'read the headers of the answers so far' };
  const rate = github.rate();
  if (!rate) return { ...about, found: 'this server has no limits, or does not tell them' };
  const reset =
    rate.resetMs === null ? '' : `, whole again in ${formatDuration(Math.max(1000, rate.resetMs))}`;
  const found = `${rate.remaining} of ${rate.limit} requests are left${reset}; the floor is ${quotaFloor(rate, given)}`;
  if (!isBelowFloor(rate, given)) return { ...about, status: 'ok', found };
  const hint =
    'clean-ups are skipped until the hour is over: give the jobs of a matrix their index, poll more rarely, or use an App token';
  return { ...about, status: 'warning', found, hint };
}

function checkClock(github: GitHubClient): DoctorCheck {
  const about = { ...NOT_TRIED, name: 'clock', tried: "compare this machine's clock with GitHub's" };
  const aheadMs = github.serverAheadMs;
  if (aheadMs === null) return { ...about, found: 'GitHub told no time' };
  const skewMs = Math.abs(aheadMs);
  const side = aheadMs > 0 ? 'behind' : 'ahead';
  if (skewMs <= MAX_SKEW_MS) return { ...about, status: 'ok', found: 'less than a minute apart' };
  return {
    ...about,
    status: 'warning',
    // GitHub tells whole seconds, and the answer took its time: more digits would be invented.
    found: `this machine is ${formatDuration(Math.round(skewMs / 10_000) * 10_000)} ${side}`,
    hint: 'leases do not mind; how long a past sweep counts (`--every`) is judged wrongly. Set the clock by NTP',
  };
}

async function checkEvidence(
  { env }: CommandContext,
  { github, signal }: { github: GitHubClient; signal: AbortSignal },
): Promise<DoctorCheck> {
  const [repository, run] = [env['GITHUB_REPOSITORY'], env['GITHUB_RUN_ID']];
  const about = { name: 'evidence', tried: 'read this run (`actions: read`)' };
  if (!repository || !run) return { ...NOT_TRIED, ...about, found: 'this is no run of a workflow' };
  const { check } = await examine(about, async () => {
    const read = await github.read(`/repos/${repository}/actions/runs/${run}`, { signal });
    if (read.kind === 'found') return { found: 'a killed job is noticed before its lease ends' };
    return { status: 'warning', found: 'GitHub does not show this run', hint: EVIDENCE_HINT };
  });
  // Only speed is lost: a problem of this line is nobody's failure.
  return check.status === 'problem'
    ? { ...check, status: 'warning', hint: EVIDENCE_HINT, exitCode: 0 }
    : check;
}

const EVIDENCE_HINT =
  'a killed holder is waited for until its lease ends; give the job `permissions: actions: read` to notice it at once';

async function checkCache({ env, clock, logger }: CommandContext, signal: AbortSignal): Promise<DoctorCheck> {
  const about = { ...NOT_TRIED, name: 'cache', tried: 'look a name up in the cache of this workflow' };
  const { createCacheSnapshot, hasCacheService } = await import('../snapshot/cache-snapshot.ts');
  if (!hasCacheService(env)) {
    return { ...about, found: 'not reachable here: only the step of an Action gets its address and token' };
  }
  let trouble = '';
  const note = (message: string) => {
    trouble = message;
  };
  const store = createCacheSnapshot({ clock, env, logger: { ...logger, debug: note } });
  // An identity of its own: what it finds is of no interest, that it was answered is.
  const everyMs = Math.ceil(jitter(600_000, 0.1, clock.random()));
  await store.read({ identity: '0'.repeat(16), everyMs }, { signal });
  if (trouble === '') return { ...about, status: 'ok', found: 'answered' };
  return {
    ...about,
    status: 'warning',
    found: trouble,
    hint: 'nothing depends on it: without the cache each elected job asks the API once',
  };
}
