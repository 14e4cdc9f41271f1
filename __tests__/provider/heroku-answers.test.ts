import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type HerokuExchange,
  type HerokuScope,
  parseAppLimit,
  parseHerokuApp,
  toDestroyAnswer,
  toGetAnswer,
  toListAnswer,
  toScopeAnswer,
} from '../../src/provider/heroku-answers.ts';
import type { HttpExchange, HttpHeaders } from '../../src/provider/http-request.ts';

const ID = '01234567-89ab-cdef-0123-456789abcdef';
const own: HerokuScope = { kind: 'own', accountId: 'me' };

function answer(
  status: number | null,
  body: unknown = '',
  rest: { headers?: HttpHeaders; problem?: string } = {},
): HerokuExchange {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const exchange: HttpExchange = {
    status,
    headers: rest.headers ?? {},
    body: rest.problem === undefined ? text : '',
    problem: rest.problem ?? null,
  };
  return { exchange, what: `DELETE /apps/${ID}`, redact: (said) => said.replaceAll('s3cret', '***') };
}

const appJson = (fields: Record<string, unknown> = {}) => ({
  id: ID,
  name: 'app-one',
  created_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:06Z',
  released_at: null,
  maintenance: false,
  archived_at: null,
  owner: { id: 'me', email: 'me@example.com' },
  team: null,
  ...fields,
});

const HTML = '<html>maintenance</html>';
const notFound = { id: 'not_found', message: "Couldn't find that app." };
const forbidden = { id: 'forbidden', message: 'no' };

describe('an answer to DELETE', () => {
  test.each([
    ['200 with the app itself', answer(200, appJson()), 'deleted'],
    ['201 with the app itself', answer(201, appJson()), 'deleted'],
    ['202', answer(202), 'accepted'],
    ['200 with another app', answer(200, appJson({ id: 'other' })), 'ambiguous'],
    ['200 with HTML', answer(200, HTML), 'ambiguous'],
    ['200 with half a JSON text', answer(200, '{"id":"0123'), 'ambiguous'],
    ['200 with a list', answer(200, [appJson()]), 'ambiguous'],
    ['200 whose body broke off', answer(200, '', { problem: 'the answer broke off' }), 'ambiguous'],
    ['204 without a body', answer(204), 'ambiguous'],
    ['404 not_found', answer(404, notFound), 'gone'],
    ['404 of a proxy', answer(404, HTML), 'ambiguous'],
    ['404 with another id', answer(404, { id: 'no_such_route' }), 'invalid'],
    ['404 that broke off', answer(404, '', { problem: 'the answer broke off' }), 'ambiguous'],
    ['301', answer(301, '', { headers: { location: 'https://elsewhere/' } }), 'ambiguous'],
    ['307 with the app itself', answer(307, appJson()), 'ambiguous'],
    ['400', answer(400, { id: 'bad_request' }), 'invalid'],
    ['401', answer(401, { id: 'unauthorized' }), 'unauthorized'],
    ['401 whose body broke off', answer(401, '', { problem: 'x' }), 'unauthorized'],
    ['403', answer(403, forbidden), 'forbidden'],
    ['403 with Retry-After', answer(403, forbidden, { headers: { 'retry-after': '3' } }), 'throttled'],
    ['403 and an empty bucket', answer(403, HTML, { headers: { 'ratelimit-remaining': '0' } }), 'throttled'],
    [
      '403 forbidden that happens to leave an empty bucket',
      answer(403, forbidden, { headers: { 'ratelimit-remaining': '0' } }),
      'forbidden',
    ],
    ['408', answer(408), 'ambiguous'],
    ['409', answer(409, { id: 'conflict' }), 'busy'],
    ['422', answer(422, { id: 'invalid_params' }), 'busy'],
    ['423', answer(423, { id: 'locked' }), 'busy'],
    ['429', answer(429, HTML), 'throttled'],
    ['429 whose body is too long', answer(429, '', { problem: 'too long' }), 'throttled'],
    ['500', answer(500, { id: 'internal' }), 'ambiguous'],
    ['503', answer(503, HTML), 'ambiguous'],
    ['a reset', answer(null, '', { problem: 'the connection was reset (ECONNRESET)' }), 'ambiguous'],
  ])('%s', (_what, given, kind) => {
    expect(toDestroyAnswer(given, ID).kind).toBe(kind);
  });

  test('only a success that names the app is deleted, whatever the server says', () => {
    const statuses = fc.option(fc.integer({ min: 100, max: 599 }));
    const bodies = fc.oneof(fc.json(), fc.string(), fc.constant(JSON.stringify(appJson({ id: 'other' }))));
    fc.assert(
      fc.property(statuses, bodies, (status, body) => {
        const { kind } = toDestroyAnswer(answer(status, body), ID);
        expect(kind).not.toBe('deleted');
        if (kind === 'gone') expect(status).toBe(404);
      }),
    );
  });

  test('a failure says what was asked and what came, on one printable line without the credential', () => {
    const said = { id: 'forbidden', message: 'no\u001b[31m ::set-output for s3cret\n' };
    expect(toDestroyAnswer(answer(403, said), ID)).toMatchObject({
      detail: `DELETE /apps/${ID}: status 403, forbidden: no\\x1b[31m ::set-output for ***\\x0a`,
    });
    const reset = answer(null, '', { problem: 'the connection was reset (ECONNRESET)' });
    expect(toDestroyAnswer(reset, ID)).toMatchObject({
      meta: { status: null },
      detail: `DELETE /apps/${ID}: the connection was reset (ECONNRESET)`,
    });
  });
});

