/**
 * `http(s)://…`: 2xx is passing, 429 a warning, any other answer critical; no answer is unreachable. GET, never HEAD; redirects
 * only within the origin, since a probe's headers are meant for one server; a condition (ETag, Last-Modified) once there is
 * something to compare with. NOT guaranteed: that the body is the target's whole truth; see readiness.ts.
 * Invariant: user, password and header values go to the target's own origin and nowhere else, neither into a detail.
 */
import type { Clock } from '../base/clock.ts';
import { createRedactor, plain } from '../base/text.ts';
import type { Probe, ProbeResult } from './contract.ts';
import type { Connections, GetAnswer } from './request.ts';
import { createResult, parseDocument, unreachable } from './result.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { Target } from './target.ts';

export interface HttpProbeOptions {
  readonly id: string;
  readonly target: Extract<Target, { kind: 'http' }>;
  /** Borrowed and shared; whoever opened them closes them. */
  readonly connections: Connections;
  readonly clock: Clock;
  /** Extra headers, all of them secret. */
  readonly headers?: Readonly<Record<string, string>>;
}

type Answer = Extract<GetAnswer, { kind: 'answer' }>;

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_SNIPPET = 120;

/** A probe of one URL; keeps the last good answer's validators between calls. */
export function createHttpProbe(options: HttpProbeOptions): Probe {
  const { id, target, connections, clock } = options;
  const headers = createHeaders(options);
  const redact = createRedactor(secretsOf(options));
  let known: { readonly condition: Record<string, string>; readonly result: ProbeResult } | null = null;

  const ask = async (signal: AbortSignal): Promise<Answer | ProbeResult> => {
    let url = new URL(target.url);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const answer = await connections.get(url, { headers: { ...headers, ...known?.condition }, signal });
      if (answer.kind === 'no-answer') return unreachable(redact(answer.detail));
      const location = answer.headers['location'];
      if (!REDIRECTS.has(answer.status) || location === undefined) return answer;
      const next = parseLocation(location, url);
      if (next === null) return critical(`HTTP ${answer.status} to a place that is not a URL`);
      if (next.origin !== url.origin)
        return critical(
          `HTTP ${answer.status} to ${next.origin}; only redirects within ${url.origin} are followed`,
        );
      url = next;
    }
    return critical(`more than ${MAX_REDIRECTS} redirects`);
  };

  const judge = (answer: Answer): ProbeResult => {
    const { status } = answer;
    if (status === 304 && known) return known.result;
    if (status >= 200 && status < 300) {
      const result = judgeSuccess(answer);
      const condition = conditionOf(answer.headers);
      known = condition && result.hint === null ? { condition, result } : null;
      return result;
    }
    known = null;
    const retryAfterMs = parseRetryAfter(answer.headers, clock.wallMs());
    return createResult({
      status: status === 429 ? 'warning' : 'critical',
      detail: `HTTP ${status}${snippet(answer, redact)}`,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  };

  return {
    id,
    watch: null,
    async probe({ signal }) {
      const answer = await ask(signal);
      return 'kind' in answer ? judge(answer) : answer;
    },
    async close() {
      // The connections are borrowed.
    },
  };
}

function judgeSuccess(answer: Answer): ProbeResult {
  const type = answer.headers['content-type'] ?? '';
  const base = { status: 'passing', detail: `HTTP ${answer.status}` } as const;
  // Passing by its status, but whatever the rest says nobody has read: never ready.
  if (answer.cut)
    return createResult({ ...base, detail: `${base.detail}, but its body is over 64 KiB`, hint: 'pending' });
  // A sign-in or error page is no document, whatever can be parsed out of it.
  if (/\b(html|xml)\b/i.test(type)) return createResult(base);
  const body = parseDocument(answer.body);
  if (body !== undefined) return createResult({ ...base, body });
  if (/[/+]json\b/i.test(type) && !isScalar(answer.body))
    return createResult({ ...base, detail: `${base.detail}, but its JSON cannot be read`, hint: 'pending' });
  return createResult(base);
}

function isScalar(text: string): boolean {
  return /^\s*(true|false|null|-?\d[\d.eE+-]*|"[^"]*")?\s*$/.test(text);
}

function critical(detail: string): ProbeResult {
  return createResult({ status: 'critical', detail });
}

function conditionOf(headers: Readonly<Record<string, string>>): Record<string, string> | null {
  const etag = headers['etag'];
  if (etag !== undefined) return { 'if-none-match': etag };
  const modified = headers['last-modified'];
  return modified === undefined ? null : { 'if-modified-since': modified };
}

/** The first line of a short plain answer: what the target says about itself. Half a secret is one, so first redact, then cut. */
function snippet(answer: Answer, redact: (text: string) => string): string {
  if (/\b(html|xml)\b/i.test(answer.headers['content-type'] ?? '')) return '';
  const line = answer.body.trimStart().split('\n', 1)[0]?.trim() ?? '';
  return line === '' ? '' : `: ${plain(redact(line), MAX_SNIPPET)}`;
}

function parseLocation(location: string, base: URL): URL | null {
  if (!URL.canParse(location, base.href)) return null;
  const url = new URL(location, base);
  url.username = '';
  url.password = '';
  return url;
}

function createHeaders({ target, headers = {} }: HttpProbeOptions): Record<string, string> {
  const own: Record<string, string> = {
    accept: 'application/json, */*;q=0.5',
    'accept-encoding': 'identity',
    'cache-control': 'no-cache',
    'user-agent': 'lockstep',
  };
  for (const [name, value] of Object.entries(headers)) own[name.toLowerCase()] = value;
  if (target.credentials && own['authorization'] === undefined) {
    const { user, password } = target.credentials;
    own['authorization'] = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }
  return own;
}

function secretsOf({ target, headers = {} }: HttpProbeOptions): string[] {
  const secrets = Object.values(headers).flatMap((value) => [value, value.replace(/^\S+\s+/, '')]);
  if (target.credentials) {
    const { user, password } = target.credentials;
    secrets.push(`${user}:${password}`, password);
  }
  secrets.push(...new URL(target.url).searchParams.values());
  return secrets;
}
