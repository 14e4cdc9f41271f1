// The http probe's suite over the real one and over its broken twins, and the rules of the contract (P1–P4) over every probe.
import { afterAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { CancelledError } from '../../src/base/errors.ts';
import { createCheckProbe } from '../../src/probe/check.ts';
import { createCommandProbe } from '../../src/probe/command.ts';
import type { Probe } from '../../src/probe/contract.ts';
import { createGithubCheckProbe } from '../../src/probe/github-check.ts';
import { createGithubDeploymentProbe } from '../../src/probe/github-deployment.ts';
import { createHerokuReleaseProbe } from '../../src/probe/heroku-release.ts';
import { createHttpProbe } from '../../src/probe/http.ts';
import { createConnections } from '../../src/probe/request.ts';
import { startLoopback, text } from '../probe/loopback.ts';
import { type HttpProbeSubject, httpProbeCases } from './probe-cases.ts';
import { brokenTwins } from './probe-twins.ts';

const real: HttpProbeSubject = {
  name: 'the http probe',
  open({ url, clock, headers, credentials }) {
    const connections = createConnections({ clock });
    const target = { kind: 'http', url, credentials } as const;
    const probe = createHttpProbe({ id: 'http', target, connections, clock, headers });
    return { probe, close: () => connections.close() };
  },
};

describe('the http probe', () => {
  test.each(httpProbeCases.map((item) => [item.name, item] as const))('%s', async (_, item) => {
    await item.run(real);
  });
});

describe('the suite notices a probe that', () => {
  test.each(brokenTwins.map((twin) => [twin.subject.name, twin] as const))(
    '%s',
    async (_, { subject, fails }) => {
      const noticing = httpProbeCases.find(({ name }) => name === fails);
      await expect(noticing?.run(subject)).rejects.toThrow();
    },
  );

  test.each(brokenTwins.map((twin) => [twin.subject.name, twin] as const))(
    '%s is right in the cases of the others',
    async (_, { subject, fails }) => {
      for (const other of brokenTwins.filter((twin) => twin.fails !== fails))
        await httpProbeCases.find(({ name }) => name === other.fails)?.run(subject);
    },
  );
});

describe('every probe', () => {
  const server = startLoopback(
    text('{"message":"\\u001b[2J bad\\u202e"}', { status: 500, type: 'application/json' }),
  );
  const connections = createConnections({ clock: systemClock });
  const hostile = '\u001b[2J line one\nline two \u202e';
  const fail = () => Promise.reject(new Error(hostile));
  const github = { repository: 'o/r', reader: { get: fail } };
  const store = {
    get: fail,
    watch: () => {
      throw new Error('unused');
    },
  };
  const command = (script: string) =>
    createCommandProbe({
      id: 'command',
      target: { kind: 'command', file: 'sh', args: ['-c', script] },
      clock: systemClock,
      cwd: '.',
      env: { PATH: process.env['PATH'] },
      redact: (line) => line,
    });

  afterAll(async () => {
    connections.close();
    await (await server).close();
  });

  const hostileProbes: [string, () => Promise<Probe>][] = [
    [
      'http',
      async () =>
        createHttpProbe({
          id: 'h',
          target: { kind: 'http', url: (await server).origin, credentials: null },
          connections,
          clock: systemClock,
        }),
    ],
    ['command', async () => command(`printf '\\033[2J bad\\007' >&2; exit 2`)],
    [
      'check',
      async () => createCheckProbe({ id: 'c', name: 'c', namespace: 'n', store, clock: systemClock }),
    ],
    [
      'github-check',
      async () =>
        createGithubCheckProbe({
          id: 'g',
          target: { kind: 'github-check', name: 'n', ref: 'r' },
          ...github,
        }),
    ],
    [
      'github-deployment',
      async () =>
        createGithubDeploymentProbe({
          id: 'd',
          target: { kind: 'github-deployment', environment: 'e' },
          ...github,
        }),
    ],
    [
      'heroku-release',
      async () =>
        createHerokuReleaseProbe({
          id: 'r',
          target: { kind: 'heroku-release', app: 'app' },
          apiUrl: (await server).origin,
          apiKey: 'key-1234',
          connections,
          clock: systemClock,
        }),
    ],
  ];

  test.each(hostileProbes)(
    '%s: whatever goes wrong is a frozen value with one printable line (P1, P3, P4)',
    async (_, open) => {
      const probe = await open();
      const result = await probe.probe({ signal: new AbortController().signal });
      expect(result.detail).not.toMatch(/[\u0000-\u001f\u202e]/);
      expect(result.status).not.toBe('passing');
      expect(Object.isFrozen(result)).toBe(true);
      expect(result.unreachable ? result.status : 'unknown').toBe('unknown');
      await probe.close();
    },
  );

  test.each(hostileProbes)(
    '%s: asked with an aborted signal it rejects with its reason and asks nobody (P1)',
    async (_, open) => {
      const probe = await open();
      const asked = (await server).requests.length;
      await expect(probe.probe({ signal: AbortSignal.abort(new CancelledError('enough')) })).rejects.toThrow(
        'enough',
      );
      expect((await server).requests).toHaveLength(asked);
      await probe.close();
    },
  );
});
