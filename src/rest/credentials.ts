/** Secrets the service hands out: random, shown once, kept as SHA-256 (webhook secrets are kept, signing needs them). */
import { createHash, randomBytes } from 'node:crypto';
import { SCOPES, type Repositories } from './ports.ts';

export interface Credential {
  /** Shown once. */
  readonly secret: string;
  /** What a person may see later to tell credentials apart. */
  readonly prefix: string;
  /** SHA-256. The secret has 256 random bits, so a slow hash would add nothing. */
  readonly hash: Uint8Array<ArrayBuffer>;
}

const RANDOM_BYTES = 32;

/** SHA-256 of a secret, as it is stored. */
export const hashSecret = (secret: string): Uint8Array<ArrayBuffer> => new Uint8Array(createHash('sha256').update(secret).digest());

function mint(kind: 'kw' | 'kwg'): Credential {
  const secret = `${kind}_${randomBytes(RANDOM_BYTES).toString('base64url')}`;
  return { secret, prefix: secret.slice(0, kind.length + 7), hash: hashSecret(secret) };
}

/** An API key: `kw_` and 256 random bits. */
export const mintApiKey = (): Credential => mint('kw');
/** A gateway token: `kwg_` and 256 random bits. */
export const mintGatewayToken = (): Credential => mint('kwg');
/** Standard Webhooks 1.0: `whsec_` and base64 of 24 to 64 bytes. */
export const mintWebhookSecret = (): string => `whsec_${randomBytes(RANDOM_BYTES).toString('base64')}`;

/**
 * The first start has nobody who could create a key: where no key that could create others is left, makes one with every scope and
 * returns it, to be shown once. null where there is one. Safe when two processes start at once: the store decides under a lock.
 */
export async function ensureFirstAdminKey(repositories: Pick<Repositories, 'apiKeys'>): Promise<string | null> {
  const key = mintApiKey();
  const created = await repositories.apiKeys.createFirst({ name: 'first-admin', scopes: [...SCOPES], prefix: key.prefix, hash: key.hash });
  return created ? key.secret : null;
}
