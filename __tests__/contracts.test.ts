/**
 * What repeats the option table must repeat it exactly. `node scripts/generate-docs.js` writes all of it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import {
  fillActionInputs,
  fillOptionBlocks,
  OPTION_BLOCKS,
  optionBlocksOf,
} from '../src/config/documentation.ts';
import { renderConfigSchema } from '../src/config/json-schema.ts';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const read = (path: string) => readFileSync(at(path), 'utf8');

describe('the option table is repeated exactly', () => {
  test('by the tables of the README, and it has all of them', () => {
    const readme = read('README.md');
    expect(readme).toBe(fillOptionBlocks(readme));
    expect([...optionBlocksOf(readme)].sort()).toEqual([...OPTION_BLOCKS].sort());
  });

  test('by the JSON Schema of the config file', () => {
    expect(read('schema/lockstep.config.schema.json')).toBe(renderConfigSchema());
  });

  test('by the inputs of action.yml, once there is one', () => {
    const yaml = existsSync(at('action.yml')) ? read('action.yml') : '  # <options>\n  # </options>';
    expect(yaml).toContain('# <options>');
    expect(existsSync(at('action.yml')) ? yaml : fillActionInputs(yaml)).toBe(fillActionInputs(yaml));
  });
});
