/**
 * What the provider conformance suite needs from whoever runs it: a world with a provider over it, and ways to change that
 * world behind the provider's back. Types only. Invariant: a fixture shares nothing with another one.
 */
import type { Provider } from '../contract.ts';

/** A world with one provider over it. Names are made by the cases: lower case, digits and dashes. */
export interface ProviderFixture {
  readonly provider: Provider;
  /** A second provider over the same account or root. */
  readonly another: () => Promise<Provider>;
  readonly create: (name: string) => Promise<void>;
  /** Deletes behind the provider's back. */
  readonly remove: (name: string) => Promise<void>;
  readonly exists: (name: string) => Promise<boolean>;
  /** The secret that must never be seen; null where there is none. */
  readonly credential: string | null;
  /** Null where the provider does not speak HTTP. */
  readonly http: HttpFixture | null;
  /** Null where the provider has no files. */
  readonly links: LinkFixture | null;
  readonly dispose: () => Promise<void>;
}

export interface HttpFixture {
  /** How many requests have arrived so far. */
  readonly requestCount: () => number;
  /** What happens to the next request, once. */
  readonly playNext: (play: HttpPlay) => void;
  /** What happens to the next request that `open` sends, once; never called for a provider that sends none. */
  readonly playOpening: (play: HttpPlay) => void;
  /** Requests that arrived at another origin, where a played redirect points. */
  readonly strayRequests: () => number;
  /** What each listing's first page says from now on of the page after it. */
  readonly playListing: (play: 'no-next' | 'same-page-again') => void;
}

export type HttpPlay =
  | 'html with 200'
  | 'half a JSON text with 200'
  | 'html with 404'
  | 'redirect elsewhere'
  | 'reset before the effect'
  | 'reset after the effect'
  | '500 before the effect'
  | '500 after the effect'
  | '401'
  | '403'
  | '429 with Retry-After: 7'
  | 'answered 100 ms late';

export interface LinkFixture {
  /** A folder outside with one file in it, and a link to it: beside the apps, or inside the named app. */
  readonly addLink: (place: { insideApp: string | null; name: string }) => Promise<void>;
  /** The file outside is still there. */
  readonly outsideIsIntact: () => Promise<boolean>;
}

export interface ProviderHarness {
  readonly setUp: () => Promise<ProviderFixture>;
  readonly speaksHttp: boolean;
  readonly hasFiles: boolean;
}

export interface ProviderCase {
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** A case before it has a fixture. */
export interface Draft {
  title: string;
  needs?: 'http' | 'files';
  readonly run: (fixture: ProviderFixture & { signal: AbortSignal }) => Promise<void>;
}
