import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { createConfigSchema, renderConfigSchema } from '../../src/config/json-schema.ts';
import { resolveOptions } from '../../src/config/resolve.ts';

const accepts = new Ajv({ strict: true, strictTypes: false }).compile(createConfigSchema());
const problemsOf = async (content: unknown) =>
  (
    await resolveOptions({
      command: 'reap',
      host: 'cli',
      env: { LOCKSTEP_MATCH: 'x', LOCKSTEP_PROVIDER: 'heroku' },
      file: { name: 'lockstep.config.json', content },
    })
  ).problems;

describe('the JSON Schema of the config file', () => {
  test('is the JSON it renders', () => {
    expect(JSON.parse(renderConfigSchema())).toEqual(createConfigSchema());
  });

  test('names a default only where it is one, whatever else is set', () => {
    const text = renderConfigSchema();
    const ofSwitch = (name: string) => text.slice(text.indexOf(`"${name}"`)).match(/\{[^}]*\}/)?.[0];
    expect(ofSwitch('apply')).toContain('"default": false');
    expect(ofSwitch('shareThrottle')).toContain('"type": "boolean"');
    expect(ofSwitch('shareThrottle')).not.toContain('default');
  });

  test.each([
    {},
    { $schema: './schema.json', store: 'file:', failOnError: true },
    { timeout: '15m', reap: { olderThan: '1.5h', limit: 3, protect: ['a', 'b'], apply: true } },
    { reap: { protect: 'a,b', whenBusy: 'wait', lease: '60s' }, status: { kind: 'reap', name: 'x' } },
  ])('accepts %j, and so does lockstep', async (content) => {
    expect(accepts(content)).toBe(true);
    expect(await problemsOf(content)).toEqual([]);
  });

  test.each([
    [],
    { nonsense: 1 },
    { olderThan: '7d' },
    { demo: {} },
    { reap: { oldr: 1 } },
    { reap: 'x' },
    { reap: { olderThan: 7 } },
    { reap: { olderThan: '7' } },
    { reap: { olderThan: '7 d' } },
    { reap: { limit: '3' } },
    { reap: { limit: 0 } },
    { reap: { limit: 1.5 } },
    { reap: { concurrency: 33 } },
    { reap: { apply: 'true' } },
    { reap: { whenBusy: 'fail' } },
    { reap: { protect: [1] } },
    { reap: { jobIndex: 0 } },
    { store: 4 },
    { token: 'x' },
  ])('refuses %j, and so does lockstep', async (content) => {
    expect(accepts(content)).toBe(false);
    expect(await problemsOf(content)).not.toEqual([]);
  });
});
