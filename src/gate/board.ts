/**
 * The board's text: one JSON object of at most 64 KiB. Reading trusts nothing and repairs nothing; a foreign, damaged or
 * newer board is corrupt and stays untouched.
 * A member whose versions are the target's is written without them: 256 members with long names then take about 56 KiB. What
 * only informs (last probe answers, the history) is dropped before a write is refused for its size.
 */
import { deepFreeze, type FieldReader, isJsonObject, parseJsonObject, readFields } from '../base/codec.ts';
import { ConfigError, CorruptRecordError } from '../base/errors.ts';
import { MAX_LEASE_MS, MAX_TOKEN } from '../lease/record.ts';
import { MAX_VALUE_BYTES } from '../store/contract.ts';
import {
  COMMITTER_KINDS,
  GATE_FAILURE_CODES,
  GATE_FORMAT,
  GATE_PHASES,
  type GateClaim,
  type GateCommit,
  type GateDoc,
  type GateFailure,
  type Incarnation,
  MEMBER_STATES,
  type MemberRecord,
  type Observation,
  type Versions,
} from './contract.ts';

/** Reads a board. `what` names it in the CorruptRecordError: its key. */
export function parseBoard(text: string, what: string): GateDoc {
  const fields = readFields(parseJsonObject(text, what), what);
  const format = fields.integer('format', { min: 1 });
  if (format > GATE_FORMAT)
    throw new CorruptRecordError(
      `${what} has format ${format}, this version of lockstep knows ${GATE_FORMAT}; it was left untouched`,
      { hint: 'Let all jobs use the newest version of lockstep.' },
    );
  const target = optional(fields, 'target', parseVersions);
  const expected = strings(fields, 'expected');
  const { raw: members } = fields.object('members');
  const strangers = Object.keys(members).filter((name) => !expected.includes(name));
  if (strangers.length > 0 || expected.length === 0)
    throw new CorruptRecordError(`${what}.members does not fit expected; the record was left untouched`);
  const reader = fields.object('members');
  const openedAt = fields.optionalString('openedAt');
  return deepFreeze({
    format: GATE_FORMAT,
    gate: fields.string('gate'),
    configHash: fields.string('configHash'),
    expected,
    epoch: fields.integer('epoch', { min: 1 }),
    phase: fields.choice('phase', GATE_PHASES),
    target,
    schemaFloor: fields.raw['schemaFloor'] === null ? null : fields.string('schemaFloor'),
    claim: optional(fields, 'claim', parseClaim),
    lastToken: token(fields, 'lastToken', 0),
    commits: objects(fields, 'commits').map(parseCommit),
    members: Object.fromEntries(
      Object.keys(members).map((name) => [name, parseMember(reader.object(name), target)]),
    ),
    failure: optional(fields, 'failure', parseFailure),
    ...(openedAt === undefined ? {} : { openedAt }),
    deadlineMs: fields.integer('deadlineMs', { min: 0 }),
    history: objects(fields, 'history').map(parseFailure),
    openEpochs: fields.array('openEpochs').map((epoch) => readFields({ epoch }, what).integer('epoch')),
  });
}

/** The board's text. ConfigError where it cannot be made to fit: nothing was written. */
export function encodeBoard(doc: GateDoc): string {
  const full = encode(doc);
  if (fitsStore(full)) return full;
  const members = Object.entries(doc.members).map(([name, record]) => [name, withoutObserved(record)]);
  const spare: GateDoc = { ...doc, members: Object.fromEntries(members), history: [] };
  const text = encode(spare);
  if (fitsStore(text)) return text;
  const message =
    `the board of ${doc.expected.length} members would take ${Buffer.byteLength(text)} bytes, ` +
    `a store holds ${MAX_VALUE_BYTES}; use shorter member names, fewer members, or version scheme integer or dotted`;
  throw new ConfigError([{ option: 'members', message }]);
}

