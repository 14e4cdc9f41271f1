/**
 * Reading a board. Trusts nothing and repairs nothing: a foreign, damaged or newer board is corrupt and stays untouched.
 * A member without versions has the target's; `board-text.ts` writes it so.
 */
import { deepFreeze, type FieldReader, isJsonObject, parseJsonObject, readFields } from '../base/codec.ts';
import { CorruptRecordError } from '../base/errors.ts';
import { MAX_LEASE_MS, MAX_TOKEN } from '../lease/record.ts';
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
