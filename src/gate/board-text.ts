/**
 * The board as text, within the 64 KiB a store takes; `board.ts` reads it back.
 * A member whose versions are the target's is written without them: 256 members with names of 20 characters take 58 KiB
 * instead of 73. What only informs (last probe answers, the history, times) is dropped before a write is refused for its size.
 */
import { ConfigError } from '../base/errors.ts';
import { MAX_VALUE_BYTES } from '../store/contract.ts';
import { GATE_FORMAT, type GateDoc, MAX_MESSAGE, type MemberRecord } from './contract.ts';

/** Kept free for what a board may hold besides its members and a failure: a claim and ten commits. */
const RESERVE_BYTES = 4 * 1024;

/** The board's text. ConfigError where it cannot be made to fit: nothing was written. */
export function encodeBoard(doc: GateDoc): string {
  const text = [doc, withoutProbes(doc), withoutTimes(withoutProbes(doc))].map(encode).find(fitsStore);
  if (text !== undefined) return text;
  throw new ConfigError([{ option: 'members', message: describeSize(doc) }]);
}

/**
 * Why a board of these members is not sure to fit, or null: reckoned for the moment when all have come with a record like
 * `record`, and the gate fails naming every one. To be asked before the first write, not found out in the middle.
 */
export function findSizeProblem(expected: readonly string[], record: MemberRecord): string | null {
  const { schema, api, incarnation } = record;
  const doc: GateDoc = {
    format: GATE_FORMAT,
    gate: '',
    configHash: '',
    expected,
    epoch: 1,
    phase: 'failed',
    target: { schema, api },
    schemaFloor: schema,
    claim: null,
    lastToken: 0,
    commits: [],
    members: Object.fromEntries(expected.map((name) => [name, record])),
    failure: {
      epoch: 1,
      code: 'timeout',
      by: '',
      missing: expected,
      behind: [],
      diverged: [],
      lost: expected,
      message: 'x'.repeat(MAX_MESSAGE),
      at: '',
      attempts: { [incarnation.run]: incarnation.attempt },
    },
    deadlineMs: 0,
    history: [],
    openEpochs: [],
  };
  const size = Buffer.byteLength(encode(withoutTimes(withoutProbes(doc))));
  return size <= MAX_VALUE_BYTES - RESERVE_BYTES ? null : describeSize(doc);
}

function describeSize(doc: GateDoc): string {
  const size = Buffer.byteLength(encode(withoutTimes(withoutProbes(doc))));
  return (
    `the board of ${doc.expected.length} members may take ${size} bytes, a store holds ${MAX_VALUE_BYTES}; ` +
    'use shorter member names, fewer members, or version scheme integer or dotted'
  );
}

function withoutProbes(doc: GateDoc): GateDoc {
  return withRecords({ ...doc, history: [] }, ({ observed: _observed, ...record }) => record);
}

function withoutTimes(doc: GateDoc): GateDoc {
  return withRecords(doc, ({ readyAt: _readyAt, ...record }) => ({ ...record, since: '' }));
}

function withRecords(doc: GateDoc, change: (record: MemberRecord) => MemberRecord): GateDoc {
  const members = Object.entries(doc.members).map(([name, record]) => [name, change(record)] as const);
  return { ...doc, members: Object.fromEntries(members) };
}

function fitsStore(text: string): boolean {
  return Buffer.byteLength(text) <= MAX_VALUE_BYTES;
}

function encode(doc: GateDoc): string {
  const members = Object.entries(doc.members).map(([name, record]) => {
    const { schema, api, ...rest } = record;
    const isTarget = doc.target?.schema === schema && sameNames(doc.target.api, api);
    return [name, isTarget ? rest : record];
  });
  return JSON.stringify({ ...doc, members: Object.fromEntries(members) });
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
