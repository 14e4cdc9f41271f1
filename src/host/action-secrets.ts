/**
 * Which values of a step are credentials: the token, passwords in URLs, the headers of probes, the provider's keys. They are
 * masked before anything is logged. NOT found here: a secret that a user put where none belongs (an app's name, say).
 * Invariant: nothing harmless is among them: the runner masks a value in the rest of the job, and withholds outputs that
 * contain it (a mask of the word `true`, say, would spoil every later step).
 */
import { kebabCase, type OptionSpec } from '../config/option-spec.ts';
import { OPTIONS } from '../config/options.ts';
import { decodeOrKeep, secretsOf } from './secrets.ts';

const SECRET_OPTIONS = OPTIONS.filter((spec) => spec.secret);
/** Their addresses are no secret, and the words of a command are anything; only what an address carries beside is. */
const TARGET_OPTIONS: readonly string[] = ['ready', 'schemaProbe', 'of'];
/** Shorter ones are found in everything. */
const MIN_SECRET = 4;
/** `?version=1` and the like are no keys. */
const MIN_QUERY_SECRET = 12;

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
  return [...new Set(values.map((value) => value.trim()).filter((value) => value.length >= MIN_SECRET))];
}

/** What of an option's text is secret. Each line by itself: the runner masks by the line. */
function partsOf(spec: OptionSpec, text: string | undefined): string[] {
  if (text === undefined || text.trim() === '') return [];
  if (spec.name === 'store') return secretsOf({}, [text]);
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  if (TARGET_OPTIONS.includes(spec.name)) return lines.flatMap(secretsOfTarget);
  // `Authorization: Bearer abc`: the header's name is no secret, its value is, with and without the scheme before it.
  const values = spec.type === 'lines' ? lines.map((line) => line.replace(/^[^:]*:\s*/, '')) : lines;
  return values.flatMap((value) => [value, value.replace(/^(Bearer|Basic|token)\s+/i, '')]);
}

/** User and password, and keys in the query, as written and as meant. */
function secretsOfTarget(target: string): string[] {
  if (!/^https?:/i.test(target) || !URL.canParse(target)) return [];
  const url = new URL(target);
  const keys = [...url.searchParams.values()].filter((value) => value.length >= MIN_QUERY_SECRET);
  const password = decodeOrKeep(url.password);
  const pair = password === '' ? [] : [`${decodeOrKeep(url.username)}:${password}`];
  return [url.password, password, ...pair, ...keys, ...keys.map((key) => encodeURIComponent(key))];
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
