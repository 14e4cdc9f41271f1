/**
 * `doctor`: is everything there that the other commands need? Each line says what was tried, what came of it, and what to do.
 * NOT guaranteed: that what works now works in an hour. It looks at one thing after the other and goes on after a failure.
 * Invariants: it deletes nothing of anybody's and takes no lease; what it writes is its own record, or on GitHub a commit that
 * nothing points to (with `--live` references of its own, which it names).
 */
import { createDeadline } from '../base/deadline.ts';
import { ConfigError } from '../base/errors.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { CommandContext } from './contract.ts';
import { chooseDoctorExit, type DoctorCheck, examine, NOT_TRIED } from './doctor-command-check.ts';
import { checkProvider } from './doctor-command-provider.ts';
import { checkStore } from './doctor-command-store.ts';
import {
  type DesignCost,
  type GateCost,
  gateCost,
  judgeCost,
  matrixCosts,
  USUAL_PLAN,
} from './quota-model.ts';
import { chooseStore, createReleasers, openStoreParts } from './wire.ts';

/** A design and whether it fits the budget. */
export interface DoctorDesign extends DesignCost {
  readonly isWithin: boolean;
  /** Which limit it breaks; empty where none. */
  readonly reason: string;
}

/** The result of `doctor`. */
export interface DoctorReport {
  readonly format: 1;
  readonly command: 'doctor';
  readonly outcome: 'healthy' | 'ailing' | 'failed';
  readonly store: string | null;
  readonly checks: readonly DoctorCheck[];
  /** With `--jobs`. */
  readonly costs: {
    readonly jobs: number;
    readonly parallel: number;
    readonly requestsPerHour: number;
    readonly designs: readonly DoctorDesign[];
    readonly gate: GateCost & { readonly isWithin: boolean; readonly reason: string };
    /** What to change, as sentences. */
    readonly advice: readonly string[];
  } | null;
  readonly exitCode: number;
}

/** Runs one `doctor`. ConfigError with every problem at once; all else is a line of the report. */
export async function runDoctor(
  context: CommandContext,
  resolved: ResolvedOptions<'doctor'>,
): Promise<DoctorReport> {
  const { values } = resolved;
  const choice = chooseStore(context, resolved);
  const problems = [...resolved.problems, ...(choice.kind === 'problem' ? [choice.problem] : [])];
  if (problems.length > 0 || choice.kind === 'problem') throw new ConfigError(problems);
  const { clock } = context;
  const releasers = createReleasers();
  const deadline = createDeadline({
    clock,
    timeoutMs: values.timeoutMs,
    waitingFor: 'the examination',
    parent: context.signal,
  });
  const { signal } = deadline;
  try {
    const checks: DoctorCheck[] = [];
    let requestsPerHour: number | null = null;
    if (choice.kind === 'no-store') {
      checks.push({
        ...NOT_TRIED,
        name: 'store',
        tried: 'the default store of a runner',
        status: 'warning',
        found: 'there is no token, so there is no GitHub store: `reap` is skipped, the other commands fail',
        hint: 'pass a token (`token`, or GITHUB_TOKEN), or name a store',
      });
    } else {
      const { address } = choice;
      const opened = await examine({ name: 'store', tried: `open ${address.url}` }, async () => {
        const parts = await openStoreParts(context, { address, values, releasers });
        return { found: 'opened', value: parts };
      });
      if (opened.value) {
        checks.push(...(await checkStore(context, { parts: opened.value, address, values, signal })));
        requestsPerHour = opened.value.github?.rate()?.limit ?? null;
        if (values.live) {
          const { checkLive } = await import('./doctor-command-live.ts');
          checks.push(...(await checkLive(context, { parts: opened.value, address, resolved, signal })));
        }
      } else checks.push(opened.check);
    }
    checks.push(await checkProvider(context, { values, signal }));
    const exitCode = chooseDoctorExit(checks);
    return {
      format: 1,
      command: 'doctor',
      outcome: exitCode === 0 ? 'healthy' : 'ailing',
      store: choice.kind === 'store' ? choice.address.url : null,
      checks,
      costs: values.jobs === null ? null : billOf({ ...values, jobs: values.jobs, requestsPerHour }),
      exitCode,
    };
  } finally {
    deadline.dispose();
    await releasers.close();
  }
}

/** The documented limit of GITHUB_TOKEN, unless the token at hand has another. */
const USUAL_LIMIT = 1000;

function billOf(given: {
  jobs: number;
  parallel: number;
  pollMs: number | null;
  leaseMs: number | null;
  requestsPerHour: number | null;
}): NonNullable<DoctorReport['costs']> {
  const { jobs, parallel } = given;
  const requestsPerHour = given.requestsPerHour ?? USUAL_LIMIT;
  const pollMs = given.pollMs ?? USUAL_PLAN.pollMs;
  const leaseMs = given.leaseMs ?? USUAL_PLAN.leaseMs;
  const designs = matrixCosts({ ...USUAL_PLAN, jobs, parallel, pollMs, leaseMs }).map((cost) => ({
    ...cost,
    ...judgeCost(cost, { requestsPerHour }),
  }));
  const gate = gateCost({ members: jobs, waitMs: 600_000, pollMs });
  const verdict = judgeCost({ ...gate, pointsPerMinute: 0 }, { requestsPerHour });
  return {
    jobs,
    parallel,
    requestsPerHour,
    designs,
    gate: { ...gate, ...verdict },
    advice: adviceOf({ jobs, designs, isGateWithin: verdict.isWithin }),
  };
}

function adviceOf(facts: {
  jobs: number;
  designs: readonly DoctorDesign[];
  isGateWithin: boolean;
}): string[] {
  const { jobs, designs, isGateWithin } = facts;
  const everybody = designs.find(({ design }) => design.startsWith('everybody asks once (no electors'));
  const advice: string[] = [];
  if (jobs > 3) {
    advice.push(
      'Give each job its index (`job-index`, filled in by the Action): then only the first three ask at all.',
    );
  }
  if (everybody && everybody.requests > 100) {
    advice.push(
      'Where jobs cannot have an index, run `reap` as a step of the Action, so that the cache answers instead.',
    );
  }
  if (!isGateWithin) {
    advice.push(
      `A gate of ${jobs} members is too much for the GitHub store: use an engine (redis, postgres, etcd), or an App token with a budget of its own.`,
    );
  }
  return advice;
}
