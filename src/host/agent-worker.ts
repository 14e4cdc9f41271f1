/**
 * Tells when another process of this machine is gone. NOT guaranteed: at once (it looks every 2 s). A number that the system
 * gave to another process meanwhile is not taken for the old one where the system tells when a process started (Linux).
 */
import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../base/clock.ts';

const LOOK_EVERY_MS = 2000;

/** Calls back once. The caller ends the watch. */
export function watchProcess(
  pid: number,
  { clock, onGone }: { clock: Clock; onGone: () => void },
): { end(): void } {
  const startedAt = startOf(pid);
  let timer: Timer | null = null;
  const look = () => {
    if (!exists(pid) || startOf(pid) !== startedAt) return onGone();
    timer = clock.startTimer(LOOK_EVERY_MS, look, { background: true });
  };
  timer = clock.startTimer(LOOK_EVERY_MS, look, { background: true });
  return { end: () => timer?.cancel() };
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When the process started, in the system's own words; null where it does not tell. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in brackets, which may contain anything; the 20th after it is the start.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    // No such file: another system, or the process is gone, which `exists` tells.
    return null;
  }
}
