import { Pool } from 'pg';

export interface PoolOptions {
  /** Connections at most. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly name: string;
}

/**
 * A pool of connections for the hot path. synchronous_commit is on whatever the server's default says: ACKED-IS-STORED rests on it.
 * A connection that breaks while idle is dropped from the pool; the next query opens a new one.
 */
export function openPool(connectionString: string, { max, name }: PoolOptions): Pool {
  const pool = new Pool({
    connectionString,
    max,
    application_name: name,
    options: '-c synchronous_commit=on -c timezone=UTC',
    connectionTimeoutMillis: 10_000,
  });
  pool.on('error', () => undefined);
  // A connection that ends while it is lent out rejects the query in hand; unheard, the same error would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
