/**
 * What the options of `check` mean together: which belong to which action. Targets are handed on as text; the probes parse them.
 * Invariant: one mistake gives one problem; an option that would have no effect is refused.
 */
import type { ConfigProblem } from '../base/errors.ts';
import type { OptionName } from './options.ts';
import type { ResolvedOptions } from './resolve.ts';

type Action = 'set' | 'get' | 'wait' | 'alias';

/** Which actions an option is for, where not all. */
const OWN: readonly (readonly [OptionName<'check'>, readonly Action[]])[] = [
  ['status', ['set']],
  ['ttl', ['set']],
  ['output', ['set']],
  ['of', ['alias']],
  ['reconcile', ['alias']],
  ['until', ['wait', 'alias']],
];

/** Every problem of the single values and of their relations. */
export function findCheckProblems(
  resolved: ResolvedOptions<'check'>,
  host: { readonly rest: readonly string[] | null; readonly needsUntil: boolean },
): ConfigProblem[] {
  const { values, spellingOf, sourceOf } = resolved;
  const problems = [...resolved.problems];
  const { action } = values;
  if (action === null) return problems;
  const add = (name: OptionName<'check'>, message: string) =>
    problems.push({ option: spellingOf(name), message });
  for (const [name, actions] of OWN) {
    const isHere = actions.includes(action);
    if (!isHere && sourceOf(name) !== null)
      add(name, `belongs to check ${actions.join(' and ')}, not to ${action}`);
  }
  if (action === 'set' && values.status === null && sourceOf('status') === null) {
    add('status', 'is required by check set: passing, warning or critical');
  }
  if (action === 'alias' && sourceOf('of') === null) add('of', 'is required by check alias: what it mirrors');
  if (action === 'alias' && host.needsUntil && sourceOf('until') === null) {
    add('until', 'is required by check alias here: a step must end');
  }
  if (host.rest !== null && action !== 'alias') {
    problems.push({ option: '--', message: `check ${action} runs no command; nothing may follow --` });
  } else if (host.rest !== null && host.rest.length === 0) {
    problems.push({ option: '--', message: 'must be followed by a command' });
  }
  return problems;
}
