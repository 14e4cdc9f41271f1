/**
 * What the drivers of engines (Redis, Postgres, etcd) have in common: admission, the frame around each call, watches, closing.
 * An engine says how a key is read, written and listed, and what its errors mean; whether a write had been sent decides
 * between "not applied" and "open". NOT here: connections, wire formats.
 * Invariant: the store is lazy. Opening sends nothing; a driver connects when it is first asked.
 */
import type { Clock } from '../base/clock.ts';
import { IndeterminateError, LockstepError, UnavailableError, UnsupportedError } from '../base/errors.ts';
import { admitKey, admitValue } from './admission.ts';
import { type Call, runCall } from './call.ts';
import type { Entry, Revision, Store, StoreCallOptions, StoreCapabilities, WriteResult } from './contract.ts';
import { createFollowing, type Subscription } from './following.ts';

/** The deadline of one call unless an option says otherwise. */
export const ENGINE_TIMEOUT_MS = 10_000;
/** The reconcile interval unless an option says otherwise. */
export const ENGINE_POLL_MS = 5000;

/** What all of them can do, each as one server or one cluster that agrees. */
const CAPABILITIES: StoreCapabilities = Object.freeze({
  linearizableReads: true,
  conditionalDelete: true,
  nativeWatch: true,
  multiKeyTxn: false,
  durable: 'remote',
  minPollMs: 100,
});

/** A conditional write; `value: null` deletes. */
export interface EngineWrite {
  readonly key: string;
  /** Null: must not exist. A revision that the engine never gives is simply not the current one. */
  readonly expect: Revision | null;
  readonly value: string | null;
}

export interface Engine {
  /** For people; never with credentials. */
  readonly url: string;
  read(key: string, call: Call): Promise<Entry | null>;
  /** Calls `sending` right before the write leaves. */
  write(write: EngineWrite, call: Call): Promise<WriteResult>;
  /** `border` is a key without a final slash, or empty for everything. */
  list(border: string, call: Call): Promise<string[]>;
  subscribe(key: string, onChange: () => void, signal: AbortSignal): Promise<Subscription>;
  /** What an engine's answer means; null for what is no answer (a broken connection): the frame judges that. */
  translate(thrown: unknown, what: string): LockstepError | null;
  /** A text without what must not be shown. */
  redact(text: string): string;
  close(): Promise<void>;
}

export interface EngineStoreSettings {
  clock: Clock;
  pollMs?: number | undefined;
  timeoutMs?: number | undefined;
}

/** The store over an engine. Whoever creates it closes it. */
export function createEngineStore(engine: Engine, settings: EngineStoreSettings): Store {
  const { clock, timeoutMs = ENGINE_TIMEOUT_MS } = settings;
  const pollMs = Math.max(CAPABILITIES.minPollMs, settings.pollMs ?? ENGINE_POLL_MS);
  let isClosed = false;

  const run = <T>(
    about: { name: string; key: string; signal: AbortSignal | undefined },
    operation: (call: Call) => Promise<T>,
  ): Promise<T> => {
    if (isClosed) return Promise.reject(new UnavailableError(`${engine.url} was closed`));
    const what = `${about.name} ${about.key} in ${engine.url}`;
    return runCall({ clock, timeoutMs, signal: about.signal, what }, async (call) => {
      let isSent = false;
      const sending = () => {
        call.sending();
        isSent = true;
      };
      try {
        return await operation({ signal: call.signal, sending });
      } catch (thrown) {
        throw judge(engine, { thrown, what, isSent });
      }
    });
  };

  const read = (key: string, signal: AbortSignal | undefined) =>
    run({ name: 'get', key, signal }, (call) => engine.read(key, call));
  const following = createFollowing({
    clock,
    pollMs,
    timeoutMs,
    subscribe: (key, onChange, signal) => engine.subscribe(key, onChange, signal),
    look: async (key, signal) => (await read(key, signal))?.revision ?? null,
  });

  return {
    url: engine.url,
    capabilities: CAPABILITIES,
    async get(key, { signal }: StoreCallOptions = {}) {
      return read(admitKey(key), signal);
    },
    async compareAndSet(key, expect, value, { signal }: StoreCallOptions = {}) {
      admitKey(key);
      admitValue(key, value);
      const write: EngineWrite = { key, expect, value };
      return run({ name: 'compareAndSet', key, signal }, (call) => engine.write(write, call));
    },
    async delete(key, expect, { signal }: StoreCallOptions = {}) {
      const write: EngineWrite = { key: admitKey(key), expect, value: null };
      return run({ name: 'delete', key, signal }, (call) => engine.write(write, call));
    },
    async list(prefix, { signal }: StoreCallOptions = {}) {
      const border = prefix.replace(/\/+$/, '');
      if (border !== '') admitKey(border);
      return run({ name: 'list', key: prefix, signal }, (call) => engine.list(border, call));
    },
    watch: (key, options) => following.watch(admitKey(key), options),
    async close() {
      if (isClosed) return;
      isClosed = true;
      following.close();
      await engine.close();
    },
  };
}

/** An error at the edge, in lockstep's words. */
function judge(engine: Engine, about: { thrown: unknown; what: string; isSent: boolean }): LockstepError {
  const { thrown, what, isSent } = about;
  if (thrown instanceof LockstepError) return thrown;
  const known = engine.translate(thrown, what);
  if (known) return known;
  const text = engine.redact(thrown instanceof Error ? messageOf(thrown) : String(thrown));
  // The original may carry what must not be shown.
  const cause = new Error(text);
  if (isSent) return new IndeterminateError(`${what}: ${text}; the outcome is open`, { cause });
  const code = (thrown as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && UNTRUSTED.test(code)) {
    return new UnsupportedError(`${what}: the server's certificate is not trusted: ${text}`, {
      hint: 'name the certificate authority in the URL (see docs/stores.md), or set NODE_EXTRA_CA_CERTS',
      cause,
    });
  }
  return new UnavailableError(`${what}: ${text}`, {
    hint: 'check that the server runs and that this machine may reach it',
    cause,
  });
}

const UNTRUSTED = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)|ERR_TLS_)/;

/** Node gives an AggregateError without a message where several addresses of a host failed. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message;
  const inner = error instanceof AggregateError ? error.errors.find((each) => each instanceof Error) : null;
  return inner?.message ?? (error as { code?: string }).code ?? error.name;
}
