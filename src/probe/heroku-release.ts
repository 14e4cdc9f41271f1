/**
 * `heroku-release:APP`: the status of an app's latest release. A promote that exits 0 although its release phase failed is
 * seen here (heroku/cli #1652). One request per call, conditional once there is something to compare with.
 * Source: the Platform API's schema, version 3: statuses succeeded, pending, failed, expired; newest first by `Range`.
 */
import type { Clock } from '../base/clock.ts';
import { isJsonObject } from '../base/codec.ts';
import { createRedactor, plain } from '../base/text.ts';
import type { Probe, ProbeResult } from './contract.ts';
import type { Connections, GetAnswer } from './request.ts';
import { createResult, parseDocument, unreachable } from './result.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { Target } from './target.ts';

export interface HerokuReleaseProbeOptions {
  readonly id: string;
  readonly target: Extract<Target, { kind: 'heroku-release' }>;
  /** `https://api.heroku.com` or what stands in for it. */
  readonly apiUrl: string;
  readonly apiKey: string;
  /** Borrowed; whoever opened them closes them. */
  readonly connections: Connections;
  readonly clock: Clock;
}

type Answer = Extract<GetAnswer, { kind: 'answer' }>;

/** A probe of one app's latest release. */
export function createHerokuReleaseProbe(options: HerokuReleaseProbeOptions): Probe {
  const { id, target, apiUrl, apiKey, connections, clock } = options;
  const url = new URL(`${apiUrl.replace(/\/+$/, '')}/apps/${encodeURIComponent(target.app)}/releases`);
  const redact = createRedactor([apiKey]);
  let known: { readonly etag: string; readonly result: ProbeResult } | null = null;

  const judge = (answer: Answer): ProbeResult => {
    if (answer.status === 304 && known) return known.result;
    known = null;
    if (answer.status !== 200 && answer.status !== 206) return judgeRefusal(answer, clock, redact);
    const releases = parseDocument(answer.body);
    if (answer.cut || !Array.isArray(releases)) return unreachable('the API answered no list of releases');
    const result = judgeLatest(releases);
    const etag = answer.headers['etag'];
    if (etag !== undefined && !result.unreachable) known = { etag, result };
    return result;
  };

  return {
    id,
    watch: null,
    async probe({ signal }) {
      const headers: Record<string, string> = {
        accept: 'application/vnd.heroku+json; version=3',
        authorization: `Bearer ${apiKey}`,
        range: 'version ..; order=desc,max=1',
        'user-agent': 'lockstep',
      };
      if (known) headers['if-none-match'] = known.etag;
      const answer = await connections.get(url, { headers, signal });
      return answer.kind === 'answer' ? judge(answer) : unreachable(redact(answer.detail));
    },
    async close() {
      // The connections are borrowed.
    },
  };
}

function judgeLatest(releases: readonly unknown[]): ProbeResult {
  // An app that was never released exists and has no judgement yet.
  if (releases.length === 0)
    return createResult({ status: 'unknown', detail: 'no release yet', absent: 'check', hint: 'pending' });
  const latest = releases.filter(isJsonObject).reduce<Record<string, unknown> | null>((best, release) => {
    return best !== null && Number(best['version']) >= Number(release['version']) ? best : release;
  }, null);
  const version = Number(latest?.['version']);
  const status = latest?.['status'];
  if (!Number.isSafeInteger(version) || typeof status !== 'string')
    return unreachable('the API answered a release without version and status');
  const detail = `release v${version} ${plain(status, 40)}`;
  if (status === 'succeeded') return createResult({ status: 'passing', detail });
  if (status === 'pending') return createResult({ status: 'warning', detail, hint: 'pending' });
  return createResult({ status: 'critical', detail, hint: 'fatal' });
}

function judgeRefusal(answer: Answer, clock: Clock, redact: (text: string) => string): ProbeResult {
  const { status } = answer;
  const retryAfterMs = parseRetryAfter(answer.headers, clock.wallMs());
  const pause = retryAfterMs === undefined ? {} : { retryAfterMs };
  const document = parseDocument(answer.body);
  const message =
    isJsonObject(document) && typeof document['message'] === 'string' ? document['message'] : '';
  const said = `HTTP ${status}${message === '' ? '' : `: ${plain(redact(message), 120)}`}`;
  if (status === 401 || status === 403)
    return createResult({ status: 'critical', detail: `HEROKU_API_KEY was refused: ${said}`, hint: 'fatal' });
  if (status === 404)
    return createResult({ status: 'critical', detail: `no such app: ${said}`, absent: 'upstream' });
  if (status === 429) return createResult({ status: 'warning', detail: said, hint: 'pending', ...pause });
  // The API speaks about itself here, not about the app.
  return unreachable(said, retryAfterMs);
}
