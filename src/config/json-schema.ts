/**
 * The JSON Schema of the config file (and of a hook's options, which have the same shape), for editors and for whoever wants
 * to check a file without running lockstep. Draft 7, which editors know best. Pure; loaded by the generator and by tests only.
 * NOT expressed: bounds of durations, relations between options, unknown patterns; lockstep itself reports those.
 */
import { COMMANDS, type CommandName, commandSpec } from './commands.ts';
import { describeOption } from './documentation.ts';
import { defaultOf, type OptionSpec } from './option-spec.ts';
import { sectionNames, sectionOptions, topOptions } from './sources.ts';

type JsonSchema = { readonly [keyword: string]: unknown };

const DURATION = '^[0-9]{1,9}(\\.[0-9]{1,3})?(ms|s|m|h|d)$';

/** The whole schema, as JSON. */
export function createConfigSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'lockstep.config.json',
    description: 'Options of lockstep: those of every command at the top, one section per command.',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      ...Object.fromEntries(topOptions('file').map((spec) => [spec.name, schemaOf(spec, null)])),
      ...Object.fromEntries(sectionNames('file').map((name) => [name, sectionSchema(name)])),
    },
    additionalProperties: false,
  };
}

/** JSON text with a final newline; lists of plain values stay on one line where they fit. */
export function renderConfigSchema(): string {
  return `${render(createConfigSchema(), '')}\n`;
}

function sectionSchema(name: CommandName): JsonSchema {
  const { summary } = COMMANDS[name];
  const { shorthand } = commandSpec(name);
  const section: JsonSchema = {
    type: 'object',
    properties: Object.fromEntries(
      sectionOptions('file', name).map((spec) => [spec.name, schemaOf(spec, name)]),
    ),
    additionalProperties: false,
  };
  return shorthand === undefined
    ? { description: summary, ...section }
    : { description: summary, anyOf: [{ type: 'string' }, section] };
}

function schemaOf(spec: OptionSpec, command: CommandName | null): JsonSchema {
  const preset = command === null ? spec.default : defaultOf(spec, command);
  // A switch that has words for its default is on or off by something else.
  const dependsOnMore = typeof preset === 'boolean' && spec.defaultText !== undefined;
  return {
    description: describeOption(spec).replaceAll('`', ''),
    ...typeSchema(spec),
    ...(preset === undefined || dependsOnMore ? {} : { default: preset }),
  };
}

function typeSchema(spec: OptionSpec): JsonSchema {
  switch (spec.type) {
    case 'duration':
      return { type: 'string', pattern: DURATION };
    case 'integer':
      return {
        type: 'integer',
        minimum: typeof spec.min === 'number' ? spec.min : 0,
        ...(typeof spec.max === 'number' ? { maximum: spec.max } : {}),
      };
    case 'boolean':
      return { type: 'boolean' };
    case 'choice':
      return { type: 'string', enum: spec.choices ?? [] };
    case 'string':
      return { type: 'string' };
    case 'list':
    case 'lines':
      return { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] };
  }
}

function render(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const isFlat = value.every((item) => typeof item !== 'object' || item === null);
    if (isFlat) return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    return `[\n${value.map((item) => inner + render(item, inner)).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).map(
    ([name, each]) => `${inner}${JSON.stringify(name)}: ${render(each, inner)}`,
  );
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
}
