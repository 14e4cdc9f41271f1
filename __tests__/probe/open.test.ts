import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { ConfigError } from '../../src/base/errors.ts';
import { createProbeOpener, findTargetProblem, type ProbeWorld } from '../../src/probe/open.ts';
import { parseTarget } from '../../src/probe/target.ts';
import { createMemoryStore } from '../../src/store/drivers/memory.ts';

const targetOf = (written: string) => {
  const target = parseTarget(written);
  if (!target.ok) throw new Error(target.problem);
  return target.value;
};

describe('opening probes', () => {
  const world: ProbeWorld = {
    clock: systemClock,
    store: createMemoryStore({ clock: systemClock }),
    namespace: 'n',
    cwd: '.',
    env: {},
    redact: (line) => line,
    heroku: { apiUrl: 'http://127.0.0.1:1', apiKey: 'k' },
    github: { reader: { get: () => Promise.reject(new Error('unused')) }, repository: 'o/r' },
  };
  const all = [
    'https://h.example/',
    'command:true',
    'check:db',
    'github-check:a@b',
    'github-deployment:prod',
    'heroku-release:my-app',
  ];

  test('each kind of target has its probe; only checks tell of changes', async () => {
    const opener = createProbeOpener(world);
    const probes = await opener.open(all.map(targetOf));
    expect(probes.map(({ id }) => id)).toEqual(all);
    expect(probes.filter(({ watch }) => watch !== null).map(({ id }) => id)).toEqual(['check:db']);
    await opener.close();
  });

  test('what is missing is told for all targets at once, before any request', async () => {
    const poor = { ...world, heroku: null, github: null };
    expect(findTargetProblem(targetOf('check:db'), poor)).toBeNull();
    const opener = createProbeOpener(poor);
    const opening = opener.open(all.map(targetOf));
    await expect(opening).rejects.toBeInstanceOf(ConfigError);
    await expect(opening).rejects.toMatchObject({ problems: { length: 3 } });
    await opener.close();
  });
});
