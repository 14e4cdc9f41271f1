/** The options of `check`. Which of them belong to which action is in `check-settings.ts`. */
import type { OptionSpec } from '../option-spec.ts';

export const CHECK_OPTIONS = [
  {
    name: 'action',
    type: 'choice',
    commands: ['check'],
    choices: ['set', 'get', 'wait', 'alias'],
    required: true,
    sources: ['flag', 'input', 'hook', 'file'],
    description: 'What to do with the check.',
  },
  {
    name: 'name',
    type: 'string',
    commands: ['check'],
    required: true,
    sources: ['flag', 'input', 'hook', 'file'],
    description: 'The check.',
  },
  {
    name: 'status',
    type: 'choice',
    commands: ['check'],
    choices: ['passing', 'warning', 'critical'],
    sources: ['flag', 'input', 'hook', 'file'],
    description: 'For `set` only, and required there: the status to publish.',
  },
  {
    name: 'ttl',
    type: 'duration',
    commands: ['check'],
    min: '1s',
    defaultText: 'it stands until it is set again',
    description: 'For `set` only: without an update for so long the check reads `critical`.',
  },
  {
    name: 'output',
    type: 'string',
    commands: ['check'],
    placeholder: 'TEXT',
    description: 'For `set` only: one line that says why.',
  },
  {
    name: 'of',
    type: 'lines',
    commands: ['check'],
    placeholder: 'TARGET',
    default: [],
    secret: true,
    description:
      'For `alias` only, and required there: what it mirrors: `check:NAME`, `https://…`, `command:…`, `heroku-release:APP`, `github-check:NAME@REF` or `github-deployment:ENVIRONMENT`.',
  },
  {
    name: 'reconcile',
    type: 'duration',
    commands: ['check'],
    default: '60s',
    min: '1s',
    max: '1h',
    description: 'For `alias` only: at most this long between two readings of an upstream.',
  },
  {
    name: 'until',
    type: 'choice',
    commands: ['check'],
    choices: ['passing', 'warning', 'critical', 'unknown'],
    placeholder: 'STATUS',
    defaultText: '`wait`: `passing`; `alias`: until it is stopped',
    description:
      'For `wait` and `alias`: end when the check has this status. In the Action `alias` needs it.',
  },
] as const satisfies readonly OptionSpec[];
