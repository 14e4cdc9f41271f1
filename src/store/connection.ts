/**
 * One connection that an engine's driver shares among its calls: made on first use, made anew after it was lost, left behind
 * once a call on it stayed without an answer (a firewall that forgot it answers nothing, for ever). It never sends anything
 * again: a call either ran on one connection or fails with that connection's error.
 * Invariant: a connection that was left behind is destroyed when its last call has ended, and all of them by `close`.
 */

/** A connection under way. Whoever opens one destroys it. */
export interface Opening<C> {
  /** Rejects where it cannot be had. */
  readonly ready: Promise<C>;
  /** Ends it at once, established or not. May be called more than once. */
  destroy(): void;
}

export interface Connection<C> {
  /**
   * Runs a call on the connection; rejects with the error of connecting, or the call's own. When `signal` aborts before the
   * call has ended, the connection is left behind: the next call gets a fresh one.
   */
  use<T>(signal: AbortSignal, action: (client: C) => Promise<T>): Promise<T>;
  /** Leaves the present connection behind: the other side said that it is of no more use, or it seems dead. */
  renew(): void;
  /** Destroys all; calls under way fail. */
  close(): void;
}

interface Line<C> {
  readonly opening: Opening<C>;
  users: number;
  isLeftBehind: boolean;
}

/** `open` starts one connection and calls `onLost`, later, when it has ended by itself. Opens nothing yet. */
export function createConnection<C>(open: (onLost: () => void) => Opening<C>): Connection<C> {
  const lines = new Set<Line<C>>();
  let current: Line<C> | null = null;

  const tidy = (line: Line<C>) => {
    if (!line.isLeftBehind || line.users > 0 || !lines.delete(line)) return;
    line.opening.destroy();
  };
  const leaveBehind = (line: Line<C>) => {
    line.isLeftBehind = true;
    if (current === line) current = null;
    tidy(line);
  };
  const start = (): Line<C> => {
    const line: Line<C> = { opening: open(() => leaveBehind(line)), users: 0, isLeftBehind: false };
    lines.add(line);
    current = line;
    // Whoever uses it is told the error.
    line.opening.ready.catch(() => leaveBehind(line));
    return line;
  };

  return {
    async use(signal, action) {
      const line = current ?? start();
      line.users += 1;
      let isUsing = true;
      const leave = () => {
        if (!isUsing) return;
        isUsing = false;
        signal.removeEventListener('abort', giveUp);
        line.users -= 1;
        tidy(line);
      };
      const giveUp = () => {
        leave();
        leaveBehind(line);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      try {
        return await action(await line.opening.ready);
      } finally {
        leave();
      }
    },
    renew() {
      if (current) leaveBehind(current);
    },
    close() {
      current = null;
      for (const { opening } of lines) opening.destroy();
      lines.clear();
    },
  };
}
