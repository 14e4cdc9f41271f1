// Who ends the process on a signal: the host by itself, or whoever took the signals over.
import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { listenForInterruption } from '../../src/host/signals.ts';
import { createManualClock } from '../support/manual-clock.ts';

function start() {
  const clock = createManualClock();
  const process = new EventEmitter();
  const expired: string[] = [];
  const interruption = listenForInterruption({
    clock,
    process: process as unknown as Pick<NodeJS.Process, 'on' | 'off'>,
    onExpired: (signalName) => void expired.push(signalName),
  });
  return { clock, process, expired, interruption };
}

test('winding down may take 7 s; a second signal ends it at once', async () => {
  const { clock, process, expired, interruption } = start();
  process.emit('SIGINT');
  expect(interruption.signal.reason).toMatchObject({ code: 'cancelled', signalName: 'SIGINT' });
  await clock.advance(6999);
  expect(expired).toEqual([]);
  await clock.advance(1);
  expect(expired).toEqual(['SIGINT']);
  process.emit('SIGTERM');
  expect(expired).toEqual(['SIGINT', 'SIGINT']);
});

test('taken over, every signal goes to the listener and nothing ends by itself; handed back, the 7 s begin', async () => {
  const { clock, process, expired, interruption } = start();
  const heard: string[] = [];
  const handBack = interruption.takeOver((signalName) => void heard.push(signalName));
  process.emit('SIGTERM');
  process.emit('SIGINT');
  await clock.advance(60_000);
  expect(heard).toEqual(['SIGTERM', 'SIGINT']);
  expect(interruption.received()).toBe('SIGTERM');
  expect(interruption.signal.aborted).toBe(true);
  expect(expired).toEqual([]);
  handBack();
  await clock.advance(7000);
  expect(expired).toEqual(['SIGTERM']);
});

test('handed back without a signal, all is as before', async () => {
  const { clock, expired, interruption } = start();
  interruption.takeOver(() => undefined)();
  await clock.advance(60_000);
  expect(expired).toEqual([]);
  interruption.dispose();
  expect(clock.pendingTimers).toBe(0);
});
