import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkLinearizable, type RegisterCall } from '../support/store-linearizability.ts';

/** `cas a>b ok 1-5`: expects a (`-` for absent), writes b, from 1 to 5; `get a 2-3`. */
function history(...lines: string[]): RegisterCall[] {
  return lines.map((line, index) => {
    const [kind, what = '', ...rest] = line.split(' ');
    const [startNs, endNs] = (rest.at(-1) ?? '').split('-').map((text) => BigInt(text || '0')) as [
      bigint,
      bigint,
    ];
    const nameOf = (text: string) => (text === '-' ? null : text);
    const times = { process: `p${index}`, startNs, endNs };
    if (kind === 'get') return { ...times, kind, found: nameOf(what), outcome: 'ok' };
    const [expectValue = '-', value = ''] = what.split('>');
    return {
      ...times,
      kind: 'cas',
      expect: nameOf(expectValue),
      value,
      outcome: rest[0] as RegisterCall['outcome'],
    };
  });
}

describe('the linearizability checker', () => {
  test.each([
    ['nothing', []],
    ['one after the other', ['cas ->a ok 1-2', 'cas a>b ok 3-4', 'get b 5-6']],
    ['a read beside a write sees the old value', ['cas ->a ok 1-2', 'cas a>b ok 3-9', 'get a 4-5']],
    [
      'a read beside a write sees the new value',
      ['cas ->a ok 1-2', 'cas a>b ok 3-9', 'get b 4-5', 'get b 6-7'],
    ],
    ['of two beside each other one loses', ['cas ->a ok 1-5', 'cas ->b lost 1-5', 'get a 6-7']],
    ['lost before the winner returned', ['cas ->b lost 1-5', 'cas ->a ok 4-9']],
    ['unknown and applied', ['cas ->a unknown 1-', 'get a 2-3']],
    ['unknown and never applied', ['cas ->a unknown 1-', 'get - 2-3', 'cas ->b ok 4-5', 'get b 6-7']],
    ['unknown and applied late', ['cas ->a unknown 1-', 'get - 2-3', 'get a 4-5']],
    ['touching instants overlap', ['cas ->a ok 1-2', 'get - 2-3']],
  ])('accepts: %s', (_, lines) => {
    expect(checkLinearizable(history(...lines)).isLinearizable).toBe(true);
  });

  test.each([
    ['two creations', ['cas ->a ok 1-5', 'cas ->b ok 2-6']],
    ['two winners on one value', ['cas ->a ok 1-2', 'cas a>b ok 3-6', 'cas a>c ok 4-7']],
    ['a stale read', ['cas ->a ok 1-2', 'get - 3-4']],
    ['reads that go back', ['cas ->a ok 1-9', 'get a 2-3', 'get - 4-5']],
    ['a value that nobody wrote', ['cas ->a ok 1-2', 'get x 3-4']],
    ['a lost write that is there', ['cas ->a lost 1-2', 'get a 3-4']],
    ['lost, though nothing stood in its way', ['cas ->a lost 1-2']],
    ['unknown, read and gone again', ['cas ->a unknown 1-', 'get a 2-3', 'get - 4-5']],
    [
      'unknown, applied twice',
      ['cas ->a unknown 1-', 'get a 2-3', 'cas a>b ok 4-5', 'get b 6-7', 'get a 8-9'],
    ],
  ])('rejects: %s', (_, lines) => {
    expect(checkLinearizable(history(...lines)).isLinearizable).toBe(false);
  });

  // A register that applies each call at a drawn instant makes linearizable histories by construction.
  const calls = fc.array(
    fc.record({
      process: fc.nat(3),
      isGet: fc.boolean(),
      fresh: fc.boolean(),
      isLostToUs: fc.boolean(),
      before: fc.nat(5),
      after: fc.nat(5),
    }),
    { maxLength: 60 },
  );

  function simulate(script: readonly (typeof calls extends fc.Arbitrary<infer T> ? T : never)[number][]) {
    let state: string | null = null;
    let stale: string | null = null;
    return script.map((each, index): RegisterCall => {
      const atNs = BigInt(index * 2 + 10);
      const times = {
        process: `p${each.process}`,
        startNs: atNs - BigInt(each.before),
        endNs: atNs + BigInt(each.after),
      };
      if (each.isGet) return { ...times, kind: 'get', found: state, outcome: 'ok' };
      const wanted = each.fresh ? state : stale;
      const isOk = wanted === state;
      const value = `v${index}`;
      if (isOk) {
        stale = state;
        state = value;
      }
      const outcome = each.isLostToUs ? 'unknown' : isOk ? 'ok' : 'lost';
      return { ...times, kind: 'cas', expect: wanted, value, outcome };
    });
  }

  test('accepts whatever a register did at one instant per call', () => {
    fc.assert(
      fc.property(calls, (script) => {
        expect(checkLinearizable(simulate(script)).isLinearizable).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('rejects it once a single answer is changed to a value that never was', () => {
    fc.assert(
      fc.property(calls, fc.nat(), (script, chosen) => {
        const recorded = simulate(script);
        const gets = recorded.filter((call) => call.kind === 'get');
        fc.pre(gets.length > 0);
        const changed = gets[chosen % gets.length] as RegisterCall;
        changed.found = 'never written';
        expect(checkLinearizable(recorded).isLinearizable).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
