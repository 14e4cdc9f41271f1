// Hostile but legal behaviour of GitHub's API, as a plan that the facade asks at each request.

/** What happens to one request instead of, or after, its being served. `after` kinds are applied first. */
export type Fault =
  | { kind: 'drop-before' }
  | { kind: 'drop-after' }
  /** The connection stays open and silent; `applied` says whether the work was done. */
  | { kind: 'hang'; applied: boolean }
  /** Headers and half a body, then the end; the work was done. */
  | { kind: 'truncate' }
  | { kind: 'error'; status: 500 | 502 | 503; applied: boolean }
  /** A 504 at once, and the work is done so many ms later, when the asker has long gone on. */
  | { kind: 'late'; delayMs: number }
  /** A refusal with this text; nothing of its reason is told. */
  | { kind: 'refuse'; status: 409 | 422; message: string; applied: boolean }
  | { kind: 'limit'; status: 403 | 429; message: string; retryAfterSeconds?: number }
  /** A read of a reference answers what was there before. */
  | { kind: 'stale' };

export interface FaultRequest {
  method: string;
  /** The operation without its parameters: `GET /repos/{owner}/{repo}/git/ref/{ref}`. */
  operation: string;
  path: string;
  token: string;
  body: unknown;
  /** Counts the requests of this facade, from 1. */
  number: number;
}

export type FaultPlan = (request: FaultRequest) => Fault | undefined;

/** No faults. */
export const calm: FaultPlan = () => undefined;

/** The faults of the list, one per request that `matches`, then calm. */
export function faultsInTurn(
  faults: readonly (Fault | undefined)[],
  matches: (request: FaultRequest) => boolean = () => true,
): FaultPlan {
  const left = [...faults];
  return (request) => (matches(request) ? left.shift() : undefined);
}

/** True for the requests that move references: where the doubt lies. */
export function isMove(request: FaultRequest): boolean {
  return /^(POST|PATCH) .*\/git\/refs/.test(request.operation);
}

/** True for reads of one reference. */
export function isRefRead(request: FaultRequest): boolean {
  return request.operation === 'GET /repos/{owner}/{repo}/git/ref/{ref}';
}

/** A way of being hostile for a whole test: each commit's first move meets the fault, its later ones are served. */
export function firstMoveOfEach(fault: Fault, options: { thenStale?: boolean } = {}): FaultPlan {
  const met = new Set<string>();
  const owesStale = new Set<string>();
  return (request) => {
    const place = `${request.token} ${request.path}`;
    if (isRefRead(request) && owesStale.delete(place)) return { kind: 'stale' };
    if (!isMove(request)) return undefined;
    const { sha = '' } = request.body as { sha?: string };
    if (met.has(sha)) return undefined;
    met.add(sha);
    // Reads and moves of one reference differ in the path by an `s`; a creation names it in the body.
    const ref = (request.body as { ref?: string }).ref?.replace(/^refs/, '');
    const read = ref === undefined ? request.path.replace('/git/refs/', '/git/ref/') : undefined;
    if (options.thenStale)
      owesStale.add(
        `${request.token} ${read ?? `${request.path.replace(/s$/, '')}${encodePath(ref ?? '')}`}`,
      );
    return fault;
  };
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

const WRITE_FAULTS: readonly Fault[] = [
  { kind: 'drop-before' },
  { kind: 'drop-after' },
  { kind: 'truncate' },
  { kind: 'late', delayMs: 5 },
  { kind: 'late', delayMs: 40 },
  { kind: 'error', status: 502, applied: false },
  { kind: 'error', status: 502, applied: true },
  { kind: 'error', status: 500, applied: true },
  { kind: 'refuse', status: 422, message: 'Reference update failed', applied: false },
  { kind: 'refuse', status: 422, message: 'Reference update failed', applied: true },
  { kind: 'refuse', status: 409, message: 'is at one place but expected another', applied: false },
];
const READ_FAULTS: readonly Fault[] = [
  { kind: 'drop-before' },
  { kind: 'error', status: 502, applied: false },
  { kind: 'stale' },
  { kind: 'stale' },
];

/** Every `share`-th request meets a fault of its kind, by a seeded chance. */
export function randomFaults(options: { seed: number; share: number }): FaultPlan {
  let state = options.seed >>> 0;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return ({ method }) => {
    if (random() >= options.share) return undefined;
    const faults = method === 'GET' ? READ_FAULTS : WRITE_FAULTS;
    return faults[Math.floor(random() * faults.length)];
  };
}
