/** The options of `doctor`. */
import type { OptionSpec } from '../option-spec.ts';

export const DOCTOR_OPTIONS = [
  {
    name: 'jobs',
    type: 'integer',
    commands: ['doctor'],
    min: 1,
    max: 1000,
    defaultText: 'no bill',
    sources: ['flag', 'input'],
    description:
      "What a matrix of so many jobs, and a gate of so many members, would cost of GitHub's budget, design by design.",
  },
  {
    name: 'parallel',
    type: 'integer',
    commands: ['doctor'],
    min: 1,
    max: 1000,
    default: 20,
    sources: ['flag', 'input'],
    description: 'With `--jobs`: how many of them run at a time.',
  },
  {
    name: 'live',
    type: 'boolean',
    commands: ['doctor'],
    default: false,
    sources: ['flag', 'input'],
    description:
      'GitHub store only: try in the repository itself what cannot be known without one, and print the answers. Leaves a few references behind and names them.',
  },
  {
    name: 'provider',
    type: 'choice',
    commands: ['doctor'],
    choices: ['heroku', 'directory'],
    placeholder: 'NAME',
    defaultText: '`heroku` where HEROKU_API_KEY is set',
    sources: ['flag', 'input'],
    description: 'Whose credential to try.',
  },
  {
    name: 'herokuTeam',
    type: 'string',
    commands: ['doctor'],
    placeholder: 'TEAM',
    defaultText: 'the apps the account owns outside teams',
    sources: ['flag', 'input'],
    description: 'Heroku only: the team whose apps will be swept.',
  },
  {
    name: 'root',
    type: 'string',
    commands: ['doctor'],
    placeholder: 'PATH',
    sources: ['flag', 'input'],
    description: 'Directory provider only: the folder whose sub-folders are apps.',
  },
] as const satisfies readonly OptionSpec[];
