import { readConfig } from '../../config.ts';
import { KinewatchError } from '../../contracts/errors.ts';
import { startService } from '../../service.ts';

export interface EmbeddedService {
  readonly url: string;
  readonly adminKey: string;
  close(): Promise<void>;
}

/** The whole service with its database in `directory`, on a free port, whatever the environment says about databases and ports. */
export async function startEmbedded(directory: string): Promise<EmbeddedService> {
  const config = { ...readConfig(), databaseUrl: null, redisUrl: null, host: '127.0.0.1', port: 0, directory, logLevel: 'warn' };
  const service = await startService(config);
  if (service.adminKey === null) {
    await service.close();
    throw new KinewatchError('no-admin-key', 'the embedded service gave no admin key');
  }
  return { url: service.url, adminKey: service.adminKey, close: () => service.close() };
}
