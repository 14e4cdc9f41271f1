/**
 * The Postgres driver: one row per key, compare-and-set by one statement (postgres-statements.ts), watches by LISTEN on a
 * connection of its own. Linearizable on one primary. NOT guaranteed: that a failover keeps what was acknowledged, unless
 * `synchronous_commit` and `synchronous_standby_names` say so; nor pushed edges through a pooler in transaction mode, where
 * LISTEN tells nothing and the poll alone finds changes.
 */
import { invariant } from '../../base/errors.ts';
import { createRedactor, plain } from '../../base/text.ts';
import { createConnection } from '../connection.ts';
import type { Entry, Store, WriteResult } from '../contract.ts';
import { createEngineStore, type Engine, type EngineStoreSettings, type EngineWrite } from '../engine.ts';
import { parsePostgresUrl } from '../server-address.ts';
import { openPostgresClient, type PostgresClient } from './postgres-client.ts';
import { isSerializationFailure, isTableMissing, translateSqlError } from './postgres-errors.ts';
import { channelOf, DELETE, INSERT, LIST_ALL, LIST_UNDER, READ, UPDATE } from './postgres-statements.ts';

export interface PostgresStoreOptions extends EngineStoreSettings {
  /** A connection string as the client takes it, checked by `parsePostgresUrl`. */
  url: string;
}

/** What the sequence can have given. */
const REVISION = /^[1-9]\d{0,17}$/;

/** Opens the store without connecting. The caller closes it. */
export function openPostgresStore({ url, ...settings }: PostgresStoreOptions): Store {
  const parsed = parsePostgresUrl(url);
  invariant(parsed.ok, 'a Postgres store is opened by a parsed address');
  const hide = createRedactor(secretsOf(url));
  const redact = (text: string) => plain(hide(text));
  const main = createConnection((onLost) => openPostgresClient({ url, prepares: true, onLost }));
  const listener = createConnection((onLost) => openPostgresClient({ url, prepares: false, onLost }));

  const onMain = async <T>(
    signal: AbortSignal,
    action: (client: PostgresClient) => Promise<T>,
  ): Promise<T> => {
    try {
      return await main.use(signal, action);
    } catch (error) {
      if (isTableMissing(error)) main.renew();
      throw error;
    }
  };

  const engine: Engine = {
    url: parsed.value.shown,
    redact,
    translate: (thrown, what) => translateSqlError(thrown, { what, redact }),
    async read(key, { signal }): Promise<Entry | null> {
      const [row] = await onMain(signal, (client) => client.query<{ r: string; v: Buffer }>(READ, [key]));
      return row ? Object.freeze({ value: row.v.toString('utf8'), revision: row.r }) : null;
    },
    async write(write, call): Promise<WriteResult> {
      if (write.expect !== null && !REVISION.test(write.expect)) return { ok: false };
      const { text, values } = statementOf(write);
      try {
        const [row] = await onMain(call.signal, (client) => {
          call.sending();
          return client.query<{ r: string }>(text, values);
        });
        return row ? { ok: true, revision: row.r } : { ok: false };
      } catch (error) {
        // Where the default isolation is stricter, losing a race is an error.
        if (isSerializationFailure(error)) return { ok: false };
        throw error;
      }
    },
    async list(border, { signal }) {
      const rows = await onMain(signal, (client) =>
        border === ''
          ? client.query<{ k: string }>(LIST_ALL)
          : client.query<{ k: string }>(LIST_UNDER, [border]),
      );
      return rows.map(({ k }) => k);
    },
    async subscribe(key, onChange, signal) {
      const channel = channelOf(key);
      const client = await listener.use(signal, async (listening) => {
        await listening.listen(channel, onChange);
        return listening;
      });
      return {
        lost: client.lost,
        end({ isSuspect }) {
          if (isSuspect) listener.renew();
          // On a connection that is gone there is nothing left to end.
          else client.unlisten(channel, onChange).catch(() => undefined);
        },
      };
    },
    async close() {
      main.close();
      listener.close();
    },
  };
  return createEngineStore(engine, settings);
}

function statementOf({ key, expect, value }: EngineWrite): { text: string; values: unknown[] } {
  const channel = channelOf(key);
  if (value === null) return { text: DELETE, values: [key, channel, expect] };
  const bytes = Buffer.from(value, 'utf8');
  if (expect === null) return { text: INSERT, values: [key, bytes, channel] };
  return { text: UPDATE, values: [key, bytes, channel, expect] };
}

/** The password, wherever a connection string can have it. */
function secretsOf(url: string): string[] {
  const authority = /^[a-z]+:\/\/([^/?#]*)@/.exec(url)?.[1] ?? '';
  const raw = authority.slice(authority.indexOf(':') + 1);
  const given = new URLSearchParams(url.split('?')[1] ?? '').get('password');
  return [raw, decodeURIComponent(raw), ...(given === null ? [] : [given])];
}
