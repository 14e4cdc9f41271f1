// The three ways to refuse an old token, each with a resource that compares as part of the write; the SQL one in postgres, where
// it is installed.
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { admitToken, FENCING_HEADER, guard, newestFile } from '../../src/lease/guard.ts';
import { MAX_TOKEN } from '../../src/lease/record.ts';

const fenced = expect.objectContaining({ code: 'fenced' });

describe('a token', () => {
  test.each([undefined, '', '0', 0, '-1', '1.5', '01', 'seven', '7; DROP', Number.NaN, MAX_TOKEN * 2])(
    '%p is none, and nothing is written under it',
    (token) => {
      expect(() => guard(token)).toThrow(fenced);
      expect(() => admitToken(token, null)).toThrow(fenced);
    },
  );

  test('is admitted if it is the newest or as new, and remembered', () => {
    expect(admitToken(3, null)).toBe(3);
    expect(admitToken('3', 3)).toBe(3);
    expect(admitToken(4, 3)).toBe(4);
    expect(() => admitToken(2, 3)).toThrow(/token 2 was refused.*3/);
  });

  test('is refused where no row was written, however a client counts none', () => {
    for (const none of [0, null, undefined, Number.NaN]) {
      expect(() => guard(7).assertWritten(none)).toThrow(fenced);
    }
    expect(() => guard(7).assertWritten(1)).not.toThrow();
  });

  test('whatever comes in whatever order, what a resource remembers never falls', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: MAX_TOKEN })), (tokens) => {
        let newest: number | null = null;
        for (const token of tokens) {
          const before: number | null = newest;
          try {
            newest = admitToken(token, newest);
          } catch (error) {
            expect(error).toEqual(fenced);
          }
          expect(newest ?? 0).toBeGreaterThanOrEqual(before ?? 0);
          expect(newest).toBeGreaterThanOrEqual(token);
        }
      }),
    );
  });
});

test('over HTTP the server answers 409 to a holder that was replaced', async () => {
  let newest: number | null = null;
  const written: string[] = [];
  const server = createServer((request, response) => {
    try {
      // Comparing, remembering and the effect in one turn: no request comes in between.
      newest = admitToken(request.headers[FENCING_HEADER] as string | undefined, newest);
      written.push(request.url ?? '');
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(409).end((error as Error).message);
    }
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  try {
    const { port } = server.address() as AddressInfo;
    const put = async (path: string, headers: Readonly<Record<string, string>> = {}) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'PUT', headers })).status;
    const [old, next] = [guard(7), guard(8)];
    expect(await put('/old', old.headers)).toBe(204);
    expect(await put('/next', next.headers)).toBe(204);
    expect(await put('/late', old.headers)).toBe(409);
    expect(await put('/none')).toBe(409);
    expect(written).toEqual(['/old', '/next']);
  } finally {
    server.close();
  }
});

test('in a folder what a holder writes that was replaced is never read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-guard-'));
  try {
    const write = async (token: number, text: string) => {
      const name = guard(token).fileName('state.json');
      await writeFile(join(folder, `${name}.tmp`), text);
      await rename(join(folder, `${name}.tmp`), join(folder, name));
    };
    const read = async () => {
      const name = newestFile(await readdir(folder), 'state.json');
      return name && readFile(join(folder, name), 'utf8');
    };
    expect(await read()).toBeNull();
    await write(9, 'of nine');
    await write(10, 'of ten');
    await write(9, 'of nine, late');
    expect(await read()).toBe('of ten');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('names of files sort like their tokens', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: MAX_TOKEN }), { minLength: 1 }), (tokens) => {
      const names = tokens.map((token) => guard(token).fileName('a'));
      expect(newestFile([...names, 'a.tmp', 'b.9999999999999999'], 'a')).toBe(
        guard(Math.max(...tokens)).fileName('a'),
      );
    }),
  );
});
