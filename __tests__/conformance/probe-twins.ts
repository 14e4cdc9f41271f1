// Probes that are wrong in one way each, the way one writes them in a hurry: to show that the suite would notice.
import { abortReason } from '../../src/base/clock.ts';
import type { Probe } from '../../src/probe/contract.ts';
import { createResult, unreachable } from '../../src/probe/result.ts';
import type { HttpProbeSubject } from './probe-cases.ts';

export interface BrokenTwin {
  readonly subject: HttpProbeSubject;
  /** The case that must notice. */
  readonly fails: string;
}

type Flaw =
  | 'follows redirects anywhere'
  | 'has no time limit'
  | 'finds JSON in pages'
  | 'reads bodies to their end';

/** A small honest probe on `fetch`, but for one flaw. */
function createTwin(flaw: Flaw): HttpProbeSubject {
  return {
    name: flaw,
    open({ url, clock, headers, credentials }) {
      const own: Record<string, string> = { ...headers, connection: 'close' };
      if (credentials) own['authorization'] = `Basic ${btoa(`${credentials.user}:${credentials.password}`)}`;
      const ask = async (signal: AbortSignal) => {
        const controller = new AbortController();
        signal.addEventListener('abort', () => controller.abort(abortReason(signal)));
        const timer = flaw === 'has no time limit' ? null : clock.startTimer(5000, () => controller.abort());
        try {
          let response = await fetch(url, { headers: own, signal: controller.signal, redirect: 'manual' });
          const location = response.headers.get('location');
          if (flaw === 'follows redirects anywhere' && location)
            response = await fetch(location, { headers: own, signal: controller.signal });
          const body = await readBody(response, flaw === 'reads bodies to their end' ? Infinity : 65_536);
          if (body === null) return createResult({ status: 'passing', detail: 'too long', hint: 'pending' });
          const isPage =
            response.headers.get('content-type')?.includes('html') && flaw !== 'finds JSON in pages';
          const found = isPage ? null : /\{.*\}/s.exec(body);
          return createResult({
            status: response.ok ? 'passing' : 'critical',
            detail: `HTTP ${response.status}`,
            ...(found ? { body: JSON.parse(found[0]) as unknown } : {}),
          });
        } catch {
          // The abort's own reason is thrown; whatever else went wrong, this small probe calls unreachable.
          if (signal.aborted) throw abortReason(signal);
          return unreachable('no answer');
        } finally {
          timer?.cancel();
          controller.abort();
        }
      };
      const probe: Probe = {
        id: flaw,
        watch: null,
        probe: ({ signal }) => ask(signal),
        async close() {
          // Owns nothing.
        },
      };
      return { probe, close: () => undefined };
    },
  };
}

async function readBody(response: Response, limitBytes: number): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > limitBytes) return null;
    if (bytes <= 65_536) chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export const brokenTwins: readonly BrokenTwin[] = [
  {
    subject: createTwin('follows redirects anywhere'),
    fails: 'credentials stay with the target: a redirect to another origin is not followed',
  },
  {
    subject: createTwin('has no time limit'),
    fails: 'a silent server is given up after the time limit of one try',
  },
  {
    subject: createTwin('finds JSON in pages'),
    fails: 'a page is no document, whatever can be found in it',
  },
  {
    subject: createTwin('reads bodies to their end'),
    fails: 'a body is read to 64 KiB and no further, and is then never ready',
  },
];
