// One racer over a real engine: reads and writes one key with unique values until its standard input ends, and logs each call
// before and after it, synchronously, so that a SIGKILL loses nothing but the answer. A call that failed is logged by what
// the store claims: `none` where it was certainly not applied, `unknown` where that is open.
// Arguments: store URL, log file, racer's name.
import { appendFileSync } from 'node:fs';
import { hasCode } from '../../src/base/errors.ts';
import type { Entry } from '../../src/store/contract.ts';
import { openEngine } from './engine-worlds.ts';

const [url = '', log = '', name = ''] = process.argv.slice(2);
const key = 'race/on/one';

const write = (line: object) => appendFileSync(log, `${JSON.stringify(line)}\n`);
const nowNs = () => String(process.hrtime.bigint());
const store = await openEngine(url);

let isOver = false;
process.stdin.on('end', () => {
  isOver = true;
});
process.stdin.resume();

process.stdout.write('ready\n');
for (let n = 0; !isOver; n += 1) {
  write({ call: n, process: name, kind: 'get', startNs: nowNs() });
  let entry: Entry | null;
  try {
    entry = await store.get(key);
  } catch {
    // Logged as begun: a read without an answer says nothing.
    continue;
  }
  write({ call: n, process: name, endNs: nowNs(), outcome: 'ok', found: entry?.value ?? null });

  const value = `${name}.${n}`;
  const id = `${n}w`;
  write({ call: id, process: name, kind: 'cas', expect: entry?.value ?? null, value, startNs: nowNs() });
  try {
    const result = await store.compareAndSet(key, entry?.revision ?? null, value);
    write({ call: id, process: name, endNs: nowNs(), outcome: result.ok ? 'ok' : 'lost' });
  } catch (error) {
    const isOpen = hasCode(error, 'indeterminate');
    write({ call: id, process: name, endNs: nowNs(), outcome: isOpen ? 'unknown' : 'none' });
  }
  await new Promise((resolve) => setImmediate(resolve));
}
// Nothing is left that could keep the process alive: it ends by itself, or the test times out.
await store.close();
