// The SQL pattern of the guard, in a real database, with a holder whose statement comes late.

import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { guard } from '../../src/lease/guard.ts';
import { postgresEngine, startPostgres } from '../support/engine-postgres.ts';
import { describeEngine } from '../support/engine-suite.ts';

describeEngine(postgresEngine, () => {
  test('WHERE token <= $1 refuses the statement of a holder that was replaced, and a new one of the same holder passes', async () => {
    const engine = await startPostgres();
    const sql = new Client({ host: '127.0.0.1', port: engine.port, user: 'postgres', database: 'postgres' });
    await sql.connect();
    try {
      await sql.query(
        'CREATE TABLE stacks (id text PRIMARY KEY, version text, token bigint NOT NULL DEFAULT 0)',
      );
      await sql.query("INSERT INTO stacks (id) VALUES ('staging')");
      const deploy = async (token: number, version: string) => {
        const own = guard(token);
        const { rowCount } = await sql.query(
          'UPDATE stacks SET version = $2, token = $1 WHERE id = $3 AND token <= $1',
          [own.token, version, 'staging'],
        );
        own.assertWritten(rowCount);
      };
      await deploy(3, 'a');
      await deploy(3, 'b');
      await deploy(4, 'c');
      await expect(deploy(3, 'late')).rejects.toMatchObject({ code: 'fenced' });
      const { rows } = await sql.query('SELECT version, token FROM stacks');
      expect(rows).toEqual([{ version: 'c', token: '4' }]);
    } finally {
      await sql.end();
      await engine.stop();
    }
  });
});
