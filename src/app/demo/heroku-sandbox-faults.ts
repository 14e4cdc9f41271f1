/**
 * Faults of the Heroku sandbox, as data: which requests, how often, and what happens to them. Plain JSON, so that a sandbox
 * in a process of its own takes the same list. Invariant: each request plays at most one fault, the first that matches.
 */

/** Which requests. Absent fields match everything. */
export interface SandboxMatch {
  method?: string;
  /** The whole path, or its start where it ends in `*`: `/apps/*`. */
  path?: string;
  /** Id or name of the app that the path addresses. */
  app?: string;
  /** 1 for a listing's first page. */
  page?: number;
}

/** What happens. `after` means that the effect was applied before the trouble. */
export type SandboxAct =
  /** Any answer: 5xx, 429, 403, an HTML page with 200, a redirect (`location` in the headers). */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly when?: 'before' | 'after';
    }
  /** The connection breaks. */
  | { readonly kind: 'reset'; readonly when?: 'before' | 'after' }
  /** No answer ever; the connection stays open. */
  | { readonly kind: 'hang'; readonly when?: 'before' | 'after' }
  /** The true answer, cut in the middle: `body` ends regularly, `connection` breaks off before what was announced. */
  | { readonly kind: 'truncate'; readonly end: 'body' | 'connection' }
  /** The true page with this `Next-Range`; null leaves it out. */
  | { readonly kind: 'next-range'; readonly value: string | null }
  /** The true page, beginning with this many of the page before it once more. */
  | { readonly kind: 'overlap'; readonly count: number }
  | { readonly kind: 'delay'; readonly delayMs: number };

export interface SandboxFault {
  match: SandboxMatch;
  act: SandboxAct;
  /** How often it is played; for ever unless given. */
  times?: number;
  /** How many matching requests pass untouched first. */
  skip?: number;
  /** After that, every n-th matching request; 1 unless given. */
  every?: number;
}

export interface SandboxRequest {
  method: string;
  path: string;
  app: { id: string; name: string } | null;
  page: number;
}

export interface SandboxFaults {
  add(fault: SandboxFault): void;
  /** The act to play for this request; counts it. */
  next(request: SandboxRequest): SandboxAct | null;
}

/** Faults with their counters. */
export function createSandboxFaults(faults: readonly SandboxFault[]): SandboxFaults {
  const armed: { fault: SandboxFault; seen: number; played: number }[] = [];
  const add = (fault: SandboxFault) => armed.push({ fault, seen: 0, played: 0 });
  faults.forEach(add);
  return {
    add,
    next(request) {
      for (const entry of armed) {
        const { match, act, times, skip = 0, every = 1 } = entry.fault;
        if (times !== undefined && entry.played >= times) continue;
        if (!matches(match, request)) continue;
        entry.seen += 1;
        if (entry.seen <= skip || (entry.seen - skip) % every !== 0) continue;
        entry.played += 1;
        return act;
      }
      return null;
    },
  };
}

function matches(match: SandboxMatch, request: SandboxRequest): boolean {
  const { method, path, app, page } = match;
  if (method !== undefined && method !== request.method) return false;
  if (path !== undefined && !matchesPath(path, request.path)) return false;
  if (app !== undefined && request.app?.id !== app && request.app?.name !== app) return false;
  return page === undefined || page === request.page;
}

function matchesPath(wanted: string, path: string): boolean {
  return wanted.endsWith('*') ? path.startsWith(wanted.slice(0, -1)) : path === wanted;
}

/** The true answer is wanted: nothing of the fault stands in its way, or it comes after the effect. */
export function isApplied(act: SandboxAct | null): boolean {
  if (act === null) return true;
  if (act.kind === 'answer' || act.kind === 'reset' || act.kind === 'hang') return act.when === 'after';
  return true;
}
