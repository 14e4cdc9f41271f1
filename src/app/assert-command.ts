/**
 * `assert`: does the token this process was given still hold its lock? One read.
 * NOT guaranteed: that it still does a moment later; nor that, from another machine, a holder which stopped renewing is noticed
 * before somebody took over: one read cannot have observed an expiry. Where the effect can carry the token, let its target refuse older ones.
 */
import { withTimeout } from '../base/deadline.ts';
import { ConfigError, type ConfigProblem, UnavailableError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { MAX_TOKEN } from '../lease/record.ts';
import { takeoverByStampInMs } from '../lease/stamp.ts';
import { readInstant } from '../lease/timing.ts';
import type { CommandContext } from './contract.ts';
import { lockKey } from './lock-attempt.ts';
import type { AssertReport } from './lock-report.ts';
import { createReleasers, openStoreParts, requireStore } from './wire.ts';

/** Runs one `assert`. ConfigError with every problem at once; errors of the store end it with their own exit code. */
export async function runAssert(
  context: CommandContext,
  resolved: ResolvedOptions<'assert'>,
): Promise<AssertReport> {
  const { clock, logger, signal, env } = context;
  const { values } = resolved;
  const { name } = values;
  const given = readToken(env);
  const problems: ConfigProblem[] = [...resolved.problems];
  const address = requireStore(context, resolved, problems);
  if (given.kind === 'malformed') {
    problems.push({ option: TOKEN_NAME, message: `"${plain(given.text, 40)}" is not a fencing token` });
  }
  if (problems.length > 0 || !address || name === null) throw new ConfigError(problems);

  const shown = plain(name, 80);
  const token = given.kind === 'token' ? given.token : null;
  const report = (outcome: 'held' | 'lost', why: string): AssertReport => {
    if (outcome === 'lost') logger.error(`the lock ${shown} is not held: ${why}`);
    return {
      format: 1,
      command: 'assert',
      outcome,
      name,
      fencingToken: token,
      exitCode: outcome === 'held' ? 0 : 8,
    };
  };
  if (token === null) return report('lost', `${TOKEN_NAME} is not set, so this runs under no lock`);
  const nested = env[LOCK_NAME];
  if (nested && nested !== name) {
    return report('lost', `token ${token} in ${TOKEN_NAME} is that of the lock ${plain(nested, 80)}`);
  }

  const releasers = createReleasers();
  try {
    const { manager } = await openStoreParts(context, { address, values, releasers });
    const { record } = await withTimeout(
      {
        clock,
        timeoutMs: values.timeoutMs,
        waitingFor: 'the store',
        parent: signal,
        onTimeout: () => new UnavailableError(`the store did not answer about the lock ${shown} in time`),
      },
      (limited) => manager.read(lockKey(values.namespace, name), { signal: limited }),
    );
    const own = record?.entries.find((entry) => entry.token === token);
    // On the holder's own machine the record tells how old it is: one that nobody renews any more may be taken at any moment.
    const hasRunOut = own && takeoverByStampInMs(own, readInstant(clock)) <= 0;
    if (hasRunOut) return report('lost', `token ${token} has run out: nobody renewed it in time`);
    if (own) return report('held', '');
    const [present] = record?.entries ?? [];
    const successor = present && `${plain(present.holder.text)} has it with token ${present.token}`;
    const end = record ? `it was freed; the last token was ${record.token}` : 'nobody ever held it';
    return report('lost', `token ${token} is over, ${successor ?? end}`);
  } finally {
    await releasers.close();
  }
}

const TOKEN_NAME = 'LOCKSTEP_FENCING_TOKEN';
const LOCK_NAME = 'LOCKSTEP_LOCK_NAME';

type GivenToken =
  | { readonly kind: 'token'; readonly token: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed'; readonly text: string };

function readToken(env: CommandContext['env']): GivenToken {
  const text = env[TOKEN_NAME]?.trim() ?? '';
  if (text === '') return { kind: 'none' };
  const token = Number(text);
  const isToken = /^[1-9]\d{0,15}$/.test(text) && token <= MAX_TOKEN;
  return isToken ? { kind: 'token', token } : { kind: 'malformed', text };
}
