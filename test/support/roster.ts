/** A team with athletes, one device each and a gateway: what a stream needs to exist. */
import { randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { StreamDeclaration } from '../../src/contracts/protocol.ts';
import { hashToken } from '../../src/store/gateway-directory.ts';

export interface Roster {
  readonly teamId: string;
  readonly gatewayId: string;
  readonly token: string;
  readonly athletes: readonly { readonly id: string; readonly externalId: string; readonly deviceId: string; readonly serial: string }[];
}

/** Serials and external ids are `device-0`, `athlete-0` and so on. */
export async function createRoster(pool: pg.Pool, athleteCount: number): Promise<Roster> {
  const [teamId, gatewayId, token] = [randomUUID(), randomUUID(), `kwg_${randomBytes(16).toString('base64url')}`];
  await pool.query('INSERT INTO team (id, name) VALUES ($1, $2)', [teamId, teamId]);
  await pool.query('INSERT INTO gateway (id, team_id, name, token_prefix, token_hash) VALUES ($1, $2, $3, $4, $5)', [
    gatewayId,
    teamId,
    'gateway',
    token.slice(0, 8),
    hashToken(token),
  ]);
  const athletes = Array.from({ length: athleteCount }, (_, i) => ({
    id: randomUUID(),
    externalId: `athlete-${i}`,
    deviceId: randomUUID(),
    serial: `device-${i}`,
  }));
  for (const { id, externalId, deviceId, serial } of athletes) {
    await pool.query('INSERT INTO athlete (id, team_id, external_id, name) VALUES ($1, $2, $3, $3)', [id, teamId, externalId]);
    await pool.query(`INSERT INTO device (id, team_id, serial, kind) VALUES ($1, $2, $3, 'imu')`, [deviceId, teamId, serial]);
    await pool.query(`INSERT INTO device_assignment (id, device_id, athlete_id, valid_from) VALUES (gen_random_uuid(), $1, $2, 'epoch')`, [
      deviceId,
      id,
    ]);
  }
  return { teamId, gatewayId, token, athletes };
}

export function imuDeclaration(serial: string, change: Partial<StreamDeclaration> = {}): StreamDeclaration {
  return {
    stream: 0,
    device: serial,
    boot: 'boot-1',
    kind: 'imu',
    placement: 'trunk',
    channels: [{ name: 'ax', unit: 'm/s2' }],
    mode: 'live',
    rateHz: 200,
    encoding: 'int16',
    ...change,
  };
}
