/** Wires probes: credentials from the host's environment, GitHub through the one client, secrets masked in what commands print. */
import { invariant } from '../base/errors.ts';
import type { GitHubClient } from '../github/client.ts';
import type { Probe } from '../probe/contract.ts';
import type { GithubReader } from '../probe/github-reader.ts';
import { createProbeOpener, type ProbeWorld } from '../probe/open.ts';
import type { Target } from '../probe/target.ts';
import type { CommandContext } from './contract.ts';
import { createHiding } from './hiding.ts';
import { openGitHub, type Releasers } from './wire.ts';

/** What this world can ask with; null where a credential is missing. Nothing is loaded or sent. */
export function probeCredentials(context: CommandContext): Pick<ProbeWorld, 'heroku' | 'github'> {
  const { env } = context;
  const apiKey = env['HEROKU_API_KEY'];
  const [token, repository] = [env['GITHUB_TOKEN'], env['GITHUB_REPOSITORY']];
  return {
    heroku: apiKey ? { apiUrl: env['HEROKU_API_URL'] || 'https://api.heroku.com', apiKey } : null,
    github: token && repository ? { reader: createReader(context), repository } : null,
  };
}

/** The probes' port over the one client, which is loaded with the first question. The client keeps its own ETags. */
function createReader(context: CommandContext): GithubReader {
  let opening: Promise<GitHubClient | null> | null = null;
  return {
    async get(path, { signal }) {
      opening ??= openGitHub(context);
      const client = await opening;
      invariant(client, 'GitHub was asked without a token');
      const read = await client.read(path, { signal });
      const none = { etag: null, retryAfterMs: null };
      if (read.kind === 'found') return { status: 200, body: read.data, ...none };
      if (read.kind === 'missing') return { status: 404, body: null, ...none };
      return { status: read.status, body: { message: read.text }, ...none };
    },
  };
}

/** One probe per target; `releasers` closes them, so register what uses them later. */
export async function openProbes(
  context: CommandContext,
  options: {
    store: ProbeWorld['store'];
    namespace: string;
    targets: readonly Target[];
    releasers: Releasers;
    headers?: Readonly<Record<string, string>>;
  },
): Promise<Probe[]> {
  const { env, cwd, clock } = context;
  const { store, namespace, targets, releasers, headers } = options;
  const opener = createProbeOpener({
    clock,
    store,
    namespace,
    cwd,
    env: context.childEnv ?? env,
    ...(headers ? { headers } : {}),
    redact: createHiding(context, Object.values(headers ?? {})),
    ...probeCredentials(context),
  });
  releasers.add(() => opener.close());
  return opener.open(targets);
}
