/**
 * A result as a step's outputs: its top-level fields in kebab case, and `result` with all of it. Pure.
 * Invariants: a list is at most 200 KB in an output (a job's outputs share 1 MB), then `truncated` is true and the whole is in
 * the file that `result-file` names; no output has more than one line or can be read as a workflow command when it is printed.
 */
import type { CommandResult } from '../app/contract.ts';
import { forWorkflowLog } from '../base/text.ts';
import { kebabCase } from '../config/option-spec.ts';

export const MAX_LIST_BYTES = 200_000;
const MAX_TEXT = 4096;

export interface StepOutputs {
  /** All but `result-file`, in the order of the result. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly isTruncated: boolean;
}

/** The outputs of a result whose secrets are already hidden. */
export function createOutputs(report: CommandResult): StepOutputs {
  let isTruncated = false;
  const fields = Object.entries(report).map(([name, value]: [string, unknown]): [string, unknown] => {
    if (!Array.isArray(value)) return [name, value];
    const kept = cutList(value as unknown[]);
    isTruncated ||= kept.length < value.length;
    return [name, kept];
  });
  const result = Object.fromEntries(fields);
  const outputs = new Map(fields.map(([name, value]) => [kebabCase(name), textOf(value)]));
  outputs.set('truncated', String(isTruncated));
  outputs.set('result', safeJson(isTruncated ? { ...result, truncated: true } : result));
  return { outputs, isTruncated };
}

/** JSON that means the same and, printed into a log, starts no workflow command. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value)
    .replace(/:(?=:)/g, '\\u003a')
    .replaceAll('##[', '#\\u0023[');
}

/** The longest beginning that fits. */
function cutList(items: readonly unknown[]): readonly unknown[] {
  let bytes = 2;
  const end = items.findIndex((item) => {
    bytes += Buffer.byteLength(safeJson(item)) + 1;
    return bytes > MAX_LIST_BYTES;
  });
  return end < 0 ? items : items.slice(0, end);
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return forWorkflowLog(value, MAX_TEXT);
  return safeJson(value);
}
