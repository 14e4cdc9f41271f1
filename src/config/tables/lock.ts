/** The options of `lock`, and of `assert` and `unlock`, which name the same thing. */
import type { OptionSpec } from '../option-spec.ts';

export const LOCK_OPTIONS = [
  {
    name: 'name',
    type: 'string',
    commands: ['lock'],
    required: true,
    sources: ['flag', 'input', 'hook', 'file'],
    description: 'What to hold: all who name the same lock in one store and namespace contend for it.',
  },
  {
    name: 'whenBusy',
    type: 'choice',
    commands: ['lock'],
    choices: ['wait', 'skip', 'fail'],
    default: 'wait',
    description:
      'What to do while others hold it: wait for at most `--timeout`, go on without running the command, or fail.',
  },
  {
    name: 'permits',
    type: 'integer',
    commands: ['lock'],
    min: 1,
    max: 100,
    default: 1,
    description: 'How many may hold it at once. All contenders must use the same number.',
  },
  {
    name: 'order',
    type: 'choice',
    commands: ['lock'],
    choices: ['any', 'fifo'],
    default: 'any',
    description:
      'Who is next: whoever is fastest, or with `fifo` whoever came first. All contenders should use the same.',
  },
  {
    name: 'run',
    type: 'string',
    commands: ['lock'],
    placeholder: 'SCRIPT',
    defaultText: 'none: the lock is held until the end of the job',
    sources: ['input'],
    description: 'A script for `bash`, run under the lock inside this step.',
  },
  {
    name: 'jobIndex',
    type: 'integer',
    commands: ['lock'],
    defaultText: 'unknown; in the Action the index in the matrix',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's expression syntax, evaluated by the runner.
    actionDefault: '${{ strategy.job-index }}',
    sources: ['flag', 'input', 'hook', 'env'],
    description:
      'Which job of the matrix this is, counted from 0: so that others can tell who holds the lock.',
  },
] as const satisfies readonly OptionSpec[];

export const ASSERT_OPTIONS = [
  {
    name: 'name',
    type: 'string',
    commands: ['assert'],
    required: true,
    sources: ['flag'],
    description: 'The lock that must still be held with the token in `LOCKSTEP_FENCING_TOKEN`.',
  },
] as const satisfies readonly OptionSpec[];

export const UNLOCK_OPTIONS = [
  {
    name: 'name',
    type: 'string',
    commands: ['unlock'],
    required: true,
    sources: ['flag', 'input'],
    description: 'The lock to free, whoever holds it.',
  },
  {
    name: 'force',
    type: 'boolean',
    commands: ['unlock'],
    default: false,
    sources: ['flag', 'input'],
    description:
      "Required: the holder's work goes on until it notices, and its token is refused from now on.",
  },
] as const satisfies readonly OptionSpec[];
