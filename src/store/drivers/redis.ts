/**
 * The Redis driver: compare-and-set by one script (redis-script.ts), watches by one channel per key. Linearizable on one
 * primary. NOT guaranteed: that a failover keeps what was acknowledged. Replication is asynchronous, so a promoted replica may
 * lack the last writes: a lease may then have two holders for a while and a fencing token may be given twice; WAIT and
 * min-replicas-to-write make that rarer, not impossible.
 */
import { invariant } from '../../base/errors.ts';
import { createNonce } from '../../base/identity.ts';
import { createRedactor, plain } from '../../base/text.ts';
import { isUnderPrefix } from '../admission.ts';
import type { Entry, Store, WriteResult } from '../contract.ts';
import { createEngineStore, ENGINE_TIMEOUT_MS, type Engine, type EngineStoreSettings } from '../engine.ts';
import { parseServerUrl } from '../server-address.ts';
import { isScriptMissing, translateReply } from './redis-errors.ts';
import { createRedisNodes, type RedisClient } from './redis-nodes.ts';
import { keyOfName, nameOf, SCRIPT, SCRIPT_SHA1 } from './redis-script.ts';

export interface RedisStoreOptions extends EngineStoreSettings {
  /** `redis[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…][/DB][?sentinel=NAME]`, as `parseServerUrl` accepts it. */
  url: string;
}

const NONCE = /^[0-9a-f-]{36}$/;
const SCAN_COUNT = '1000';

/** Opens the store without connecting. The caller closes it. */
export function openRedisStore({ url, ...settings }: RedisStoreOptions): Store {
  const parsed = parseServerUrl(url);
  invariant(parsed.ok, 'a Redis store is opened by a parsed address');
  const address = parsed.value;
  const nodes = createRedisNodes(address, { connectTimeoutMs: settings.timeoutMs ?? ENGINE_TIMEOUT_MS });
  const hide = createRedactor(address.password === null ? [] : [address.password]);
  const redact = (text: string) => plain(hide(text));

  const engine: Engine = {
    url: address.shown,
    redact,
    translate: (thrown, what) => translateReply(thrown, { what, redact }),
    async read(key, { signal }) {
      const name = nameOf(key);
      const found = await nodes.run(name, signal, (client) => client.sendCommand(['HMGET', name, 'r', 'v']));
      const [revision, value] = found as [string | null, string | null];
      return revision === null ? null : entryOf(revision, value);
    },
    async write({ key, expect, value }, call): Promise<WriteResult> {
      // What no writer ever chose is nobody's revision.
      if (expect !== null && !NONCE.test(expect)) return { ok: false };
      const name = nameOf(key);
      const revision = createNonce();
      const args = ['1', name, expect ?? '', revision, ...(value === null ? [] : [value])];
      const reply = await nodes.run(name, call.signal, async (client, { isAsking }) => {
        call.sending();
        if (isAsking) return client.sendCommand(['EVAL', SCRIPT, ...args]);
        try {
          return await client.sendCommand(['EVALSHA', SCRIPT_SHA1, ...args]);
        } catch (error) {
          if (!isScriptMissing(error)) throw error;
          call.sending();
          return client.sendCommand(['EVAL', SCRIPT, ...args]);
        }
      });
      const [isOk, foundRevision, foundValue] = reply as [number, string?, string?];
      if (isOk === 1) return { ok: true, revision };
      return {
        ok: false,
        current: foundRevision === undefined ? null : entryOf(foundRevision, foundValue ?? ''),
      };
    },
    async list(border, { signal }) {
      const found = await nodes.runOnAll(signal, (client) => scan(client, `${nameOf(border)}*`));
      const keys = found.flat().map(keyOfName);
      return [...new Set(keys.filter((key) => key !== null && isUnderPrefix(key, border)))] as string[];
    },
    async subscribe(key, onChange, signal) {
      const channel = nameOf(key);
      const client = await nodes.listener.use(signal, async (listening) => {
        await listening.subscribe(channel, onChange);
        return listening;
      });
      return {
        lost: client.lost,
        end({ isSuspect }) {
          if (isSuspect) nodes.listener.renew();
          // On a connection that is gone there is nothing left to end.
          else client.unsubscribe(channel, onChange).catch(() => undefined);
        },
      };
    },
    async close() {
      nodes.close();
    },
  };
  return createEngineStore(engine, settings);
}

function entryOf(revision: string, value: string | null): Entry {
  return Object.freeze({ value: value ?? '', revision });
}

/** Every name that was there throughout, perhaps more than once. */
async function scan(client: RedisClient, pattern: string): Promise<string[]> {
  const names: string[] = [];
  let cursor = '0';
  do {
    const reply = await client.sendCommand(['SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT]);
    const [next, found] = reply as [string, string[]];
    names.push(...found);
    cursor = next;
  } while (cursor !== '0');
  return names;
}
