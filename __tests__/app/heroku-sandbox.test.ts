import { afterEach, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import {
  type HerokuSandbox,
  type SandboxSettings,
  startHerokuSandbox,
} from '../../src/app/demo/heroku-sandbox.ts';
import { forkHerokuSandbox } from '../../src/app/demo/heroku-sandbox-process.ts';
import type { SandboxLogEntry } from '../../src/app/demo/heroku-sandbox-world.ts';
import type { JsonObject } from '../../src/base/codec.ts';
import { createManualClock } from '../support/manual-clock.ts';

const open: HerokuSandbox[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((sandbox) => sandbox.close()));
});

async function start(settings: SandboxSettings = {}) {
  const clock = createManualClock();
  const sandbox = await startHerokuSandbox({ clock, ...settings });
  open.push(sandbox);
  const call = async (request: string, options: { range?: string; key?: string; body?: unknown } = {}) => {
    const [method = 'GET', path = '/'] = request.split(' ');
    const response = await fetch(sandbox.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(options.key === '' ? {} : { authorization: `Bearer ${options.key ?? 'key'}` }),
        ...(options.range === undefined ? {} : { range: options.range }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: () => JSON.parse(text) as unknown,
    };
  };
  return { sandbox, clock, call };
}

const names = (body: unknown) =>
  (body as JsonObject[]).map((app) => String(app['name'])).sort((a, b) => a.localeCompare(b));
const seeds = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `app-${String(index).padStart(3, '0')}` }));

/** Our reading of `app` and `account` in the published JSON schema of the Platform API (heroku/platform-api). */
const dateTime = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' };
const uuid = { type: 'string', pattern: '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' };
const nullable = (type: string | string[]) => ({ type: [...[type].flat(), 'null'] });
const named = {
  type: 'object',
  properties: { id: uuid, name: { type: 'string' } },
  required: ['id', 'name'],
};
const appProperties = {
  acm: { type: 'boolean' },
  archived_at: nullable('string'),
  buildpack_provided_description: nullable('string'),
  build_stack: named,
  created_at: dateTime,
  git_url: { type: 'string', pattern: '^https://git\\.heroku\\.com/[a-z][a-z0-9-]{2,29}\\.git$' },
  id: uuid,
  internal_routing: nullable('boolean'),
  maintenance: { type: 'boolean' },
  name: { type: 'string', pattern: '^[a-z][a-z0-9-]{1,28}[a-z0-9]$' },
  owner: { type: 'object', properties: { email: { type: 'string' }, id: uuid }, required: ['email', 'id'] },
  organization: { anyOf: [named, { type: 'null' }] },
  team: { anyOf: [named, { type: 'null' }] },
  region: named,
  released_at: { anyOf: [dateTime, { type: 'null' }] },
  repo_size: nullable('integer'),
  slug_size: nullable('integer'),
  space: { anyOf: [named, { type: 'null' }] },
  stack: named,
  updated_at: dateTime,
  web_url: { type: 'string', pattern: '^https?://[a-z][a-z0-9-]{3,30}\\.herokuapp\\.com/$' },
};
const appSchema = {
  type: 'object',
  properties: appProperties,
  required: Object.keys(appProperties),
  additionalProperties: false,
};

describe('what the sandbox lists', () => {
  test('an app has every field of the published schema, in its type, own or of a team', async () => {
    const { call } = await start({
      apps: [
        { name: 'mine', ageMs: 1234 },
        { name: 'ours', team: 'core' },
      ],
    });
    const validate = new Ajv({ strict: false }).compile({ type: 'array', minItems: 2, items: appSchema });
    validate((await call('GET /apps')).json());
    expect(validate.errors ?? []).toEqual([]);
  });

  test('own and collaborated apps, all accessible ones, and those of a team are three lists', async () => {
    const apps = [
      { name: 'mine' },
      { name: 'theirs', owner: 'x@example.com' },
      { name: 'ours', team: 'core' },
    ];
    const { call } = await start({ apps });
    expect(names((await call('GET /users/~/apps')).json())).toEqual(['mine', 'theirs']);
    expect(names((await call('GET /apps')).json())).toEqual(['mine', 'ours', 'theirs']);
    expect(names((await call('GET /teams/core/apps')).json())).toEqual(['ours']);
    expect((await call('GET /teams/nobody/apps')).status).toBe(404);
  });

  test('450 apps come in three pages, 206 with Next-Range until a 200, each app once', async () => {
    const { call } = await start({ apps: seeds(450) });
    const seen: unknown[] = [];
    const statuses: number[] = [];
    let range: string | null = 'id ..; max=200';
    while (range !== null) {
      const page: Awaited<ReturnType<typeof call>> = await call('GET /apps', { range });
      statuses.push(page.status);
      seen.push(...(page.json() as unknown[]));
      range = page.headers.get('next-range');
    }
    expect(statuses).toEqual([206, 206, 200]);
    expect(names(seen)).toEqual(seeds(450).map((seed) => seed.name));
  });

  test('a range may sort by name and descend; one that cannot be read is a 416', async () => {
    const { call } = await start({ apps: seeds(5) });
    const page = await call('GET /apps', { range: 'name ]app-003..; max=2,order=desc' });
    expect((page.json() as JsonObject[]).map((app) => app['name'])).toEqual(['app-002', 'app-001']);
    expect((await call('GET /apps', { range: 'bytes=0-1' })).status).toBe(416);
  });
});