function withoutObserved(record: MemberRecord): MemberRecord {
  const { observed, ...rest } = record;
  return observed === undefined ? record : rest;
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

function parseVersions(fields: FieldReader): Versions {
  return { schema: fields.string('schema'), api: strings(fields, 'api') };
}

function parseIncarnation(fields: FieldReader): Incarnation {
  return {
    run: fields.string('run'),
    attempt: fields.integer('attempt', { min: 1 }),
    id: fields.string('id'),
  };
}

function parseClaim(fields: FieldReader): GateClaim {
  return {
    member: fields.string('member'),
    incarnation: parseIncarnation(fields.object('incarnation')),
    token: token(fields, 'token', 1),
    beat: fields.integer('beat', { min: 0 }),
    leaseMs: fields.integer('leaseMs', { min: 1, max: MAX_LEASE_MS }),
    since: fields.string('since'),
  };
}

function parseCommit(fields: FieldReader): GateCommit {
  return {
    token: token(fields, 'token', 1),
    member: fields.string('member'),
    incarnation: parseIncarnation(fields.object('incarnation')),
    from: fields.raw['from'] === null ? null : fields.string('from'),
    to: fields.string('to'),
    how: fields.choice('how', ['ran', 'adopted']),
    at: fields.string('at'),
  };
}

function parseMember(fields: FieldReader, target: Versions | null): MemberRecord {
  const isTarget = target !== null && fields.raw['schema'] === undefined;
  const readyAt = fields.optionalString('readyAt');
  const reason = fields.optionalString('reason');
  const observed = optional(fields, 'observed', parseObservation);
  const probe = optional(fields, 'probe', (each) => ({ kind: each.string('kind'), url: each.string('url') }));
  return {
    incarnation: parseIncarnation(fields.object('incarnation')),
    ...(isTarget ? target : parseVersions(fields)),
    state: fields.choice('state', MEMBER_STATES),
    beat: fields.integer('beat', { min: 0 }),
    since: fields.string('since'),
    ...(readyAt === undefined ? {} : { readyAt }),
    ...(has(fields, 'committer') ? { committer: fields.choice('committer', COMMITTER_KINDS) } : {}),
    ...(fields.raw['allowDowngrade'] === true ? { allowDowngrade: true as const } : {}),
    ...(has(fields, 'probedIn') ? { probedIn: fields.integer('probedIn', { min: 1 }) } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(fields.raw['refused'] === true ? { refused: true as const } : {}),
    ...(observed ? { observed } : {}),
    ...(probe ? { probe } : {}),
  };
}

function parseObservation(fields: FieldReader): Observation {
  const schema = fields.optionalString('schema');
  return {
    ...(schema === undefined ? {} : { schema }),
    ...(has(fields, 'api') ? { api: strings(fields, 'api') } : {}),
    at: fields.string('at'),
    detail: fields.string('detail'),
  };
}

function parseFailure(fields: FieldReader): GateFailure {
  const attempts = fields.object('attempts');
  return {
    epoch: fields.integer('epoch', { min: 1 }),
    code: fields.choice('code', GATE_FAILURE_CODES),
    by: fields.string('by'),
    missing: strings(fields, 'missing'),
    behind: strings(fields, 'behind'),
    diverged: strings(fields, 'diverged'),
    lost: strings(fields, 'lost'),
    message: fields.string('message'),
    at: fields.string('at'),
    attempts: Object.fromEntries(
      Object.keys(attempts.raw).map((run) => [run, attempts.integer(run, { min: 1 })]),
    ),
  };
}

function token(fields: FieldReader, name: string, min: number): number {
  return fields.integer(name, { min, max: MAX_TOKEN });
}

function has(fields: FieldReader, name: string): boolean {
  return fields.raw[name] !== undefined && fields.raw[name] !== null;
}

function optional<T>(fields: FieldReader, name: string, parse: (fields: FieldReader) => T): T | null {
  return has(fields, name) ? parse(fields.object(name)) : null;
}

function strings(fields: FieldReader, name: string): readonly string[] {
  return fields.array(name).map((value) => {
    if (typeof value === 'string') return value;
    throw new CorruptRecordError(
      `a list of texts holds something else in ${name}; the record was left untouched`,
    );
  });
}

function objects(fields: FieldReader, name: string): FieldReader[] {
  return fields.array(name).map((value, index) => {
    if (isJsonObject(value)) return readFields(value, `${name}[${index}]`);
    throw new CorruptRecordError(`${name}[${index}] should be an object; the record was left untouched`);
  });
}
