import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/client.ts';

export type { PrismaClient } from './generated/client.ts';

/** Prisma for the control plane, over the same `pg` package as the hot path. `$disconnect()` closes it. */
export function openPrisma(connectionString: string, options: { readonly max?: number } = {}): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg({ connectionString, max: options.max ?? 5, application_name: 'kinewatch api' }) });
}
