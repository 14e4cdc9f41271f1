// What every http probe owes whoever asks it, as data: each case plays against a fresh real server and throws where the probe falls
// short. Run over the real probe, and over broken twins, each of which must fail the case it was made for.
import { strict as assert } from 'node:assert';
import type { Clock } from '../../src/base/clock.ts';
import { CancelledError } from '../../src/base/errors.ts';
import type { Probe } from '../../src/probe/contract.ts';
import { type Loopback, startLoopback, text } from '../probe/loopback.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';

export interface HttpProbeSubject {
  readonly name: string;
  open(options: {
    url: string;
    clock: Clock;
    headers: Readonly<Record<string, string>>;
    credentials: { user: string; password: string } | null;
  }): { readonly probe: Probe; readonly close: () => void };
}

export interface ProbeCase {
  readonly name: string;
  run(subject: HttpProbeSubject): Promise<void>;
}

const TIMEOUT_MS = 5000;
const FLOOD_BYTES = 32 * 1024 * 1024;

export const httpProbeCases: readonly ProbeCase[] = [
  {
    name: 'credentials stay with the target: a redirect to another origin is not followed',
    run: withServers(async ({ subject, server, other }) => {
      server.answer((_, response) => response.writeHead(302, { location: `${other.origin}/steal` }).end());
      const { probe, close } = open(subject, server, { credentials: { user: 'bob', password: 'pw-secret' } });
      const result = await probe.probe({ signal: never() });
      close();
      assert.deepEqual(other.requests, [], 'the other origin was asked');
      assert.equal(result.status, 'critical');
      assert.ok(!result.detail.includes('pw-secret'), 'the detail shows the password');
    }),
  },
  {
    name: 'a silent server is given up after the time limit of one try',
    run: withServers(async ({ subject, server }) => {
      const arrived = new Promise<void>((resolve) => server.answer(() => resolve()));
      await endsByTimeLimit(subject, server, arrived);
    }),
  },
  {
    name: 'the time limit includes the body',
    run: withServers(async ({ subject, server }) => {
      const begun = new Promise<void>((resolve) =>
        server.answer((_, response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.write('{"schema":', () => resolve());
        }),
      );
      await endsByTimeLimit(subject, server, begun);
    }),
  },
  {
    name: 'a page is no document, whatever can be found in it',
    run: withServers(async ({ subject, server }) => {
      server.answer(text('<html><script>{"schema":"42"}</script></html>', { type: 'text/html' }));
      const { probe, close } = open(subject, server);
      const result = await probe.probe({ signal: never() });
      close();
      assert.equal(result.body, undefined);
    }),
  },
  {
    name: 'a body is read to 64 KiB and no further, and is then never ready',
    run: withServers(async ({ subject, server }) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      let sent = 0;
      let isComplete = false;
      const ended = new Promise<void>((resolve) =>
        server.answer((_, response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          const pour = () => {
            while (!response.destroyed && sent < FLOOD_BYTES) {
              sent += chunk.length;
              if (!response.write(chunk)) return;
            }
            if (sent >= FLOOD_BYTES && !response.destroyed) response.end();
          };
          response.on('drain', pour);
          response.on('finish', () => {
            isComplete = true;
          });
          response.on('close', resolve);
          pour();
        }),
      );
      const { probe, close } = open(subject, server);
      const result = await probe.probe({ signal: never() });
      await ended;
      close();
      assert.ok(!isComplete, 'it read on to the end of the flood');
      assert.ok(result.status !== 'passing' || result.hint === 'pending', 'it counts as ready');
    }),
  },
  {
    name: 'an abort rejects with the reason of the signal and gives the connection up',
    run: withServers(async ({ subject, server }) => {
      const closed = new Promise<void>((resolve) =>
        server.answer((_, response) => {
          response.on('close', resolve);
          controller.abort(new CancelledError('enough'));
        }),
      );
      const controller = new AbortController();
      const { probe, close } = open(subject, server);
      await assert.rejects(
        probe.probe({ signal: controller.signal }),
        (error: Error) => error.message === 'enough',
      );
      await closed;
      close();
    }),
  },
  {
    name: 'a secret header that the server echoes does not show in the detail',
    run: withServers(async ({ subject, server }) => {
      server.answer((request, response) =>
        text(`denied: ${String(request.headers['x-token'])}`, { status: 403 })(request, response),
      );
      const { probe, close } = open(subject, server, { headers: { 'x-token': 'tok-123456' } });
      const result = await probe.probe({ signal: never() });
      close();
      assert.ok(!result.detail.includes('tok-123456'));
    }),
  },
  {
    name: 'a detail is one printable line, a result is frozen with all it holds',
    run: withServers(async ({ subject, server }) => {
      server.answer(text('bad\u001b[2J\u0007\u202e', { status: 500 }));
      const { probe, close } = open(subject, server);
      const { detail } = await probe.probe({ signal: never() });
      assert.doesNotMatch(detail, /[\u0000-\u001f\u202e]/);
      server.answer(text('{"a":{"b":[1]}}', { type: 'application/json' }));
      const result = await probe.probe({ signal: never() });
      close();
      assert.ok(Object.isFrozen(result) && Object.isFrozen(result.body));
    }),
  },
];

interface Scene {
  readonly subject: HttpProbeSubject;
  readonly server: Loopback;
  /** Another origin. */
  readonly other: Loopback;
}

function withServers(play: (scene: Scene) => Promise<void>) {
  return async (subject: HttpProbeSubject) => {
    const [server, other] = await Promise.all([startLoopback(), startLoopback()]);
    try {
      await play({ subject, server, other });
    } finally {
      await Promise.all([server.close(), other.close()]);
    }
  };
}

function open(
  subject: HttpProbeSubject,
  server: Loopback,
  options: Partial<Parameters<HttpProbeSubject['open']>[0]> = {},
) {
  return subject.open({
    url: `${server.origin}/ready`,
    clock: createManualClock(),
    headers: {},
    credentials: null,
    ...options,
  });
}

async function endsByTimeLimit(subject: HttpProbeSubject, server: Loopback, reached: Promise<void>) {
  const clock = createManualClock();
  const { probe, close } = open(subject, server, { clock });
  const asking = probe.probe({ signal: never() });
  await reached;
  await clock.advance(TIMEOUT_MS - 1);
  const early = await Promise.race([asking, settle()]);
  assert.equal(early, undefined, 'it gave up too early');
  await clock.advance(1);
  const result = await Promise.race([asking, settle()]);
  close();
  assert.ok(result, 'it hangs past its time limit');
  assert.equal(result.unreachable, true);
  assert.equal(clock.pendingTimers, 0);
}

function never(): AbortSignal {
  return new AbortController().signal;
}
