/**
 * Who may score on this database: one process. Advisory locks of a connection that lives as long as the process, so they fall with it and
 * nothing stale remains. A process that scores and is a gateway too hands its frames over directly; beside it no other gateway may run, whose
 * frames would go another way.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { KinewatchError } from '../contracts/errors.ts';

/** 'kwsc' and 'kwgw' as numbers. */
const SCORER_LOCK = 0x6b777363;
const GATEWAY_LOCK = 0x6b776777;
/** The connection of a killed process may need this long to be noticed as closed. */
const WAIT_MS = 3_000;
const POLL_MS = 50;
const RECONNECT_MS = 1_000;

export interface RoleLockOptions {
  readonly connectionString: string;
  readonly scores: boolean;
  readonly isGateway: boolean;
  /** The connection was lost and another process has taken the role meanwhile: this one must stop. */
  readonly onLost: (error: Error) => void;
  readonly log: (message: string) => void;
}

interface Wanted {
  readonly call: string;
  readonly key: number;
  readonly refusal: KinewatchError;
}

function wantedBy({ scores, isGateway }: RoleLockOptions): Wanted[] {
  const wanted: Wanted[] = [];
  if (scores) {
    wanted.push({
      call: 'pg_try_advisory_lock',
      key: SCORER_LOCK,
      refusal: new KinewatchError(
        'scorer-running',
        'another process with the role score uses this database: one at a time may score; start this one without it (ROLES)',
      ),
    });
  }
  if (isGateway) {
    wanted.push({
      call: scores ? 'pg_try_advisory_lock' : 'pg_try_advisory_lock_shared',
      key: GATEWAY_LOCK,
      refusal: new KinewatchError(
        'gateway-running',
        scores
          ? 'another process with the role gateway uses this database: beside it a process may score (ROLES=score) but not be a gateway too'
          : 'a process with the roles gateway and score uses this database: run the role score on its own (ROLES=score) to have several gateways',
      ),
    });
  }
  return wanted;
}

async function take(client: Client, { call, key, refusal }: Wanted): Promise<void> {
  for (const until = Date.now() + WAIT_MS; ; await delay(POLL_MS)) {
    const answer = await client.query<{ got: boolean }>(`SELECT ${call}($1) AS got`, [key]);
    if (answer.rows[0]?.got === true) return;
    if (Date.now() > until) throw refusal;
  }
}

/**
 * Takes the locks that the roles need and holds them until `close`. A lost connection is opened again and the locks taken anew.
 * @throws KinewatchError `scorer-running`, `gateway-running`; the driver's error where the database cannot be reached
 */
export async function holdRoleLocks(options: RoleLockOptions): Promise<{ close(): Promise<void> }> {
  const wanted = wantedBy(options);
  const closing = new AbortController();
  let client: Client | null = null;

  async function open(): Promise<void> {
    const next = new Client({ connectionString: options.connectionString, application_name: 'kinewatch roles', keepAlive: true });
    next.on('error', () => undefined);
    try {
      await next.connect();
      for (const lock of wanted) await take(next, lock);
    } catch (error) {
      await next.end().catch(() => undefined);
      throw error;
    }
    client = next;
    next.once('end', () => {
      client = null;
      void reopen();
    });
    if (closing.signal.aborted) await next.end();
  }

  async function reopen(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await open();
        return;
      } catch (error) {
        if (error instanceof KinewatchError) {
          options.onLost(error);
          return;
        }
        options.log(`the roles' lock is lost and waits for the database: ${(error as Error).message}`);
        await delay(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  if (wanted.length > 0) await open();
  return {
    close: async () => {
      closing.abort();
      await client?.end();
    },
  };
}
