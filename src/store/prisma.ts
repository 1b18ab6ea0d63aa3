import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/client.ts';

export type { PrismaClient } from './generated/client.ts';

/** A machine under load takes its time; Prisma's own limits (2 s for a connection, 5 s for a transaction) ended starts there. (chosen) */
const TRANSACTION_LIMITS = { maxWait: 10_000, timeout: 30_000 };

/** Prisma for the control plane, over the same `pg` package as the hot path. `$disconnect()` closes it. */
export function openPrisma(connectionString: string, options: { readonly max?: number } = {}): PrismaClient {
  return new PrismaClient({
    adapter: new PrismaPg({ connectionString, max: options.max ?? 5, application_name: 'kinewatch api' }),
    transactionOptions: TRANSACTION_LIMITS,
  });
}
