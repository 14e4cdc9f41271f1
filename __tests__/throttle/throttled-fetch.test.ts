import { describe, expect, test } from '@jest/globals';
import type { RateSignal, Throttle } from '../../src/throttle/contract.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { readRateSignal, throttledFetch } from '../../src/throttle/throttled-fetch.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { drive } from '../support/reaper-harness.ts';

const answer = (status: number, headers: Record<string, string> = {}, body = '') =>
  new Response(body, { status, headers });

function setUp(answers: (Response | Error)[]) {
  const clock = createManualClock();
  const throttle = createThrottle({ settings: { emissionIntervalMs: 100, burst: 10, reserve: 0 }, clock });
  const sent: { url: string; body: string }[] = [];
  const fetch = async (input: Parameters<typeof globalThis.fetch>[0], init?: RequestInit) => {
    const request = new Request(input as string, init);
    sent.push({ url: request.url, body: await request.text() });
    const next = answers.shift() ?? answer(200);
    if (next instanceof Error) throw next;
    return next;
  };
  return { clock, throttle, sent, paced: throttledFetch(throttle, { fetch, clock }) };
}

describe('a throttled fetch', () => {
  test('waits for a slot, tells the throttle, and hands the answer over whole', async () => {
    const { clock, throttle, sent, paced } = setUp([answer(200, { 'ratelimit-remaining': '0' }, 'hello')]);
    const response = await drive(clock, paced('http://x.test/apps'));
    expect(await response.text()).toBe('hello');
    expect(sent).toHaveLength(1);
    expect(throttle.delayMs()).toBe(100);
  });

  test('sends again what was refused for the rate, after the wait it was asked for', async () => {
    const { clock, sent, paced } = setUp([answer(429, { 'retry-after': '7' }), answer(201)]);
    const init = { method: 'POST', body: '{"name":"a"}' };
    const response = await drive(clock, paced('http://x.test/apps', init));
    expect(response.status).toBe(201);
    expect(sent.map((each) => each.body)).toEqual([init.body, init.body]);
    expect(clock.monotonicMs()).toBe(7000);
  });

  test('sends a Request object again, body and all', async () => {
    const { clock, sent, paced } = setUp([answer(429, { 'retry-after': '0' }), answer(200)]);
    await drive(clock, paced(new Request('http://x.test/', { method: 'POST', body: 'b' })));
    expect(sent.map((each) => each.body)).toEqual(['b', 'b']);
  });

  test('hands the last refusal over, and never repeats a stream', async () => {
    const { clock, sent, paced } = setUp(
      Array.from({ length: 9 }, () => answer(429, { 'retry-after': '1' })),
    );
    expect((await drive(clock, paced('http://x.test/'))).status).toBe(429);
    expect(sent).toHaveLength(6);
    const body = new Response('stream').body as ReadableStream;
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    expect((await drive(clock, paced('http://x.test/', init))).status).toBe(429);
    expect(sent).toHaveLength(7);
  });

  test('passes a failed request on at once, and other refusals as they are', async () => {
    const { clock, sent, paced } = setUp([new TypeError('fetch failed'), answer(403, {}, 'no'), answer(500)]);
    await expect(drive(clock, paced('http://x.test/'))).rejects.toThrow('fetch failed');
    expect((await drive(clock, paced('http://x.test/'))).status).toBe(403);
    expect((await drive(clock, paced('http://x.test/'))).status).toBe(500);
    expect(sent).toHaveLength(3);
  });

  test('ends with the reason of the signal while it waits', async () => {
    const seen: RateSignal[] = [];
    const stuck: Throttle = {
      take: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
      observe: (signal) => void seen.push(signal),
      delayMs: () => 0,
      throttledCount: 0,
    };
    const controller = new AbortController();
    const work = throttledFetch(stuck)('http://x.test/', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
    expect(seen).toEqual([]);
  });
});

describe('what an answer tells', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const date = (ms: number) => new Date(nowMs + ms).toUTCString();

  test.each<[string, number, Record<string, string>, RateSignal]>([
    ['nothing', 200, {}, { throttled: false }],
    ['seconds to wait', 429, { 'retry-after': '90' }, { throttled: true, retryAfterMs: 90_000 }],
    [
      'a date to wait for, by the server clock',
      429,
      { 'retry-after': date(65_000), date: date(5000) },
      { throttled: true, retryAfterMs: 60_000 },
    ],
    [
      'a date without a server clock',
      429,
      { 'retry-after': date(3000) },
      { throttled: true, retryAfterMs: 3000 },
    ],
    ['nonsense to wait for', 429, { 'retry-after': 'soon' }, { throttled: true }],
    [
      'the draft headers',
      200,
      { 'ratelimit-limit': '60', 'ratelimit-remaining': '3', 'ratelimit-reset': '12' },
      { throttled: false, limit: 60, remaining: 3, resetMs: 12_000 },
    ],
    [
      'the older ones, with a reset since 1970',
      200,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(nowMs / 1000 + 30) },
      { throttled: false, remaining: 0, resetMs: 30_000 },
    ],
    ['a 403 that asks to wait', 403, { 'retry-after': '1' }, { throttled: true, retryAfterMs: 1000 }],
    ['a 403 with nothing left', 403, { 'x-ratelimit-remaining': '0' }, { throttled: true, remaining: 0 }],
    ['a 403 that means no', 403, { 'x-ratelimit-remaining': '7' }, { throttled: false, remaining: 7 }],
  ])('%s', (_, status, headers, signal) => {
    expect(readRateSignal(answer(status, headers), nowMs)).toEqual(signal);
  });
});
