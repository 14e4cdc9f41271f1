// The names of clocks as a table; that the named clock is the machine's own is shown by a second process that reads it.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { parseClockId, readClockId } from '../../src/base/machine-clock.ts';

const BOOT = '04fdd084-3c38-43bb-8ec5-bc14032abe54';

describe('the name of a clock', () => {
  test.each([
    ['of a boot, seen from a time namespace', `${BOOT}\n`, 'time:[4026531834]', `${BOOT}/4026531834`],
    ['without a boot id', '', 'time:[4026531834]', null],
    ['of a boot id that is none', 'localhost', 'time:[4026531834]', null],
    ['without a namespace', BOOT, '', null],
    ['of a namespace of another kind', BOOT, 'uts:[4026531838]', null],
  ])('%s', (_, bootId, namespace, expected) => {
    expect(parseClockId(bootId, namespace)).toBe(expected);
  });

  test('another namespace is another name', () => {
    expect(parseClockId(BOOT, 'time:[1]')).not.toBe(parseClockId(BOOT, 'time:[2]'));
  });

  test('there is none off Linux', () => {
    if (process.platform === 'linux') expect(readClockId() ?? BOOT).toContain('-');
    else expect(readClockId()).toBeNull();
  });
});

describe('the machine time', () => {
  test('of another process lies between two readings of this one, and ticks like its monotonic clock', () => {
    const before = systemClock.machineTime();
    const monotonicMs = systemClock.monotonicMs();
    const readIt = 'process.stdout.write(String(process.hrtime.bigint()))';
    const between = Number(execFileSync(process.execPath, ['-e', readIt], { encoding: 'utf8' })) / 1e6;
    const elapsedMs = systemClock.monotonicMs() - monotonicMs;
    const after = systemClock.machineTime();
    if (before === null || after === null) {
      expect([before, after]).toEqual([null, null]);
      return;
    }
    expect(after.clockId).toBe(before.clockId);
    expect(between).toBeGreaterThan(before.ms);
    expect(between).toBeLessThan(after.ms);
    expect(after.ms - before.ms).toBeGreaterThan(Math.floor(elapsedMs) - 1);
  });
});
