/**
 * One connection to Postgres. The client library sends each statement once and fails what is under way when the connection
 * breaks. The socket is ours, so that a connection which answers nothing can be ended at once.
 */
import { Socket } from 'node:net';
import { Client, type QueryResultRow } from 'pg';
import { UnavailableError } from '../../base/errors.ts';
import type { Opening } from '../connection.ts';
import { IS_PREPARED, PREPARE } from './postgres-statements.ts';

/** What is used of the client. */
export interface PostgresClient {
  /** Sends at once; several may be under way. */
  query<R extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** Calls back at each notification of a channel. Resolves when the server listens. */
  listen(channel: string, hear: () => void): Promise<void>;
  /** Takes this callback away and no other: the channel may have a new one by now. */
  unlisten(channel: string, hear: () => void): Promise<void>;
  /** Resolves when the connection has ended by itself. */
  readonly lost: Promise<void>;
}

export interface PostgresClientOptions {
  /** As the client takes it. */
  url: string;
  /** Make the table where it is missing. */
  prepares: boolean;
  onLost: () => void;
}

/** Connects. Whoever opens it destroys it. */
export function openPostgresClient({
  url,
  prepares,
  onLost,
}: PostgresClientOptions): Opening<PostgresClient> {
  const socket = new Socket();
  let underWay = 0;
  let end: (() => void) | null = null;

  const connect = async (): Promise<PostgresClient> => {
    const client = new Client({
      connectionString: url,
      stream: () => socket,
      fallback_application_name: 'lockstep',
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
      // Without it the client holds a statement back until the one before has answered.
      pipeline: true,
    });
    const hearers = new Map<string, Set<() => void>>();
    const lost = new Promise<void>((resolve) => {
      client.once('end', resolve);
      // Each statement is told its error itself; here it only shows that nothing more will come.
      client.on('error', () => resolve());
    });
    client.on('notification', ({ channel }) => {
      for (const hear of hearers.get(channel) ?? []) hear();
    });
    const query: PostgresClient['query'] = async <R extends QueryResultRow>(
      text: string,
      values?: readonly unknown[],
    ) => {
      underWay += 1;
      try {
        const { rows } = await client.query<R>(text, values && [...values]);
        return rows;
      } finally {
        underWay -= 1;
      }
    };
    await client.connect();
    end = () => void client.end().catch(() => undefined);
    void lost.then(onLost);
    if (prepares) {
      const [row] = await query<{ found: boolean }>(IS_PREPARED);
      if (!row?.found) await query(PREPARE);
    }
    return {
      query,
      async listen(channel, hear) {
        const hearing = hearers.get(channel) ?? new Set();
        hearers.set(channel, hearing.add(hear));
        await query(`LISTEN "${channel}"`);
      },
      async unlisten(channel, hear) {
        const hearing = hearers.get(channel);
        if (!hearing?.delete(hear) || hearing.size > 0) return;
        hearers.delete(channel);
        await query(`UNLISTEN "${channel}"`);
      },
      lost,
    };
  };

  const ready = connect();
  return {
    ready,
    destroy() {
      // A goodbye where the line is quiet; one with unanswered statements may be dead, and would never be done with it.
      if (underWay === 0 && end && !socket.destroyed) {
        end();
        socket.destroySoon();
      } else socket.destroy(new UnavailableError('the connection was given up'));
      end = null;
    },
  };
}
