/** The options of `demo`. They exist on the command line only. */
import type { OptionSpec } from '../option-spec.ts';

export const DEMO_OPTIONS = [
  {
    name: 'jobs',
    type: 'integer',
    commands: ['demo'],
    min: 1,
    max: 64,
    default: 8,
    sources: ['flag'],
    description: 'How many processes ask at once.',
  },
  {
    name: 'apps',
    type: 'integer',
    commands: ['demo'],
    min: 1,
    max: 1000,
    default: 40,
    sources: ['flag'],
    description: 'How many stale apps there are to begin with.',
  },
  {
    name: 'latency',
    type: 'duration',
    commands: ['demo'],
    max: '10s',
    default: '50ms',
    sources: ['flag'],
    description: 'How long the local provider takes to answer.',
  },
  {
    name: 'fault',
    type: 'choice',
    commands: ['demo'],
    choices: ['kill', '503', '429'],
    defaultText: 'none',
    sources: ['flag'],
    description:
      'What goes wrong in the middle: the sweeping process is killed, or the provider answers 503 or 429.',
  },
] as const satisfies readonly OptionSpec[];
