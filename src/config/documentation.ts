/**
 * The option table as a README shows it and as action.yml declares it. Pure functions from the table to text; loaded by the
 * generator and by tests only. Invariant: text between markers is never written by hand.
 */
import { COMMAND_NAMES, type CommandName } from './commands.ts';
import { isFor, isFrom, kebabCase, type OptionSpec } from './option-spec.ts';
import { isPositional, OPTIONS } from './options.ts';

/** The blocks a README may have: `<!-- options:reap -->` … `<!-- /options -->`. */
export const OPTION_BLOCKS = ['common', ...COMMAND_NAMES, 'action', 'hook'] as const;
export type OptionBlock = (typeof OPTION_BLOCKS)[number];

const BLOCK = /(<!-- options:([a-z-]+) -->)[\s\S]*?(<!-- \/options -->)/g;
const INPUTS = /^( *)# <options>\n[\s\S]*?^ *# <\/options>$/m;

/** The README with each option block written anew. An unknown block's name is an error of the README's author. */
export function fillOptionBlocks(markdown: string): string {
  return markdown.replace(BLOCK, (_, open: string, name: string, close: string) => {
    const block = OPTION_BLOCKS.find((each) => each === name);
    if (block === undefined) throw new Error(`README: there are no options called ${name}`);
    return `${open}\n${renderOptionTable(block)}\n${close}`;
  });
}

/** The names of the option blocks a Markdown text has, in its order. */
export function optionBlocksOf(markdown: string): string[] {
  return [...markdown.matchAll(BLOCK)].map((match) => match[2] ?? '');
}

/** One Markdown table. `common`: options of every command; `action`, `hook`: those that exist nowhere else. */
export function renderOptionTable(block: OptionBlock): string {
  const rows = rowsOf(block).map((spec) => {
    const cells = [
      `\`${titleOf(spec, block)}\``,
      describeDefault(spec),
      `${describeOption(spec)}${absenceOf(spec)}`,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const head = block === 'action' ? 'input' : 'option';
  return [`| ${head} | default | meaning |`, '|---|---|---|', ...rows].join('\n');
}

/** The `inputs:` of action.yml between `# <options>` and `# </options>`, at the markers' own indentation. */
export function fillActionInputs(yaml: string): string {
  return yaml.replace(INPUTS, (_, indent: string) => {
    const lines = renderActionInputs().map((line) => `${indent}${line}`);
    return [`${indent}# <options>`, ...lines, `${indent}# </options>`].join('\n');
  });
}

/** Every input, as lines of YAML without indentation. Options of several commands under one name become one input. */
export function renderActionInputs(): string[] {
  const names = new Set(OPTIONS.filter((spec) => isFrom(spec, 'input')).map((spec) => spec.name));
  return [...names].flatMap((name) => {
    const rows = OPTIONS.filter((spec) => spec.name === name && isFrom(spec, 'input'));
    const description = rows.map((spec) => `${ownersOf(spec)}${plainDescription(spec)}`).join(' ');
    const isRequired = rows.every((spec) => spec.required && spec.commands === 'all');
    const actionDefault = rows.find((spec) => spec.actionDefault !== undefined)?.actionDefault;
    return [
      `${kebabCase(name)}:`,
      `  description: ${JSON.stringify(description)}`,
      `  required: ${isRequired}`,
      ...(actionDefault === undefined ? [] : [`  default: ${actionDefault}`]),
    ];
  });
}

/** The default in words: code where it can be typed, text where it depends on something. */
export function describeDefault(spec: OptionSpec): string {
  if (spec.defaultText !== undefined) return spec.defaultText;
  if (spec.actionDefault !== undefined) return `\`${spec.actionDefault}\``;
  if (spec.required) return 'required';
  const value = spec.default;
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return `\`${String(value)}\``;
}

/** The description with choices, range and repetition. Markdown. */
export function describeOption(spec: OptionSpec): string {
  const parts = [spec.description];
  if (spec.choices) parts.push(`One of ${spec.choices.map((choice) => `\`${choice}\``).join(', ')}.`);
  if (spec.min !== undefined && spec.max !== undefined) parts.push(`From ${spec.min} to ${spec.max}.`);
  else if (spec.max !== undefined) parts.push(`At most ${spec.max}.`);
  else if (typeof spec.min === 'number') parts.push(`At least ${spec.min}.`);
  if (spec.type === 'list') parts.push('Repeat it, or separate by commas or newlines.');
  if (spec.type === 'lines') parts.push('Repeat it, or separate by newlines.');
  return parts.join(' ');
}

/** What stands for the value: `DURATION`, `N`, `skip|wait`. Empty for a boolean. */
export function describeValue(spec: OptionSpec): string {
  if (spec.type === 'boolean') return '';
  if (spec.placeholder !== undefined) return spec.placeholder;
  if (spec.choices) return spec.choices.join('|');
  return spec.type === 'duration' ? 'DURATION' : spec.type === 'integer' ? 'N' : 'TEXT';
}

function rowsOf(block: OptionBlock): OptionSpec[] {
  const isElsewhere = (spec: OptionSpec) => !isFrom(spec, 'flag');
  if (block === 'action') return OPTIONS.filter((spec) => isFrom(spec, 'input') && isElsewhere(spec));
  if (block === 'hook') return OPTIONS.filter((spec) => isFrom(spec, 'hook') && isElsewhere(spec));
  const flags = OPTIONS.filter((spec) => isFrom(spec, 'flag'));
  if (block === 'common') return flags.filter((spec) => spec.commands === 'all');
  return flags.filter((spec) => spec.commands !== 'all' && isFor(spec, block));
}

/** Where an option is missing though most exist there. */
function absenceOf(spec: OptionSpec): string {
  if (isFrom(spec, 'hook') && isFrom(spec, 'flag')) {
    if (!isFrom(spec, 'input')) return ' Not in the Action.';
    if (!isFrom(spec, 'file')) return ' Not in the config file.';
    if (!isFrom(spec, 'env')) return ' Not in the environment.';
  }
  return '';
}

function titleOf(spec: OptionSpec, block: OptionBlock): string {
  if (block === 'action') return kebabCase(spec.name);
  if (block === 'hook') return spec.name;
  if (block !== 'common' && isPositional(block, spec.name)) return spec.name.toUpperCase();
  return `--${kebabCase(spec.name)} ${describeValue(spec)}`.trim();
}

function ownersOf(spec: OptionSpec): string {
  return spec.commands === 'all' ? '' : `${(spec.commands as readonly CommandName[]).join(', ')}: `;
}

/** For places without Markdown, in the Action's spelling: an input is given once, so that nothing there can be repeated. */
function plainDescription(spec: OptionSpec): string {
  const isSwitch = typeof spec.default === 'boolean' && spec.defaultText === undefined;
  const preset = isSwitch ? String(spec.default) : describeDefault(spec);
  const isSelfEvident = preset === 'none' || spec.actionDefault !== undefined;
  const fallback = preset.startsWith('required')
    ? ` R${preset.slice(1)}.`
    : isSelfEvident
      ? ''
      : ` Default: ${preset}.`;
  return `${describeOption(spec)}${fallback}`
    .replace('Repeat it, or separate', 'Separate')
    .replace(/`--([a-z-]+)`/g, '$1')
    .replaceAll('`', '');
}
