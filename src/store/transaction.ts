import type pg from 'pg';

/**
 * Runs `work` in a transaction on one connection of the pool: commits what it returns, rolls back where it throws or returns `rollback(...)`.
 * A connection that cannot even roll back is destroyed instead of going back to the pool.
 */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T | Rollback<T>>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    const undone = result instanceof Rollback;
    await client.query(undone ? 'ROLLBACK' : 'COMMIT');
    return undone ? result.value : result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Returned by `work`: nothing is to be kept of the transaction, and this is its result. */
export class Rollback<T> {
  readonly value: T;
  constructor(value: T) {
    this.value = value;
  }
}
