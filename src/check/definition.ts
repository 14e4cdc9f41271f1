/**
 * What makes an alias's definition impossible, pure, before anything is opened. The host adds how its options are spelled.
 * NOT found here: a ring of several aliases that mirror each other; each of them then keeps the worst status it ever had.
 */
import { displayTarget, type Target } from '../probe/target.ts';

export interface AliasDraft {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly reconcileMs: number;
}

export interface DefinitionProblem {
  /** The option by its name in the table. */
  readonly option: 'of' | 'reconcile';
  /** In words that follow the option's name. */
  readonly problem: string;
}

/** Every problem at once; none for a definition that can run. */
export function findAliasProblems({ name, targets, reconcileMs }: AliasDraft): DefinitionProblem[] {
  const problems: DefinitionProblem[] = [];
  if (targets.length === 0) problems.push({ option: 'of', problem: 'needs at least one target to mirror' });
  if (targets.some((target) => target.kind === 'check' && target.name === name))
    problems.push({ option: 'of', problem: 'names the alias itself' });
  const seen = new Set<string>();
  for (const target of targets) {
    const text = JSON.stringify(target);
    if (seen.has(text)) problems.push({ option: 'of', problem: `names ${displayTarget(target)} twice` });
    seen.add(text);
  }
  if (!(reconcileMs > 0)) problems.push({ option: 'reconcile', problem: 'must be longer than nothing' });
  return problems;
}
