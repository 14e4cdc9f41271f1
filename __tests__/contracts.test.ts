/**
 * What repeats the option table must repeat it exactly. `node scripts/generate-docs.js` writes all of it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { createFailureReport } from '../src/app/failure-report.ts';
import { ConfigError } from '../src/base/errors.ts';
import { COMMAND_NAMES, isCommandOf } from '../src/config/commands.ts';
import {
  fillActionInputs,
  fillOptionBlocks,
  OPTION_BLOCKS,
  optionBlocksOf,
} from '../src/config/documentation.ts';
import { renderConfigSchema } from '../src/config/json-schema.ts';
import { kebabCase } from '../src/config/option-spec.ts';

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

describe('the outputs of action.yml', () => {
  const yaml = read('action.yml');
  const section = /^outputs:\n([\s\S]*?)^\S/m.exec(yaml)?.[1] ?? '';
  const declared = [...section.matchAll(/^ {2}([a-z-]+):\n {4}description: '.+'$/gm)].map(([, name]) => name);

  test.each(COMMAND_NAMES.filter((name) => isCommandOf('action', name)))(
    'have every field of the result of %s',
    (command) => {
      const report = createFailureReport(command, new ConfigError([]));
      const fields = [...Object.keys(report).map(kebabCase), 'result', 'result-file', 'truncated'];
      expect(fields.filter((field) => !declared.includes(field))).toEqual([]);
    },
  );
});

test('action.yml runs on the node that runners have, with post whatever happened', () => {
  expect(read('action.yml')).toMatch(
    /^runs:\n {2}using: node24\n {2}main: dist\/action\.js\n {2}post: dist\/post\.js\n {2}post-if: always\(\)\n$/m,
  );
});
