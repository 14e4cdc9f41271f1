import { describe, expect, test } from '@jest/globals';
import { displayTarget, displayTargets, parseTarget, type Target } from '../../src/probe/target.ts';

const parsed = (text: string): Target => {
  const result = parseTarget(text);
  if (!result.ok) throw new Error(result.problem);
  return result.value;
};

describe('targets', () => {
  test.each<[string, Target]>([
    ['https://h.example/ready?x=1', { kind: 'http', url: 'https://h.example/ready?x=1', credentials: null }],
    [
      'http://bob:s%40crt@h.example/#frag',
      { kind: 'http', url: 'http://h.example/', credentials: { user: 'bob', password: 's@crt' } },
    ],
    ['HTTPS://h.example', { kind: 'http', url: 'https://h.example/', credentials: null }],
    ['check:db', { kind: 'check', name: 'db' }],
    ['check:eu/west db', { kind: 'check', name: 'eu/west db' }],
    ['github-check:build (20)@main', { kind: 'github-check', name: 'build (20)', ref: 'main' }],
    ['github-check:a@b@refs/heads/x', { kind: 'github-check', name: 'a@b', ref: 'refs/heads/x' }],
    ['github-deployment:production', { kind: 'github-deployment', environment: 'production' }],
    ['heroku-release:my-app', { kind: 'heroku-release', app: 'my-app' }],
    ['command:psql -c "select 1"', { kind: 'command', file: 'psql', args: ['-c', 'select 1'] }],
    ['command:["sh","-c","exit 75"]', { kind: 'command', file: 'sh', args: ['-c', 'exit 75'] }],
  ])('%s is understood', (text, target) => {
    expect(parsed(text)).toEqual(target);
  });

  test.each([
    '',
    'db',
    'ftp://h.example',
    'check:',
    'http://',
    'https://bob:%zz@h.example/',
    'https://a%3Ab:pw@h.example/',
    'github-check:build',
    'github-check:@main',
    'github-check:build@',
    'github-deployment:',
    'heroku-release:',
    'heroku-release:../account',
    'command:',
    'command:"unclosed',
    'command:[1]',
    'command:[]',
    'command:["a"',
    'check:a\u0000b',
    'https://h.example/\r\nx: y',
  ])('%j is refused with a reason', (text) => {
    const result = parseTarget(text);
    expect(result).toEqual({ ok: false, problem: expect.stringMatching(/\S/) });
  });

  test('neither a problem nor a display repeats a password, a query value or an argument', () => {
    const secret = 'hunter2-secret';
    for (const text of [
      `https://bob:${secret}@h.example/ready?token=${secret}`,
      `command:curl -H "Authorization: ${secret}"`,
    ])
      expect(displayTarget(parsed(text))).not.toContain(secret);
    for (const text of [`https://bob:${secret}@`, `https://bob:${secret}%zz@h/`, `command:"${secret}`]) {
      const result = parseTarget(text);
      expect(result.ok ? '' : result.problem).not.toContain(secret);
      expect(result.ok).toBe(false);
    }
  });

  test('a display says what is asked', () => {
    expect(displayTarget(parsed('https://bob:pw@h.example:8443/ready?a=1&b=2'))).toBe(
      'https://h.example:8443/ready?a=***&b=***',
    );
    expect(displayTarget(parsed('command:./ready.sh now'))).toBe('command:./ready.sh …');
    expect(displayTarget(parsed('github-check:a@b'))).toBe('github-check:a@b');
  });

  test('targets that look alike without their secrets are told apart', () => {
    const list = ['command:sh a', 'command:sh b', 'check:db'].map(parsed);
    expect(displayTargets(list)).toEqual(['command:sh …', 'command:sh …#2', 'check:db']);
  });
});
