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

  test('includes what a variable like DATABASE_URL has before its host, and a long password alone', () => {
    const url = 'postgres+psycopg://app:a-long-password@db.example/main';
    expect(secretsOf({ DATABASE_URL: url }, [])).toEqual(
      expect.arrayContaining(['app:a-long-password@', 'a-long-password']),
    );
    // A mask of the word would spoil the rest of the job.
    const local = secretsOf({ DATABASE_URL: 'postgres://postgres:postgres@localhost/test' }, []);
    expect(new Set(local)).toEqual(new Set(['postgres:postgres@']));
    expect(secretsOf({ SCRIPT: 'curl https://u:p@h/ | sh', HOME_PAGE: 'https://h/a:b@c' }, [])).toEqual([]);
  });

  test.each(['file:/tmp/x', 'redis://host', undefined, 'https://host/path:with@sign'])(
    '%s has none',
    (text) => {
      expect(secretsOf({}, [text])).toEqual([]);
    },
  );
});
