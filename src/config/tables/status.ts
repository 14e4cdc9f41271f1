/** The options of `status`. */
import type { OptionSpec } from '../option-spec.ts';

export const STATUS_OPTIONS = [
  {
    name: 'kind',
    type: 'choice',
    commands: ['status'],
    choices: ['lock', 'reap', 'gate', 'check'],
    defaultText: 'all kinds',
    sources: ['flag', 'input', 'hook', 'file'],
    description: 'Show only records of this kind.',
  },
  {
    name: 'name',
    type: 'string',
    commands: ['status'],
    defaultText: 'all names',
    sources: ['flag', 'input', 'hook', 'file'],
    description: 'Show only the record of this name.',
  },
] as const satisfies readonly OptionSpec[];
