/**
 * Opens probes for parsed targets. Each implementation is loaded on first use, so that a command pays only for what it asks.
 * The connections behind http probes are shared by all that one opener opened: one per origin.
 * Invariant: whoever creates an opener closes it, after everything that uses its probes has ended.
 */
import type { Clock } from '../base/clock.ts';
import { ConfigError, invariant } from '../base/errors.ts';
import type { Store } from '../store/contract.ts';
import type { Probe } from './contract.ts';
import type { GithubReader } from './github-reader.ts';
import type { Connections } from './request.ts';
import { displayTargets, type Target } from './target.ts';

export interface ProbeWorld {
  readonly clock: Clock;
  /** For `check:`; borrowed. */
  readonly store: Pick<Store, 'get' | 'watch'>;
  readonly namespace: string;
  /** For `http:`, all values secret. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For `command:`. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Masks known secrets in what commands print. */
  readonly redact: (text: string) => string;
  /** For `heroku-release:`; null without a credential. */
  readonly heroku: { readonly apiUrl: string; readonly apiKey: string } | null;
  /** For `github-…:`; null without a token or a repository. */
  readonly github: { readonly reader: GithubReader; readonly repository: string } | null;
}

export interface ProbeOpener {
  /**
   * One probe per target, in order, with ids that tell them apart. ConfigError where a credential is missing. The opener closes
   * them.
   */
  open(targets: readonly Target[]): Promise<Probe[]>;
  close(): Promise<void>;
}

/** What this world lacks to ask the target, in words that follow the option's name; null where nothing. No request. */
export function findTargetProblem(
  target: Target,
  world: Pick<ProbeWorld, 'heroku' | 'github'>,
): string | null {
  if (target.kind === 'heroku-release' && world.heroku === null)
    return 'needs a Heroku credential; set HEROKU_API_KEY';
  if ((target.kind === 'github-check' || target.kind === 'github-deployment') && world.github === null)
    return 'needs GitHub; set GITHUB_TOKEN and GITHUB_REPOSITORY';
  return null;
}

/** An opener with connections of its own. */
export function createProbeOpener(world: ProbeWorld): ProbeOpener {
  const opened: Probe[] = [];
  let connections: Connections | null = null;
  const connect = async (): Promise<Connections> => {
    const { createConnections } = await import('./request.ts');
    connections ??= createConnections({ clock: world.clock });
    return connections;
  };

  const openOne = async (target: Target, id: string): Promise<Probe> => {
    const { clock, store, namespace, cwd, env, redact, heroku, github } = world;
    switch (target.kind) {
      case 'http': {
        const { createHttpProbe } = await import('./http.ts');
        const headers = world.headers ?? {};
        return createHttpProbe({ id, target, connections: await connect(), clock, headers });
      }
      case 'command': {
        const { createCommandProbe } = await import('./command.ts');
        return createCommandProbe({ id, target, clock, cwd, env, redact });
      }
      case 'check': {
        const { createCheckProbe } = await import('./check.ts');
        return createCheckProbe({ id, name: target.name, namespace, store, clock });
      }
      case 'github-check': {
        invariant(github, 'a GitHub target was opened without GitHub');
        const { createGithubCheckProbe } = await import('./github-check.ts');
        return createGithubCheckProbe({ id, target, ...github });
      }
      case 'github-deployment': {
        invariant(github, 'a GitHub target was opened without GitHub');
        const { createGithubDeploymentProbe } = await import('./github-deployment.ts');
        return createGithubDeploymentProbe({ id, target, ...github });
      }
      case 'heroku-release': {
        invariant(heroku, 'a Heroku target was opened without a credential');
        const { createHerokuReleaseProbe } = await import('./heroku-release.ts');
        return createHerokuReleaseProbe({ id, target, ...heroku, connections: await connect(), clock });
      }
    }
  };

  return {
    async open(targets) {
      const ids = displayTargets(targets);
      const problems = targets.flatMap((target, at) => {
        const problem = findTargetProblem(target, world);
        return problem === null ? [] : [{ option: '', message: `${ids[at]} ${problem}` }];
      });
      if (problems.length > 0) throw new ConfigError(problems);
      const probes: Probe[] = [];
      // One after the other: some module loaders (Jest's) trip over concurrent imports that share a file.
      for (const [at, target] of targets.entries())
        probes.push(await openOne(target, ids[at] ?? target.kind));
      opened.push(...probes);
      return probes;
    },
    async close() {
      await Promise.all(opened.splice(0).map((probe) => probe.close()));
      connections?.close();
      connections = null;
    },
  };
}
