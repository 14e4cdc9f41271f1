// Cuts the operations that the REST facade speaks out of GitHub's published OpenAPI document, so that its answers can be
// validated without carrying the whole of it. Run by hand when the document moves on:
//   npm pack @octokit/openapi@VERSION, unpack package/generated/api.github.com.json, then
//   node --import ./scripts/register-ts.js __tests__/support/github-openapi-extract.ts api.github.com.json VERSION
// Descriptions and examples are dropped, `nullable` becomes an anyOf with null; nothing else changes. The data is MIT licensed.
import { readFileSync, writeFileSync } from 'node:fs';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JsonObject = { [name: string]: Json };

const REPO = '/repos/{owner}/{repo}';
const OPERATIONS: readonly (readonly [method: string, path: string])[] = [
  ['get', REPO],
  ['post', `${REPO}/git/refs`],
  ['patch', `${REPO}/git/refs/{ref}`],
  ['get', `${REPO}/git/ref/{ref}`],
  ['get', `${REPO}/git/matching-refs/{ref}`],
  ['post', `${REPO}/git/commits`],
  ['get', `${REPO}/git/commits/{commit_sha}`],
  ['get', `${REPO}/actions/runs/{run_id}`],
  ['get', `${REPO}/actions/runs/{run_id}/attempts/{attempt_number}/jobs`],
  ['get', `${REPO}/actions/jobs/{job_id}`],
  ['get', `${REPO}/commits/{ref}/check-runs`],
  ['get', `${REPO}/deployments`],
  ['get', `${REPO}/deployments/{deployment_id}/statuses`],
  ['get', '/rate_limit'],
];
const DROPPED = new Set([
  'description',
  'example',
  'examples',
  'title',
  'externalDocs',
  'deprecated',
  'format',
]);

const [source = '', version = ''] = process.argv.slice(2);
const document = JSON.parse(readFileSync(source, 'utf8')) as JsonObject;
const definitions: JsonObject = {};

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(path: string): Json {
  let value: Json = document;
  for (const part of path.replace(/^#\//, '').split('/')) {
    if (!isObject(value)) throw new Error(`${path} is not in the document`);
    value = value[part] ?? null;
  }
  return value;
}

/** `inProperties`: the keys of this object are property names, so a property called `title` stays. */
function clean(value: Json, inProperties = false): Json {
  if (Array.isArray(value)) return value.map((item) => clean(item));
  if (!isObject(value)) return value;
  if (typeof value['$ref'] === 'string') {
    const reference = value['$ref'];
    if (reference.includes('/responses/')) return clean(at(reference));
    const name = reference.split('/').at(-1) ?? '';
    if (!(name in definitions)) {
      definitions[name] = null;
      definitions[name] = clean(at(reference));
    }
    return { $ref: `#/definitions/${name}` };
  }
  const out: JsonObject = {};
  for (const [key, inner] of Object.entries(value)) {
    if (!inProperties && (DROPPED.has(key) || key === 'nullable')) continue;
    out[key] = clean(inner, !inProperties && key === 'properties');
  }
  return !inProperties && value['nullable'] === true ? { anyOf: [{ type: 'null' }, out] } : out;
}

function schemaOf(body: Json | undefined): Json {
  const resolved = isObject(body) && typeof body['$ref'] === 'string' ? at(body['$ref']) : body;
  if (!isObject(resolved) || !isObject(resolved['content'])) return null;
  const content = resolved['content']['application/json'];
  return isObject(content) ? clean(content['schema'] ?? null) : null;
}

const operations: JsonObject = {};
for (const [method, path] of OPERATIONS) {
  const operation = at('paths') as JsonObject;
  const found = (operation[path] as JsonObject)[method] as JsonObject;
  const responses: JsonObject = {};
  for (const [status, response] of Object.entries(found['responses'] as JsonObject)) {
    responses[status] = schemaOf(response);
  }
  operations[`${method.toUpperCase()} ${path}`] = { request: schemaOf(found['requestBody']), responses };
}

writeFileSync(
  new URL('./github-openapi-paths.json', import.meta.url),
  `${JSON.stringify({ source: '@octokit/openapi, generated/api.github.com.json', version, license: 'MIT', operations, definitions })}\n`,
);
