// One member of a gate over the GitHub store, as a job of a matrix passes it: a token and a job id of its own, the step's
// inputs, and a clock in a hurry, so that minutes take moments. In a process of its own:
//   node --import ./scripts/register-ts.js gate-job.ts '{"apiUrl":…}'
// which says on standard error what happens, and prints the report as its last line.
import { pathToFileURL } from 'node:url';
import { runGate } from '../../src/app/gate-command.ts';
import { createLogger } from '../../src/base/logger.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import type { GateReport } from '../../src/gate/report.ts';
import { createGateLog } from '../../src/host/gate-view.ts';
import { createHurriedClock } from './github-clock.ts';

export interface GateJobOrder {
  apiUrl: string;
  /** Where its commands run. */
  folder: string;
  member: string;
  members: readonly string[];
  /** Of the runner; its token is `token-ID`. */
  jobId: number;
  runId: number;
  attempt: number;
  /** How much faster than the machine its clock runs. */
  hurry: number;
  /** More inputs of the step. */
  inputs?: Readonly<Record<string, string>>;
}

/** Passes the gate as that job does. */
export async function passGateJob(
  order: GateJobOrder,
  onLine: (line: string) => void = () => undefined,
): Promise<GateReport> {
  const { member, members, jobId, inputs = {} } = order;
  const resolved = await resolveOptions({
    command: 'gate',
    host: 'action',
    inputs: {
      command: 'gate',
      name: 'deploy',
      member,
      members: members.join(','),
      schema: '42',
      'job-id': String(jobId),
      'job-name': 'deploy ({member})',
      ...inputs,
    },
  });
  const log = createGateLog();
  return runGate(
    {
      clock: createHurriedClock(order.hurry),
      logger: createLogger('info', (_, line) => onLine(line)),
      env: {
        PATH: process.env['PATH'],
        GITHUB_ACTIONS: 'true',
        GITHUB_API_URL: order.apiUrl,
        GITHUB_REPOSITORY: 'octo/demo',
        GITHUB_TOKEN: `token-${jobId}`,
        GITHUB_RUN_ID: String(order.runId),
        GITHUB_RUN_ATTEMPT: String(order.attempt),
        GITHUB_JOB: 'deploy',
      },
      cwd: order.folder,
      signal: new AbortController().signal,
      isRunner: true,
      process: {
        pid: process.pid,
        who: async () => ({ host: 'runner', user: 'runner' }),
        execPath: '',
        execArgv: [],
        entry: '',
      },
      rest: null,
      onGateEvent(event) {
        for (const { message } of log.describe(event)) onLine(message);
      },
    },
    resolved,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const report = await passGateJob(JSON.parse(process.argv[2] ?? '{}') as GateJobOrder, (line) =>
    process.stderr.write(`${line}\n`),
  );
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.exitCode;
}
