/**
 * The etcd driver: one key per key over the server's own JSON gateway, compare-and-set by a transaction on `mod_revision`,
 * watches by a stream per key. Linearizable, and what was acknowledged survives the loss of a minority of the members.
 * NOT used: etcd's own leases and locks; one contract for all stores needs one protocol. NOT guaranteed: an edge per change;
 * a stream that was cancelled or compacted is begun anew, with an edge.
 */
import { isJsonObject } from '../../base/codec.ts';
import { invariant, UnavailableError } from '../../base/errors.ts';
import { createRedactor, plain } from '../../base/text.ts';
import type { Store, WriteResult } from '../contract.ts';
import { createEngineStore, type Engine, type EngineStoreSettings } from '../engine.ts';
import type { Subscription } from '../following.ts';
import { parseServerUrl } from '../server-address.ts';
import {
  currentOf,
  entryOf,
  formatTransaction,
  keyOfName,
  listOf,
  nameOf,
  REVISION,
  rangeUnder,
  revisionOf,
  translateRefusal,
} from './etcd-answers.ts';
import { createEtcdGateway, type EtcdGateway } from './etcd-gateway.ts';

export interface EtcdStoreOptions extends EngineStoreSettings {
  /** `etcd[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…]`, as `parseServerUrl` accepts it. */
  url: string;
}

/** Opens the store without connecting. The caller closes it. */
export function openEtcdStore({ url, ...settings }: EtcdStoreOptions): Store {
  const parsed = parseServerUrl(url);
  invariant(parsed.ok, 'an etcd store is opened by a parsed address');
  const address = parsed.value;
  const hide = createRedactor(address.password === null ? [] : [address.password]);
  const redact = (text: string) => plain(hide(text));
  const gateway = createEtcdGateway(address);

  const engine: Engine = {
    url: address.shown,
    redact,
    translate: (thrown, what) => translateRefusal(thrown, { what, redact }),
    async read(key, { signal }) {
      return entryOf(
        await gateway.post('/v3/kv/range', { key: nameOf(key) }, { signal, sending: readsOnly }),
      );
    },
    async write(write, call): Promise<WriteResult> {
      if (write.expect !== null && !REVISION.test(write.expect)) return { ok: false };
      const answer = await gateway.post('/v3/kv/txn', formatTransaction(write), call);
      if (answer['succeeded'] === true) return { ok: true, revision: revisionOf(answer) };
      const current = currentOf(answer);
      return current === undefined ? { ok: false } : { ok: false, current };
    },
    async list(border, { signal }) {
      const ranges = [rangeUnder(border), ...(border === '' ? [] : [{ key: nameOf(border) }])];
      const answers = await Promise.all(
        ranges.map((range) =>
          gateway.post('/v3/kv/range', { ...range, keys_only: true }, { signal, sending: readsOnly }),
        ),
      );
      return answers
        .flatMap((answer) => listOf(answer, 'kvs'))
        .map((found) => keyOfName(isJsonObject(found) ? found['key'] : undefined));
    },
    subscribe: (key, onChange, signal) => subscribe(gateway, { key, onChange, signal }),
    async close() {
      gateway.close();
    },
  };
  return createEngineStore(engine, settings);
}

function readsOnly(): void {
  // A read leaves nothing open.
}

/** Resolves when the server has said that it watches from now on. */
async function subscribe(
  gateway: EtcdGateway,
  about: { key: string; onChange: () => void; signal: AbortSignal },
): Promise<Subscription> {
  const { key, onChange, signal } = about;
  let confirm: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const confirmed = new Promise<void>((resolve, reject) => {
    confirm = resolve;
    fail = reject;
  });
  // Nobody may be waiting any more when it fails.
  confirmed.catch(() => undefined);
  let isCancelled: () => void = () => undefined;
  const cancelled = new Promise<void>((resolve) => {
    isCancelled = resolve;
  });
  const hear = (line: Readonly<Record<string, unknown>>) => {
    const result = line['result'];
    // An error in the stream, or a cancellation (compaction, permissions, a lost leader): begun anew by the follower.
    if (!isJsonObject(result) || result['canceled'] === true) {
      fail(new UnavailableError(`etcd ended the watch of ${key}`));
      return isCancelled();
    }
    if (result['created'] === true) confirm();
    if (listOf(result, 'events').length > 0) onChange();
  };
  const body = { create_request: { key: nameOf(key) } };
  const stream = await gateway.stream('/v3/watch', { body, hear, signal });
  void stream.ended.then(() => fail(new UnavailableError(`etcd closed the watch of ${key}`)));
  const onAbort = () => stream.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await confirmed;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  return { lost: Promise.race([stream.ended, cancelled]), end: () => stream.destroy() };
}
