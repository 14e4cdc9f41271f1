// Decides whether a history of one compare-and-set register is linearizable: whether every call can be given one instant
// between its beginning and its end such that the register, taken call by call, answers as it did. A call without an answer
// (its process was killed, or the error left it open) may have taken effect at any later instant, or never.
// Method: Wing and Gong's search (1993) with Lowe's memory of (calls placed, state) pairs (2017). Values must be unique, so
// that the value stands for the revision.

export interface RegisterCall {
  process: string;
  kind: 'get' | 'cas';
  /** The value expected by a cas; null for absent. */
  expect?: string | null;
  /** The value a cas writes: unique in the history. */
  value?: string;
  /** What a get answered; null for absent. */
  found?: string | null;
  /** `unknown` for a call without an answer; such a get says nothing. */
  outcome: 'ok' | 'lost' | 'unknown';
  /** On a clock that all processes share. */
  startNs: bigint;
  /** Ignored where the outcome is unknown. */
  endNs: bigint;
}

export interface Verdict {
  isLinearizable: boolean;
  /** How many (call, state) steps the search took. */
  steps: number;
  /** On rejection: the most calls that could be placed. */
  placed: number;
}

type State = string | null;

interface Event {
  call: number;
  isReturn: boolean;
  atNs: bigint;
  previous: Event | null;
  next: Event | null;
  /** The return of a call event. */
  match: Event | null;
}

/** The state after the call, or undefined where the register could not have answered so. */
function step(state: State, call: RegisterCall): State | undefined {
  if (call.kind === 'get') return call.found === state ? state : undefined;
  const applies = state === (call.expect ?? null);
  if (call.outcome === 'lost') return applies ? undefined : state;
  return applies ? (call.value ?? null) : undefined;
}

/** Links the events by time; at one instant calls come before returns, since they may have overlapped. */
function linkEvents(calls: readonly RegisterCall[]): Event {
  const events = calls.flatMap((call, index) => {
    const blank = { call: index, previous: null, next: null, match: null };
    const begin: Event = { ...blank, isReturn: false, atNs: call.startNs };
    if (call.outcome === 'unknown') return [begin];
    begin.match = { ...blank, isReturn: true, atNs: call.endNs };
    return [begin, begin.match];
  });
  events.sort((a, b) => {
    if (a.atNs !== b.atNs) return a.atNs < b.atNs ? -1 : 1;
    return Number(a.isReturn) - Number(b.isReturn);
  });
  const head: Event = { call: -1, isReturn: false, atNs: 0n, previous: null, next: null, match: null };
  let last = head;
  for (const event of events) {
    event.previous = last;
    last.next = event;
    last = event;
  }
  return head;
}

function unlink(event: Event): void {
  if (event.previous) event.previous.next = event.next;
  if (event.next) event.next.previous = event.previous;
}

function relink(event: Event): void {
  if (event.previous) event.previous.next = event;
  if (event.next) event.next.previous = event;
}

/** Which calls are placed, named exactly and briefly: all below a border, and few above it. */
function createPlaced(calls: readonly RegisterCall[]) {
  const isPlaced = calls.map(() => false);
  // Answered calls in the order of their beginning; those without an answer are named one by one, as few are ever placed.
  const order = calls
    .map((_, index) => index)
    .filter((index) => calls[index]?.outcome !== 'unknown')
    .sort((a, b) => (BigInt(calls[a]?.startNs ?? 0n) < BigInt(calls[b]?.startNs ?? 0n) ? -1 : 1));
  const rankOf = new Map(order.map((index, rank) => [index, rank]));
  const openPlaced = new Set<number>();
  let border = 0;
  let highest = -1;
  const at = (rank: number) => isPlaced[order[rank] ?? -1] ?? false;
  return {
    add(index: number) {
      isPlaced[index] = true;
      const rank = rankOf.get(index);
      if (rank === undefined) openPlaced.add(index);
      else highest = Math.max(highest, rank);
      while (at(border)) border += 1;
    },
    remove(index: number) {
      isPlaced[index] = false;
      const rank = rankOf.get(index);
      if (rank === undefined) openPlaced.delete(index);
      else border = Math.min(border, rank);
      while (highest >= 0 && !at(highest)) highest -= 1;
    },
    name(): string {
      const above: number[] = [];
      for (let rank = border; rank <= highest; rank += 1) if (at(rank)) above.push(rank);
      return `${border}:${above.join(',')}:${[...openPlaced].sort((a, b) => a - b).join(',')}`;
    },
  };
}

export function checkLinearizable(history: readonly RegisterCall[]): Verdict {
  const calls = history.filter((call) => call.kind === 'cas' || call.outcome !== 'unknown');
  const head = linkEvents(calls);
  const placed = createPlaced(calls);
  const seen = new Set<string>();
  const trail: { event: Event; before: State }[] = [];
  let left = calls.filter((call) => call.outcome !== 'unknown').length;
  let state: State = null;
  let steps = 0;
  let most = 0;
  let event = head.next;

  while (left > 0) {
    if (event && !event.isReturn) {
      const call = calls[event.call] as RegisterCall;
      const after = step(state, call);
      let isNew = false;
      if (after !== undefined) {
        steps += 1;
        placed.add(event.call);
        const name = `${placed.name()}|${after}`;
        isNew = !seen.has(name);
        if (isNew) seen.add(name);
        else placed.remove(event.call);
      }
      if (isNew) {
        trail.push({ event, before: state });
        state = after ?? null;
        unlink(event);
        if (event.match) {
          unlink(event.match);
          left -= 1;
        }
        most = Math.max(most, trail.length);
        event = head.next;
      } else event = event.next;
      continue;
    }
    // The call that returns here could not be placed in time: take the last one back and try what comes after it.
    const last = trail.pop();
    if (!last) return { isLinearizable: false, steps, placed: most };
    state = last.before;
    placed.remove(last.event.call);
    if (last.event.match) {
      relink(last.event.match);
      left += 1;
    }
    relink(last.event);
    event = last.event.next;
  }
  return { isLinearizable: true, steps, placed: trail.length };
}
