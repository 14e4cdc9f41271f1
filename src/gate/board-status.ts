/** A board in one row: for `status`, which shows many records of all kinds. Pure; texts are raw, the host escapes them. */
import { parseBoard } from './board.ts';
import { readyMembers, surveyBoard } from './standing.ts';

export interface BoardStatus {
  /** The phase. */
  readonly state: string;
  /** Who holds the right to migrate. */
  readonly holder: string | null;
  readonly fencingToken: number | null;
  readonly leaseMs: number | null;
  /** How many have announced and are not through. */
  readonly waiters: number;
  readonly detail: string;
}

/** CorruptRecordError where the text is no board. Without the members' settings any API must be the same for all. */
export function describeBoard(text: string, what: string): BoardStatus {
  const doc = parseBoard(text, what);
  const isDotted = /\./.test(doc.target?.schema ?? '');
  const isList = /[^\d.]/.test(doc.target?.schema ?? '');
  const survey = surveyBoard(doc, {
    requireApi: doc.target?.api ?? null,
    versionScheme: isList ? 'list' : isDotted ? 'dotted' : 'integer',
  });
  const ready = readyMembers(doc, survey);
  const present = doc.expected.filter((name) => survey.get(name) === 'present');
  const absent = doc.expected.filter((name) => survey.get(name) !== 'present');
  const isOver = doc.phase === 'open' || doc.phase === 'failed';
  const parts = [
    `${ready.length} of ${doc.expected.length} ready`,
    doc.target === null ? '' : `schema ${doc.target.schema}`,
    absent.length > 0 && !isOver ? `waits for ${absent.slice(0, 5).join(', ')}` : '',
    doc.failure === null ? '' : `${doc.failure.code}: ${doc.failure.message}`,
    doc.epoch > 1 ? `try ${doc.epoch}` : '',
  ];
  return {
    state: doc.phase,
    holder: doc.claim?.member ?? null,
    fencingToken: doc.lastToken > 0 ? doc.lastToken : null,
    leaseMs: doc.claim?.leaseMs ?? null,
    waiters: isOver ? 0 : present.length - ready.length,
    detail: parts.filter((part) => part !== '').join('; '),
  };
}