describe('an answer to a read', () => {
  test.each([
    ['200 with the app', answer(200, appJson()), 'found'],
    ['200 with another app', answer(200, appJson({ id: 'other' })), 'ambiguous'],
    ['200 with HTML', answer(200, HTML), 'ambiguous'],
    ['404 not_found', answer(404, notFound), 'gone'],
    ['404 of a proxy', answer(404, HTML), 'ambiguous'],
    ['403', answer(403, forbidden), 'forbidden'],
    ['422', answer(422, { id: 'invalid_params' }), 'invalid'],
    ['500', answer(500), 'ambiguous'],
  ])('%s', (_what, given, kind) => {
    expect(toGetAnswer(given, { id: ID, scope: own }).kind).toBe(kind);
  });
});

describe('a page', () => {
  const read = (given: HerokuExchange, asked: string[] = []) =>
    toListAnswer(given, { scope: own, askedRanges: new Set(asked) });
  const partial = (next?: string) =>
    answer(206, [appJson()], next === undefined ? {} : { headers: { 'next-range': next } });

  test('leads to the next one, and ends with a 200', () => {
    expect(read(partial('id ]1..; max=1000'))).toMatchObject({ kind: 'page', next: 'id ]1..; max=1000' });
    const last = read(answer(200, [appJson()]));
    expect(last).toMatchObject({ kind: 'page', next: null });
    expect(last).not.toHaveProperty('broken');
  });

  test.each([
    ['a partial page that does not say what follows', partial(), []],
    ['a page that leads back to one already asked for', partial('id ]1..'), ['id ..', 'id ]1..']],
    ['a next range that no header may carry', partial('id ]\u0000..'), []],
    ['an entry that is no app', answer(200, [appJson(), 7, { id: 'x' }, null]), []],
  ])('%s is broken, and its apps are kept', (_what, given, asked) => {
    const page = read(given, asked);
    expect(page).toMatchObject({ kind: 'page', next: null, broken: expect.any(String) });
    expect(page.kind === 'page' && page.apps.length).toBe(1);
  });

  test.each([
    ['HTML', answer(200, HTML), 'ambiguous'],
    ['an object', answer(200, appJson()), 'ambiguous'],
    ['half a list', answer(206, '[{"id":'), 'ambiguous'],
    ['a list that broke off', answer(200, '', { problem: 'x' }), 'ambiguous'],
    ['500', answer(500), 'ambiguous'],
    ['an unknown team', answer(404, { id: 'not_found', message: 'no team' }), 'invalid'],
    ['a 404 of a proxy', answer(404, HTML), 'ambiguous'],
    ['a range that cannot be had', answer(416, { id: 'range' }), 'invalid'],
  ])('%s is no page', (_what, given, kind) => {
    expect(read(given).kind).toBe(kind);
  });
});

