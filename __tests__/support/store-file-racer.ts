// One racer of the real-process test: reads and writes one key with unique values until its standard input ends, and logs
// each call before and after it, synchronously, so that a SIGKILL loses nothing but the answer.
// Arguments: store path, log file, racer's name, `honest` or `check-then-write`.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import type { Entry, WriteResult } from '../../src/store/contract.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';

const [path = '', log = '', name = '', manner = ''] = process.argv.slice(2);
const key = 'race/on/one';
const padding = '.'.repeat(300);

interface Register {
  get(): Promise<Entry | null>;
  compareAndSet(expect: string | null, value: string): Promise<WriteResult>;
  close(): Promise<void>;
}

/** What a lock file with "check, then write" amounts to. */
function openBroken(): Register {
  mkdirSync(path, { recursive: true });
  const file = join(path, 'broken.json');
  const read = (): Entry | null => {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Entry;
    } catch {
      // Absent, or caught in the middle of being written: the twin does not tell them apart, as such code seldom does.
      return null;
    }
  };
  return {
    get: async () => read(),
    async compareAndSet(expect, value) {
      if ((read()?.revision ?? null) !== expect) return { ok: false };
      await new Promise((resolve) => setImmediate(resolve));
      const revision = String(Number(expect ?? 0) + 1);
      writeFileSync(file, JSON.stringify({ value, revision }));
      return { ok: true, revision };
    },
    close: async () => undefined,
  };
}

async function openHonest(): Promise<Register> {
  const store = await openFileStore({ path, clock: systemClock });
  return {
    get: () => store.get(key),
    compareAndSet: (expect, value) => store.compareAndSet(key, expect, value),
    close: () => store.close(),
  };
}

const write = (line: object) => appendFileSync(log, `${JSON.stringify(line)}\n`);
const nowNs = () => String(process.hrtime.bigint());
const bare = (entry: Entry | null) => entry?.value.slice(0, -padding.length) ?? null;

let isOver = false;
process.stdin.on('end', () => {
  isOver = true;
});
process.stdin.resume();

const register = manner === 'honest' ? await openHonest() : openBroken();
process.stdout.write('ready\n');
for (let n = 0; !isOver; n += 1) {
  write({ call: n, process: name, kind: 'get', startNs: nowNs() });
  const entry = await register.get();
  write({ call: n, process: name, endNs: nowNs(), outcome: 'ok', found: bare(entry) });

  const value = `${name}.${n}`;
  const id = `${n}w`;
  write({ call: id, process: name, kind: 'cas', expect: bare(entry), value, startNs: nowNs() });
  const result = await register.compareAndSet(entry?.revision ?? null, value + padding);
  const outcome = result.ok ? { outcome: 'ok', revision: result.revision } : { outcome: 'lost' };
  write({ call: id, process: name, endNs: nowNs(), ...outcome });
  await new Promise((resolve) => setImmediate(resolve));
}
// Nothing is left that could keep the process alive: it ends by itself, or the test times out.
await register.close();
