/**
 * What a sweep tells those who wait for room: how many places are taken, who holds them, and when the next falls due. Pure.
 * Invariant: whatever came from outside is printable here.
 */
import { formatDuration } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import type { Census } from './census.ts';
import type { RoomFigures } from './room.ts';
import type { Selection } from './select.ts';

const HOLDERS_NAMED = 5;

/** The figures of one pass; `freed`: how many apps it saw go. */
export function describeRoomFigures(
  selection: Selection,
  { census, freed }: { census: Census | null; freed: number },
): RoomFigures {
  const staying = selection.matched.filter(
    (one) => one.verdict !== 'eligible' && one.app.state !== 'deleting',
  );
  const holders = staying.slice(0, HOLDERS_NAMED).map((one) => {
    const age = one.ageMs === null ? '' : `${formatDuration(one.ageMs)} old, `;
    return `${plain(one.app.name, 60)} (${age}${plain(one.reason, 80)})`;
  });
  const inScope = [...(census?.sightings.values() ?? [])].filter(({ app }) => app.inScope).length;
  const others = inScope - selection.matched.length;
  const more = staying.length - holders.length;
  if (more > 0) holders.push(`${more} more`);
  if (others > 0) holders.push(`${others} that do not match`);
  return {
    counted: selection.counted,
    freed,
    nextDueMs: selection.nextDueMs,
    spare: selection.spare,
    holders,
  };
}

/** The answer to a full account with nothing stale, as one sentence. */
export function describeFull(selection: Selection, { counted, nextDueMs, holders }: RoomFigures): string {
  const due =
    nextDueMs === null ? 'none of them will fall due' : `the next falls due in ${formatDuration(nextDueMs)}`;
  return `full: ${counted} apps are there, ${selection.target} may be; ${due}; places are held by ${holders.join(', ')}`;
}