describe('what the sandbox changes', () => {
  test('an app is deleted by id or name, answers with itself, and is not found from then on', async () => {
    const { call, sandbox } = await start({ apps: [{ name: 'one' }, { name: 'two' }] });
    const id = String(sandbox.world.find('one')?.['id']);
    expect((await call(`DELETE /apps/${id}`)).json()).toMatchObject({ id, name: 'one' });
    const second = await call(`DELETE /apps/${id}`);
    expect([second.status, (second.json() as JsonObject)['id']]).toEqual([404, 'not_found']);
    expect((await call('DELETE /apps/two')).status).toBe(200);
    expect((await call('GET /apps')).json()).toEqual([]);
  });

  test('a full account refuses another app with invalid_params; apps of teams and others do not count', async () => {
    const apps = [
      { name: 'one' },
      { name: 'ours', team: 'core' },
      { name: 'theirs', owner: 'x@example.com' },
    ];
    const { call } = await start({ apps, appLimit: 2 });
    expect((await call('POST /apps', { body: { name: 'two' } })).status).toBe(201);
    const refused = await call('POST /apps', { body: { name: 'three' } });
    expect(refused.status).toBe(422);
    expect(refused.json()).toMatchObject({
      id: 'invalid_params',
      message: expect.stringMatching(/app limit of 2/),
    });
  });

  test('maintenance is patched and moves updated_at', async () => {
    const { call, clock } = await start({ apps: [{ name: 'one' }] });
    const before = (await call('GET /apps/one')).json() as JsonObject;
    await clock.advance(5000);
    const after = (await call('PATCH /apps/one', { body: { maintenance: true } })).json() as JsonObject;
    expect(after['maintenance']).toBe(true);
    expect(after['updated_at']).not.toBe(before['updated_at']);
  });
});

describe('the budget of calls', () => {
  test('each call takes a token, an empty bucket answers 429, time refills it, asking is free', async () => {
    const rateLimit = { capacity: 100, refillPerMinute: 75, remaining: 2 };
    const { call, clock } = await start({ rateLimit });
    expect((await call('GET /apps')).headers.get('ratelimit-remaining')).toBe('1');
    expect((await call('GET /apps')).headers.get('ratelimit-remaining')).toBe('0');
    const refused = await call('GET /apps');
    expect([refused.status, (refused.json() as JsonObject)['id']]).toEqual([429, 'rate_limit']);
    expect((await call('GET /account/rate-limits')).json()).toEqual({ remaining: 0 });
    await clock.advance(800);
    expect((await call('GET /apps')).status).toBe(200);
  });

  test('a wrong or absent key is a 401', async () => {
    const { call } = await start({ apiKey: 'right' });
    expect((await call('GET /account', { key: 'wrong' })).status).toBe(401);
    expect((await call('GET /account', { key: '' })).status).toBe(401);
    expect((await call('GET /account', { key: 'right' })).status).toBe(200);
  });
});

