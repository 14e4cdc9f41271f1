/**
 * A provider: where apps live. Each function sends exactly one request and never waits or retries; the reaper paces, retries
 * and decides. An implementation translates its API's answers into these values at its edge and nowhere else.
 * NOT guaranteed: that a listed app still exists. Effects are addressed by immutable id.
 */

/** One app as listed or read. Times are epoch ms by the provider's clock; absent, empty or unreadable ones are null. */
export interface App {
  /** Immutable; what `destroy` addresses. */
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number | null;
  /** Moves when the app is used or redeployed; a change between listing and deletion protects. Opaque, null where unknown. */
  readonly version: string | null;
  readonly state: 'ready' | 'transitional' | 'deleting' | 'delete-failed';
  /** The provider itself says: do not delete (default, production, locked …). */
  readonly isProtected: boolean;
  /** Counts against the account's limit and may be reaped: belongs to the scope (own, or the given team). */
  readonly inScope: boolean;
  /** Delete the children first. */
  readonly parentId: string | null;
}

/** What every answer told beside its content. */
export interface AnswerMeta {
  /** HTTP status; null where there was no answer or no HTTP. */
  readonly status: number | null;
  readonly requestId?: string | undefined;
  /** The server's clock (Date header), epoch ms. */
  readonly serverNowMs?: number | undefined;
  /** What the rate-limit headers said; the shape of throttle/contract.ts, repeated since floors do not import sideways. */
  readonly rate?: {
    readonly throttled: boolean;
    readonly retryAfterMs?: number;
    readonly remaining?: number;
    readonly limit?: number;
    readonly resetMs?: number;
  };
}

/** Answers that any call may get. `detail` is one printable line. */
export type ProviderFailure = { readonly meta: AnswerMeta; readonly detail: string } & (
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'throttled' }
  /** Timeout, reset, 5xx, an answer that makes no sense, a redirect elsewhere: may or may not have been applied. */
  | { readonly kind: 'ambiguous' }
  /** The request itself is wrong; repeating it is useless. */
  | { readonly kind: 'invalid' }
);

export type ListAnswer =
  | {
      readonly kind: 'page';
      readonly meta: AnswerMeta;
      readonly apps: readonly App[];
      /** Null at the end; `broken` where the answer promises more but does not say where (then the list is incomplete). */
      readonly next: string | null;
      readonly broken?: string;
      /** Where the provider tells how many there are in all. */
      readonly total?: number;
    }
  | ProviderFailure;

export type GetAnswer =
  | { readonly kind: 'found'; readonly meta: AnswerMeta; readonly app: App }
  | { readonly kind: 'gone'; readonly meta: AnswerMeta }
  | ProviderFailure;

export type DestroyAnswer =
  | { readonly kind: 'deleted'; readonly meta: AnswerMeta }
  /** Accepted, still going on. */
  | { readonly kind: 'accepted'; readonly meta: AnswerMeta }
  | { readonly kind: 'gone'; readonly meta: AnswerMeta }
  /** The thing under this id is no longer what was listed. */
  | { readonly kind: 'changed'; readonly meta: AnswerMeta; readonly detail: string }
  /** In use, locked, has children. */
  | { readonly kind: 'busy'; readonly meta: AnswerMeta; readonly detail: string }
  | ProviderFailure;

export type ScopeAnswer =
  /** `label` for people (an email, a path). Opening costs at most one request, counted as `other`. */
  { readonly kind: 'open'; readonly meta: AnswerMeta; readonly label: string } | ProviderFailure;

export interface ProviderCallOptions {
  signal: AbortSignal;
}

export interface ProviderCapabilities {
  /** `destroy` checks identity and version atomically; then the reaper never re-reads. */
  readonly atomicPrecondition: boolean;
  /** How many requests `open` sends: 0 or 1. */
  readonly openRequests: 0 | 1;
  /** Page size at most. */
  readonly pageSize: number;
  /**
   * The first page may be asked for while `open` is still under way, which saves a sweep one wait: `list` then gives a page only
   * when what `inScope` needs is known, and `invalid` where that could not be learnt. False unless given.
   */
  readonly listsWhileOpening?: boolean;
}

/** The pace to start with, before any answer told better. */
export interface ProviderPace {
  readonly emissionIntervalMs: number;
  readonly burst: number;
}

export interface Provider {
  readonly name: string;
  /** Account or root, hashed: names the lease, so that all who share an account share it. Never reveals a credential. */
  readonly accountId: string;
  readonly capabilities: ProviderCapabilities;
  readonly pace: ProviderPace;
  /** Learns what `inScope` needs (the account's own id, say). Called once per sweep, before the first page is asked for. */
  open(options: ProviderCallOptions): Promise<ScopeAnswer>;
  list(cursor: string | null, options: ProviderCallOptions): Promise<ListAnswer>;
  get(id: string, options: ProviderCallOptions): Promise<GetAnswer>;
  /** Deletes by id. `app` is as it was listed or re-read under this lease; `fencingToken` is for the audit trail. */
  destroy(app: App, options: ProviderCallOptions & { fencingToken: number }): Promise<DestroyAnswer>;
  /**
   * How many calls are left by the provider's own count, where asking costs none; null where it did not say. Absent where there
   * is no such thing. One request, counted nowhere.
   */
  countRemaining?(options: ProviderCallOptions): Promise<number | null>;
  /**
   * Whether a refused creation says that the account is full, and how many apps it may have (null: not said). Null for any other
   * refusal. Absent where creations are not refused so.
   */
  classifyLimit?(refusal: {
    readonly status: number;
    readonly body: string;
  }): { limit: number | null } | null;
  close(): Promise<void>;
}
