import { describe, expect, it } from 'vitest';
import { readConfig, ROLES } from '../../src/config.ts';

describe('configuration', () => {
  it('is complete with an empty environment: every role, embedded database, queues on PostgreSQL', () => {
    const config = readConfig({});
    expect([...config.roles]).toEqual([...ROLES]);
    expect(config.databaseUrl).toBeNull();
    expect(config.redisUrl).toBeNull();
    expect(config.commitIntervalMs).toBeLessThanOrEqual(50);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reports every fault at once and names each variable', () => {
    const faulty = {
      DATABASE_URL: 'mysql://somewhere',
      REDIS_URL: 'http://somewhere',
      ROLES: 'gateway,cook',
      EXECUTION_PROVIDER: 'tpu',
      PORT: '90x',
      LOG_LEVEL: 'loud',
      SHARDS: '0',
      COMMIT_INTERVAL_MS: '500',
      RAW_RETENTION_DAYS: '-1',
      SCORE_RETENTION_DAYS: 'x',
      SESSION_SILENCE_S: '1',
      WEBHOOK_ALLOW_PRIVATE: 'perhaps',
    };
    let message = '';
    try {
      readConfig(faulty);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const name of Object.keys(faulty)) expect(message).toContain(`${name}=`);
    expect(message.split('\n')).toHaveLength(1 + Object.keys(faulty).length);
  });

  it('takes an empty variable as absent', () => {
    expect(readConfig({ DATABASE_URL: '', PORT: '' }).port).toBe(8080);
  });

  it('demands a shared database where the roles are split', () => {
    expect(() => readConfig({ ROLES: 'gateway,score' })).toThrow(/DATABASE_URL/);
    const config = readConfig({ ROLES: 'gateway,score', DATABASE_URL: 'postgresql://u@localhost/kinewatch' });
    expect([...config.roles]).toEqual(['gateway', 'score']);
  });

  it('does not demand it where every role is named', () => {
    expect(readConfig({ ROLES: ROLES.join(',') }).roles.size).toBe(ROLES.length);
  });
});
