/** Where a GitHub store keeps its references, checked while the configuration is read. Pure; loads no driver. */
import type { Parsed } from '../base/duration.ts';

/** Checks `--ref-prefix`: below `refs/`, and a place of its own rather than all branches or tags. */
export function parseRefPrefix(text: string): Parsed<string> {
  const parts = text.split('/');
  const isSafe = parts.every(
    (part) => /^(?![.-])[A-Za-z0-9._-]+$/.test(part) && !/\.\.|\.lock$|\.$/.test(part),
  );
  if (!isSafe || parts[0] !== 'refs' || parts.length < 2) {
    return {
      ok: false,
      problem: 'is not a prefix of references; write refs/lockstep or refs/heads/lockstep',
    };
  }
  const [, kind = ''] = parts;
  if ((kind === 'heads' || kind === 'tags') && parts.length < 3) {
    return { ok: false, problem: `would take all ${text}; write ${text}/lockstep` };
  }
  if (['pull', 'remotes', 'notes', 'replace'].includes(kind)) {
    return { ok: false, problem: `refs/${kind} belongs to others; write refs/lockstep` };
  }
  return { ok: true, value: text };
}
