import { describe, expect, test } from '@jest/globals';
import { secretsOf } from '../../src/host/secrets.ts';

describe('what a host hides', () => {
  test('is every credential of the environment, and none of its other values', () => {
    expect(secretsOf({ HEROKU_API_KEY: 'k-1', GITHUB_TOKEN: 't-1', HOME: '/root' }, [])).toEqual([
      'k-1',
      't-1',
    ]);
  });

  test.each([
    ['redis://user:s3cret@host:6379/0', 's3cret'],
    ['--store=redis://:s3cret@host', 's3cret'],
    ['postgres://host/db?sslmode=require&password=s3cret', 's3cret'],
    ['postgres://u:p%40ss@host/db', 'p@ss'],
  ])('includes the password of %s', (url, secret) => {
    expect(secretsOf({}, [url])).toContain(secret);
  });

  test.each(['file:/tmp/x', 'redis://host', undefined, 'https://host/path:with@sign'])(
    '%s has none',
    (text) => {
      expect(secretsOf({}, [text])).toEqual([]);
    },
  );
});