describe('an account', () => {
  test('is known by its id, and called by its email', () => {
    const { answer: opened, accountId } = toScopeAnswer(answer(200, { id: 'me', email: 'me@example.com' }));
    expect(opened).toMatchObject({ kind: 'open', label: 'me@example.com' });
    expect(accountId).toBe('me');
  });

  test.each([
    ['HTML', answer(200, HTML), 'ambiguous'],
    ['no id', answer(200, { email: 'me@example.com' }), 'ambiguous'],
    ['401', answer(401), 'unauthorized'],
    ['404', answer(404, notFound), 'invalid'],
  ])('%s does not open', (_what, given, kind) => {
    expect(toScopeAnswer(given)).toMatchObject({ answer: { kind }, accountId: null });
  });
});

describe('an app', () => {
  const parse = (fields: Record<string, unknown>, scope: HerokuScope = own) =>
    parseHerokuApp(appJson(fields), scope);

  test('carries what the reaper decides by', () => {
    expect(parse({})).toEqual({
      id: ID,
      name: 'app-one',
      createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      version: 'null|"2026-01-02T03:04:06Z"|false',
      state: 'ready',
      isProtected: false,
      inScope: true,
      parentId: null,
    });
  });

  test.each([[null], [''], ['yesterday'], [0], [1e12], [undefined], ['1970-01-01T00:00:00Z'], [{}]])(
    'created_at %p is an unknown age',
    (created_at) => {
      expect(parse({ created_at })?.createdAtMs).toBeNull();
    },
  );

  test('a time in the future is passed on: to judge it is the reaper’s', () => {
    expect(parse({ created_at: '2099-01-01T00:00:00Z' })?.createdAtMs).toBe(Date.UTC(2099, 0, 1));
  });

  test.each([
    ['released_at', '2026-01-03T00:00:00Z'],
    ['updated_at', '2026-01-03T00:00:00Z'],
    ['maintenance', true],
  ])('%s moves the version', (field, value) => {
    expect(parse({ [field]: value })?.version).not.toBe(parse({})?.version);
  });

  test('without any of them the version is unknown', () => {
    const bare = { id: ID, name: 'app-one' };
    expect(parseHerokuApp(bare, own)?.version).toBeNull();
  });

  test('an archived one is protected', () => {
    expect(parse({ archived_at: '2026-01-03T00:00:00Z' })?.isProtected).toBe(true);
  });

  test.each<[string, Record<string, unknown>, HerokuScope, boolean]>([
    ['mine', {}, own, true],
    ['mine, before the account is known', {}, { kind: 'own', accountId: null }, false],
    ['somebody else’s', { owner: { id: 'other' } }, own, false],
    ['without an owner', { owner: null }, own, false],
    ['a team’s, though I own it', { team: { id: 't', name: 'core' } }, own, false],
    ['the team’s, by name', { team: { name: 'core' } }, { kind: 'team', team: 'core' }, true],
    ['the team’s, by id', { team: { id: 't1', name: 'core' } }, { kind: 'team', team: 't1' }, true],
    [
      'the team’s, asked for by id, listed by name',
      { team: { name: 'core' } },
      { kind: 'team', team: ID },
      true,
    ],
    ['another team’s', { team: { name: 'other' } }, { kind: 'team', team: 'core' }, false],
    ['mine, when a team is asked for', {}, { kind: 'team', team: 'core' }, false],
  ])('in scope: %s', (_what, fields, scope, isInScope) => {
    expect(parse(fields, scope)?.inScope).toBe(isInScope);
  });

  test.each([
    [null],
    [7],
    ['app'],
    [[]],
    [{ name: 'x' }],
    [{ id: ID }],
    [{ id: '', name: 'x' }],
    [{ id: 7, name: 'x' }],
  ])('%p is none', (value) => {
    expect(parseHerokuApp(value, own)).toBeNull();
  });
});

describe('a refused creation', () => {
  const error = (message: string, id = 'invalid_params') => JSON.stringify({ id, message });

  test.each([
    ["You've reached your app limit of 100 apps. Delete some.", 100],
    ['Your account has reached its limit of 5 apps for unverified accounts', 5],
    ['You have reached your app limit', null],
  ])('%s: the account is full', (message, limit) => {
    expect(parseAppLimit(422, error(message))).toEqual({ limit });
  });

  test.each([
    ['a name that is taken', 422, error('Name app-limit-less is already taken')],
    ['another id', 422, error('app limit of 100 apps', 'forbidden')],
    ['another status', 403, error('app limit of 100 apps')],
    ['HTML', 422, HTML],
    ['no message', 422, '{"id":"invalid_params"}'],
  ])('%s is another refusal', (_what, status, body) => {
    expect(parseAppLimit(status, body)).toBeNull();
  });
});
