/**
 * What happened in a demonstration, from two witnesses: the sandbox's request log and the job processes' results. Pure.
 * The log is the oracle: requests and deletions are counted there, not in what the jobs say of themselves.
 */

/** A request as the story needs it; times in ms since the demonstration began. */
export interface DemoRequest {
  readonly job: string;
  readonly method: string;
  readonly path: string;
  readonly appId: string | null;
  readonly status: number | null;
  readonly applied: boolean;
  readonly startMs: number;
  readonly endMs: number;
}

/** One job process as the demonstration sees it. */
export interface DemoJob {
  readonly name: string;
  readonly startMs: number;
  /** Null while it runs. */
  readonly endMs: number | null;
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly holder: string | null;
  readonly exitCode: number | null;
  readonly wasKilled: boolean;
}

export interface DemoTotals {
  readonly lists: number;
  readonly deletes: number;
  readonly reads: number;
  readonly others: number;
  /** What one sweep costs at the least: one listing and a deletion per app. */
  readonly minimum: number;
  readonly deletedApps: number;
  /** Deletions of an app that was already gone. */
  readonly duplicates: number;
  readonly throttled: number;
  readonly serverErrors: number;
}

export interface DemoSnapshot {
  readonly elapsedMs: number;
  readonly apps: number;
  readonly jobs: readonly DemoJob[];
  readonly requests: readonly DemoRequest[];
  readonly totals: DemoTotals;
}

export interface DemoReport {
  readonly format: 1;
  readonly command: 'demo';
  readonly jobs: readonly DemoJob[];
  readonly apps: number;
  readonly totals: DemoTotals;
  readonly durationMs: number;
  readonly exitCode: number;
}

/** Counts what the log shows. */
export function totalRequests(requests: readonly DemoRequest[], apps: number): DemoTotals {
  const deletions = requests.filter((request) => request.method === 'DELETE');
  const reads = requests.filter((request) => request.method === 'GET');
  const isList = (request: DemoRequest) => request.path.split('?')[0]?.endsWith('/apps') === true;
  const isApp = (request: DemoRequest) => /^\/apps\/[^/]+$/.test(request.path);
  return {
    lists: reads.filter(isList).length,
    deletes: deletions.length,
    reads: reads.filter(isApp).length,
    others: reads.filter((request) => !isList(request) && !isApp(request)).length,
    minimum: 1 + apps,
    deletedApps: new Set(deletions.filter((request) => request.applied).map((request) => request.appId)).size,
    duplicates: deletions.filter((request) => request.status === 404).length,
    throttled: requests.filter((request) => request.status === 429).length,
    serverErrors: requests.filter((request) => (request.status ?? 0) >= 500).length,
  };
}

/** True where the demonstration showed what it promises: every app gone, none deleted twice, no job failed. */
export function isHappyEnd(snapshot: DemoSnapshot): boolean {
  return (
    snapshot.totals.deletedApps === snapshot.apps &&
    snapshot.totals.duplicates === 0 &&
    snapshot.jobs.every((job) => job.wasKilled || job.exitCode === 0)
  );
}
