/**
 * A result leaves the step: outputs, the whole in a file, the job summary. Nothing here can change the step's fate: what cannot
 * be written is said in the log. Invariant: the texts have lost their secrets before they are cut or escaped.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandResult } from '../app/contract.ts';
import { toError } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import { createOutputs } from './action-outputs.ts';
import type { StepSession } from './action-session.ts';
import { fitSummary } from './summary.ts';

/** Publishes a result. Rejects for nothing. */
export async function publishResult(
  session: StepSession,
  report: CommandResult,
  renderSummary: (clean: CommandResult) => string,
): Promise<void> {
  const { commands, redact, redactMarkup } = session;
  const clean = redactAll(report, redact) as CommandResult;
  let file = '';
  await attempt(session, 'the file of the whole result', async () => {
    file = await writeWhole(session, clean);
  });
  await attempt(session, 'the outputs', async () => {
    const { outputs } = createOutputs(clean);
    for (const [name, value] of outputs) commands.setOutput(name, value);
    commands.setOutput('result-file', file);
  });
  await attempt(session, 'the job summary', () =>
    commands.writeSummary(fitSummary(redactMarkup(renderSummary(clean)))),
  );
}

async function attempt({ log }: StepSession, what: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    log.annotate('warning', `${what} could not be written: ${toError(thrown).message}`);
  }
}

/** The whole result in the job's own folder. Empty where there is none. */
async function writeWhole({ process }: StepSession, report: CommandResult): Promise<string> {
  const folder = process.env['RUNNER_TEMP'];
  if (!folder) return '';
  const path = join(folder, `lockstep-${report.command || 'result'}-${createNonce()}.json`);
  await writeFile(path, `${JSON.stringify(report)}\n`, { flag: 'wx' });
  return path;
}

/** Every text in a value without its secrets. Text by text: in the JSON a secret of digits could be half a number. */
function redactAll(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item: unknown) => redactAll(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]: [string, unknown]) => [name, redactAll(item, redact)]),
  );
}
