/**
 * Which values of a step are credentials: the token, passwords in URLs, the headers of probes, the provider's keys. They are
 * masked before anything is logged. NOT found here: a secret that a user put where none belongs (an app's name, say).
 */
import { kebabCase, type OptionSpec } from '../config/option-spec.ts';
import { OPTIONS } from '../config/options.ts';
import { secretsOf } from './secrets.ts';

const SECRET_OPTIONS = OPTIONS.filter((spec) => spec.secret);

/** Every credential among a step's variables and inputs, and in a config file's content once it is read. */
export function secretsOfStep(world: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly inputs: Readonly<Record<string, string | undefined>>;
  readonly config?: unknown;
}): string[] {
  const values = [
    ...SECRET_OPTIONS.flatMap((spec) => partsOf(spec, world.inputs[kebabCase(spec.name)])),
    ...SECRET_OPTIONS.flatMap((spec) =>
      valuesIn(world.config, spec.name).flatMap((text) => partsOf(spec, text)),
    ),
    ...secretsOf(world.env, [world.inputs['store']]),
  ];
  return [...new Set(values.map((value) => value.trim()).filter((value) => value !== ''))];
}

/** What of an option's text is secret. Each line by itself: the runner masks by the line. */
function partsOf(spec: OptionSpec, text: string | undefined): string[] {
  if (text === undefined || text.trim() === '') return [];
  if (spec.name === 'store') return secretsOf({}, [text]);
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  // `Authorization: Bearer abc`: the header's name is no secret, its value is, with and without the scheme before it.
  const values = spec.type === 'lines' ? lines.map((line) => line.replace(/^[^:]*:\s*/, '')) : lines;
  return values.flatMap((value) => [value, value.replace(/^(Bearer|Basic|token)\s+/i, '')]);
}

/** The option's text at the top and in every section of a config file. */
function valuesIn(content: unknown, name: string): string[] {
  if (typeof content !== 'object' || content === null) return [];
  return Object.entries(content).flatMap(([key, value]: [string, unknown]) => {
    if (key !== name) return valuesIn(value, name);
    const items = Array.isArray(value) ? (value as unknown[]) : [value];
    return items.filter((item): item is string => typeof item === 'string');
  });
}
