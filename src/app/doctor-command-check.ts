/** One line of `doctor`: what was tried and what came of it. Trouble of any kind becomes a line; only an interrupt goes through. */
import { exitCodeOf, hasCode, type LockstepError, toError } from '../base/errors.ts';

export interface DoctorCheck {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped';
  readonly tried: string;
  readonly found: string;
  /** What to do; null where nothing is. */
  readonly hint: string | null;
  /** What a command that meets this would exit with; 0 unless it is a problem. */
  readonly exitCode: number;
}

/** What of a check is the same where nothing went wrong. */
export const NOT_TRIED = Object.freeze({ status: 'skipped', hint: null, exitCode: 0 } as const);

type Finding<T> = { found: string; value?: T } & Partial<Pick<DoctorCheck, 'status' | 'hint' | 'exitCode'>>;

/** Tries one thing. `value` is what it gave, null where it failed. Rejects with CancelledError only. */
export async function examine<T = undefined>(
  about: Pick<DoctorCheck, 'name' | 'tried'>,
  look: () => Promise<Finding<T>>,
): Promise<{ check: DoctorCheck; value: T | null }> {
  try {
    const { value, ...finding } = await look();
    return { check: { status: 'ok', hint: null, exitCode: 0, ...about, ...finding }, value: value ?? null };
  } catch (thrown) {
    if (hasCode(thrown, 'cancelled')) throw thrown;
    const error = toError(thrown);
    const { hint = null } = error as Partial<LockstepError>;
    const check = { ...about, status: 'problem' as const, found: error.message, hint: hint ?? null };
    return { check: { ...check, exitCode: exitCodeOf(error) }, value: null };
  }
}

/** The contract's order where several apply. */
const PRECEDENCE = [1, 2, 9, 8, 5, 6, 4, 3];

/** The exit code of the worst problem; 0 without one. */
export function chooseDoctorExit(checks: readonly DoctorCheck[]): number {
  const codes = checks.filter(({ status }) => status === 'problem').map(({ exitCode }) => exitCode);
  return PRECEDENCE.find((code) => codes.includes(code)) ?? codes.find((code) => code !== 0) ?? 0;
}
