// GitHub's published OpenAPI document as a judge: is this a request, is that an answer that the API could give? Also makes
// the smallest valid body of an operation, so that a sandbox only writes down the fields that mean something.
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

interface Schema {
  $ref?: string;
  type?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  minLength?: number;
}

interface Operation {
  request: Schema | null;
  responses: Record<string, Schema | null>;
}

const published = JSON.parse(
  readFileSync(new URL('./github-openapi-paths.json', import.meta.url), 'utf8'),
) as { operations: Record<string, Operation>; definitions: Record<string, Schema> };

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'github', definitions: published.definitions });
const compiled = new Map<Schema, ValidateFunction>();

/** What the document says against this body; empty where it has nothing to say. */
function complaints(schema: Schema, body: unknown, what: string): string[] {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"github#/')) as Schema;
    validate = ajv.compile(absolute);
    compiled.set(schema, validate);
  }
  if (validate(body)) return [];
  return (validate.errors ?? []).map((error) => `${what}${error.instancePath}: ${error.message ?? ''}`);
}

/** Statuses that any operation may answer, though the document lists them nowhere. */
const ANYWHERE = new Set([401, 403, 404, 429, 500, 502, 503]);

export function checkRequest(operation: string, body: unknown): string[] {
  const schema = published.operations[operation]?.request;
  return schema ? complaints(schema, body, `request ${operation}`) : [];
}

export function checkAnswer(operation: string, answer: { status: number; body: unknown }): string[] {
  const { status, body } = answer;
  const found = published.operations[operation];
  if (found === undefined) return [`${operation} is not in the document`];
  const schema = found.responses[String(status)];
  if (schema) return complaints(schema, body, `answer ${status} of ${operation}`);
  if (status === 304 || ANYWHERE.has(status)) return [];
  return [`${operation} never answers ${status}`];
}

/** The smallest body that the document accepts for an answer. */
export function minimalAnswer(operation: string, status: number): Record<string, unknown> {
  const schema = published.operations[operation]?.responses[String(status)];
  if (!schema) throw new Error(`${operation} has no answer ${status}`);
  return minimal(schema) as Record<string, unknown>;
}

/** The smallest value of a named schema of the document. */
export function minimalOf(definition: string): Record<string, unknown> {
  return minimal({ $ref: `#/definitions/${definition}` }) as Record<string, unknown>;
}

function minimal(schema: Schema): unknown {
  if (schema.$ref !== undefined) {
    return minimal(published.definitions[schema.$ref.replace('#/definitions/', '')] ?? {});
  }
  if (schema.enum !== undefined) return schema.enum[0];
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives?.some(({ type }) => type === 'null')) return null;
  if (schema.properties !== undefined) {
    const made = (schema.required ?? []).map((name) => [name, minimal(schema.properties?.[name] ?? {})]);
    return Object.fromEntries(made) as unknown;
  }
  if (alternatives?.[0] !== undefined) return minimal(alternatives[0]);
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map(minimal)) as unknown;
  if (schema.type === 'integer' || schema.type === 'number') return 1;
  if (schema.type === 'boolean') return false;
  if (schema.type === 'array') return [];
  if (schema.type === 'object') return {};
  return 'x'.repeat(Math.max(1, schema.minLength ?? 1));
}