describe('faults', () => {
  test('a 503 before leaves the app, a 503 after has deleted it; each is played as often as told', async () => {
    const before = { match: { app: 'one' }, act: { kind: 'answer', status: 503 }, times: 1 } as const;
    const after = {
      match: { app: 'two' },
      act: { kind: 'answer', status: 503, when: 'after' },
      times: 1,
    } as const;
    const { call, sandbox } = await start({
      apps: [{ name: 'one' }, { name: 'two' }],
      faults: [before, after],
    });
    expect((await call('DELETE /apps/one')).status).toBe(503);
    expect((await call('DELETE /apps/two')).status).toBe(503);
    expect(names(sandbox.world.apps())).toEqual(['one']);
    expect((await call('DELETE /apps/one')).status).toBe(200);
    expect(sandbox.log().map((entry) => entry.applied)).toEqual([false, true, true]);
  });

  test('skip and every choose among the requests that match', async () => {
    const fault = {
      match: { method: 'GET' },
      act: { kind: 'answer', status: 500 },
      skip: 1,
      every: 2,
    } as const;
    const { call } = await start({ faults: [fault] });
    const statuses: number[] = [];
    for (let count = 0; count < 6; count += 1) statuses.push((await call('GET /account')).status);
    expect(statuses).toEqual([200, 200, 500, 200, 500, 200]);
  });

  test('a connection is reset before or after the effect', async () => {
    const faults = [
      { match: { app: 'one' }, act: { kind: 'reset' }, times: 1 },
      { match: { app: 'two' }, act: { kind: 'reset', when: 'after' }, times: 1 },
    ] as const;
    const { call, sandbox } = await start({ apps: [{ name: 'one' }, { name: 'two' }], faults });
    await expect(call('DELETE /apps/one')).rejects.toThrow();
    await expect(call('DELETE /apps/two')).rejects.toThrow();
    expect(names(sandbox.world.apps())).toEqual(['one']);
    expect(sandbox.log().map((entry) => entry.status)).toEqual([null, null]);
  });

  test('a body is truncated, as JSON that ends too early or as a connection that breaks off', async () => {
    const faults = [
      { match: {}, act: { kind: 'truncate', end: 'body' }, times: 1 },
      { match: {}, act: { kind: 'truncate', end: 'connection' }, times: 1 },
    ] as const;
    const { call } = await start({ apps: seeds(20), faults });
    const cut = await call('GET /apps');
    expect(cut.status).toBe(200);
    expect(cut.json).toThrow(SyntaxError);
    await expect(call('GET /apps')).rejects.toThrow();
  });

  test('a page loses its Next-Range, or begins with apps of the page before', async () => {
    const faults = [
      { match: { page: 1 }, act: { kind: 'next-range', value: null }, times: 1 },
      { match: { page: 2 }, act: { kind: 'overlap', count: 1 } },
    ] as const;
    const { call } = await start({ apps: seeds(4), pageSize: 2, faults });
    const range = 'id ..; max=2';
    const broken = await call('GET /apps', { range });
    expect([broken.status, broken.headers.get('next-range')]).toEqual([206, null]);
    const first = await call('GET /apps', { range });
    const second = await call('GET /apps', { range: first.headers.get('next-range') ?? '' });
    expect((second.json() as unknown[])[0]).toEqual((first.json() as unknown[])[1]);
  });

  test('any other answer can be played: HTML with 200, a redirect, a 429 with Retry-After', async () => {
    const faults = [
      { match: {}, act: { kind: 'answer', status: 200, body: '<html>' }, times: 1 },
      {
        match: {},
        act: { kind: 'answer', status: 302, headers: { Location: 'http://localhost:1/' } },
        times: 1,
      },
      { match: {}, act: { kind: 'answer', status: 429, headers: { 'Retry-After': '7' } }, times: 1 },
    ] as const;
    const { call } = await start({ faults });
    expect((await call('GET /apps')).text).toBe('<html>');
    expect((await call('GET /apps')).headers.get('location')).toBe('http://localhost:1/');
    expect((await call('GET /apps')).headers.get('retry-after')).toBe('7');
  });

  test('a request that hangs does not keep the sandbox from closing', async () => {
    const { call, sandbox } = await start({ faults: [{ match: {}, act: { kind: 'hang' } }] });
    const hanging = expect(call('GET /apps')).rejects.toThrow();
    while (sandbox.log().length === 0) await new Promise((resolve) => setImmediate(resolve));
    await sandbox.close();
    await hanging;
  });
});

describe('the log', () => {
  test('is read over HTTP by any process, and the reading itself is not in it', async () => {
    const { call, sandbox } = await start({ apps: [{ name: 'one' }] });
    await fetch(`${sandbox.url}/apps/one`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer key', 'user-agent': 'me', 'x-lockstep-job': '3' },
    });
    const log = (await call('GET /_sandbox/log')).json() as SandboxLogEntry[];
    expect(log).toMatchObject([
      { sequence: 1, method: 'DELETE', appName: 'one', status: 200, client: 'me', job: '3', applied: true },
    ]);
    expect((await call('GET /_sandbox/log?since=1')).json()).toEqual([]);
  });

  test('apps and faults can be added while it runs', async () => {
    const { call } = await start();
    await call('POST /_sandbox/apps', { body: [{ name: 'late' }] });
    await call('POST /_sandbox/faults', {
      body: [{ match: { app: 'late' }, act: { kind: 'answer', status: 500 } }],
    });
    expect((await call('GET /apps/late')).status).toBe(500);
  });
});

test('a sandbox runs in a process of its own and ends with its parent’s channel', async () => {
  const remote = await forkHerokuSandbox({
    entry: new URL('heroku-sandbox-entry.ts', import.meta.url),
    execArgv: ['--import', new URL('../../scripts/register-ts.js', import.meta.url).href],
    settings: { apps: [{ name: 'one' }] },
  });
  const response = await fetch(`${remote.url}/apps`, { headers: { authorization: 'Bearer key' } });
  expect(names(await response.json())).toEqual(['one']);
  expect(await remote.log()).toHaveLength(1);
  await remote.close();
  expect(() => process.kill(remote.pid, 0)).toThrow();
});
