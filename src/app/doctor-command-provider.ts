/** What `doctor` tries of the provider: whether its credential opens the account whose apps would be swept. */
import { AuthError, UnavailableError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { OptionValues } from '../config/options.ts';
import { parseProviderSettings } from '../provider/open.ts';
import type { CommandContext } from './contract.ts';
import { type DoctorCheck, examine, NOT_TRIED } from './doctor-command-check.ts';

export async function checkProvider(
  context: CommandContext,
  what: {
    values: Pick<OptionValues<'doctor'>, 'provider' | 'herokuTeam' | 'root'>;
    signal: AbortSignal;
  },
): Promise<DoctorCheck> {
  const { env, clock } = context;
  const { values, signal } = what;
  const provider = values.provider ?? (env['HEROKU_API_KEY'] ? 'heroku' : null);
  const about = {
    name: 'provider',
    tried: provider ? `open the account of ${provider}` : 'find a credential',
  };
  if (provider === null) {
    return { ...NOT_TRIED, ...about, found: 'none was named, and there is no HEROKU_API_KEY', hint: null };
  }
  const { herokuTeam, root } = values;
  const parsed = parseProviderSettings(
    { provider, herokuTeam: herokuTeam ?? undefined, root: root ?? undefined },
    context,
  );
  if (!parsed.ok) {
    const found = parsed.problems.map(({ option, message }) => `${option} ${message}`).join('; ');
    const isExpected = context.isForkPullRequest === true;
    return {
      ...about,
      status: isExpected ? 'skipped' : 'problem',
      found: isExpected ? 'a pull request from a fork gets no secrets' : found,
      hint: null,
      exitCode: isExpected ? 0 : 2,
    };
  }
  const { check } = await examine(about, async () => {
    const { openProvider } = await import('../provider/open.ts');
    const opened = await openProvider(parsed.settings, { clock, client: 'lockstep doctor' });
    try {
      const scope = await opened.open({ signal });
      const answer = scope.kind === 'open' && herokuTeam ? await opened.list(null, { signal }) : scope;
      if (answer.kind === 'open') return { found: `opened ${plain(answer.label, 80)}` };
      if (answer.kind === 'page')
        return { found: `the team answers; ${answer.apps.length} apps on its first page` };
      const text = `${provider} answered: ${plain(answer.detail)}`;
      if (answer.kind === 'unauthorized' || answer.kind === 'forbidden')
        throw new AuthError(text, { hint: KEY_HINT });
      throw new UnavailableError(text);
    } finally {
      await opened.close();
    }
  });
  return check;
}

const KEY_HINT =
  'make a key with `heroku authorizations:create`, store it as a secret and pass it as HEROKU_API_KEY';
