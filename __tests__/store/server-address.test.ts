import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseStoreUrl } from '../../src/store/open.ts';
import { parseServerUrl } from '../../src/store/server-address.ts';

const parse = (text: string) => parseStoreUrl(text, { cwd: '/', env: {} });
const defaults = { pollMs: 5000, leaseMs: 60_000 };

describe('addresses of engines', () => {
  test.each([
    ['redis://host', 'redis', 'redis://host:6379'],
    ['redis://host:7000/3', 'redis', 'redis://host:7000/3'],
    ['REDIS://host', 'redis', 'redis://host:6379'],
    ['rediss://user:secret@host?ca=/etc/ca.pem', 'rediss', 'rediss://host:6379'],
    ['redis://:se%2Fcret@[::1]:7000', 'redis', 'redis://[::1]:7000'],
    ['redis://a:1,b:2/0?sentinel=main', 'redis', 'redis://a:1,b:2/0'],
    ['etcd://host', 'etcd', 'etcd://host:2379'],
    ['etcd://a,b:2380,c', 'etcd', 'etcd://a:2379,b:2380,c:2379'],
    ['etcds://root:secret@host:1?cert=c&key=k', 'etcds', 'etcds://host:1'],
    ['postgres://host/db', 'postgres', 'postgres://host/db'],
    ['postgresql://u:se%40cret@host:1/db?sslmode=verify-full', 'postgresql', 'postgres://host:1/db'],
    ['postgres://u@/db?host=/run/postgresql', 'postgres', 'postgres:///run/postgresql/db'],
  ])('%s is shown without what is secret', (text, scheme, url) => {
    const parsed = parse(text);
    const location = text.replace(/^[A-Z]+/, (name) => name.toLowerCase());
    expect(parsed).toEqual({ ok: true, value: { scheme, url, location, defaults } });
    expect(url).not.toContain('secret');
  });

  test.each([
    ['redis:', /no address of a server; write redis:\/\/HOST:6379/],
    ['redis:host', /no address of a server/],
    ['redis://', /names no host/],
    ['redis://user:secret@', /names no host/],
    ['redis://:6379', /names no host/],
    ['redis://host:0', /port that is none: 0/],
    ['redis://host:65536', /port that is none: 65536/],
    ['redis://host:http', /port that is none: http/],
    ['redis://host:', /port that is none/],
    ['redis://a,,b', /names no host/],
    ['redis://ho st', /host that is none/],
    ['redis://host/zero', /database that is no number/],
    ['redis://host?tls=true', /unknown parameter: tls; it takes sentinel/],
    ['redis://u:se#secret@host', /in a password written as %2F %3F %23/],
    ['redis://u:%secret@host', /% that is not followed by two hex digits/],
    ['etcd://host/prefix', /has a path/],
    ['etcd://host?ca=x', /unknown parameter: ca; it takes none/],
    ['postgres:host', /no address of a server; write postgres:/],
    ['postgres://', /names no host/],
    ['postgres:///db', /names no host/],
    ['postgres://a,b/db', /several hosts/],
    ['postgres://host:99999/db', /port that is none: 99999/],
    ['postgres://u:se#secret@host/db', /#|port|host/],
    ['postgres://u:%zzsecret@host/db', /%/],
  ])('%s is refused with a reason', (text, problem) => {
    const parsed = parse(text);
    expect(parsed).toEqual({ ok: false, problem: expect.stringMatching(problem) });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });

  test('user, password, hosts and database come out as they were put in', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    const host = fc.record({ host: fc.domain(), port: fc.integer({ min: 1, max: 65_535 }) });
    fc.assert(
      fc.property(text, text, fc.array(host, { minLength: 1, maxLength: 3 }), (user, password, hosts) => {
        const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
        const places = hosts.map(({ host: name, port }) => `${name}:${port}`).join(',');
        expect(parseServerUrl(`redis://${credentials}${places}/7`)).toMatchObject({
          ok: true,
          value: { user: user || null, password: password || null, hosts, path: '7', isTls: false },
        });
      }),
    );
  });

  test('no text whatever makes it throw', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('redis', 'etcds', 'postgres'),
        fc.string({ unit: 'binary' }),
        (scheme, rest) => {
          expect(typeof parse(`${scheme}://${rest}`).ok).toBe('boolean');
          expect(typeof parse(`${scheme}:${rest}`).ok).toBe('boolean');
        },
      ),
    );
  });
});
