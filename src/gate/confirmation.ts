/**
 * R6, outside the board: asks readiness targets until all of them are good several times in a row. NOT guaranteed: that every
 * replica behind a target was asked; consecutive good answers only make a mixed fleet unlikely to pass.
 * Invariant: targets count as ready only together, in one and the same round.
 */
import { type Clock, sleep } from '../base/clock.ts';
import { plain } from '../base/text.ts';
import type { Probe } from '../probe/contract.ts';
import { decideReadiness, notReadyYet, type Readiness, type ReadinessPaths } from '../probe/readiness.ts';
import type { Observation, Versions } from './contract.ts';
import { lacksVersions } from './schema-answer.ts';
import type { VersionScheme } from './versions.ts';

export interface ConfirmationSettings {
  readonly clock: Clock;
  readonly probes: readonly Probe[];
  readonly target: Versions;
  readonly versionScheme: VersionScheme;
  readonly paths: ReadinessPaths;
  /** Good answers in a row. */
  readonly successes: number;
  /** Between two rounds; a target's own Retry-After prolongs it. */
  readonly pauseMs: number;
  readonly signal: AbortSignal;
  /** After each round that was not the last: what is wrong, as one line. */
  onRound(observed: Observation): void;
}

export type Confirmation =
  | { readonly kind: 'ready'; readonly observed: Observation }
  /** It will not get better by waiting: a release that failed, a credential that was refused. */
  | { readonly kind: 'hopeless'; readonly observed: Observation };

/** Until ready or hopeless. Rejects only with the signal's reason. */
export async function confirmReadiness(settings: ConfirmationSettings): Promise<Confirmation> {
  const { clock, probes, target, versionScheme, signal } = settings;
  const { paths, successes, pauseMs } = settings;
  const rules = {
    paths,
    successes,
    lacks: (carried: Parameters<typeof lacksVersions>[0]) => lacksVersions(carried, target, versionScheme),
  };
  let states = probes.map(() => notReadyYet);
  for (;;) {
    const results = await Promise.all(probes.map((probe) => probe.probe({ signal })));
    const rounds = results.map((result, at) => decideReadiness(states[at] ?? notReadyYet, result, rules));
    states = rounds.map((round) => round.state);
    const observed = observationOf(probes, rounds, new Date(clock.wallMs()).toISOString());
    if (rounds.some((round) => round.fatal)) return { kind: 'hopeless', observed };
    if (rounds.every((round) => round.ready)) return { kind: 'ready', observed };
    settings.onRound(observed);
    await sleep(clock, Math.max(pauseMs, ...results.map((result) => result.retryAfterMs ?? 0)), signal);
  }
}

/** What the worst of them said: the one a person wants to read. */
function observationOf(probes: readonly Probe[], rounds: readonly Readiness[], at: string): Observation {
  const fatal = rounds.findIndex((each) => each.fatal);
  const unready = rounds.findIndex((each) => !each.ready);
  const worst = Math.max(0, fatal >= 0 ? fatal : unready);
  const round = rounds[worst];
  const carried = round?.carried.kind === 'versions' ? round.carried : null;
  const detail = round ? `${probes[worst]?.id ?? ''}: ${round.detail}` : 'nothing is asked';
  return {
    ...(carried?.schema === null || carried === null ? {} : { schema: plain(carried.schema, 60) }),
    ...(carried?.api === null || carried === null
      ? {}
      : { api: carried.api.slice(0, 20).map((name) => plain(name, 64)) }),
    at,
    detail: plain(detail, 160),
  };
}
