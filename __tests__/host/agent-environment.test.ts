import { expect, test } from '@jest/globals';
import { agentEnvironment } from '../../src/host/agent-parent.ts';

test('a lease agent has no mark by which the runner ends the processes of a job, no inputs, no state and no debugger', () => {
  const given = {
    PATH: '/bin',
    GITHUB_TOKEN: 'ghs_token',
    RUNNER_TRACKING_ID: 'github_1',
    RUNNER_TEMP: '/tmp',
    INPUT_TOKEN: 'ghs_token',
    STATE_held: '{}',
    NODE_OPTIONS: '--inspect=9229 --max-old-space-size=64 --inspect-brk',
  };
  const env = agentEnvironment(given);
  expect(env).toEqual({
    PATH: '/bin',
    GITHUB_TOKEN: 'ghs_token',
    RUNNER_TEMP: '/tmp',
    NODE_OPTIONS: expect.stringMatching(/^\s*--max-old-space-size=64\s*$/),
  });
});
