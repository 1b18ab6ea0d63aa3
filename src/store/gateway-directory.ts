/** Who a gateway is, whose data its devices carry, and where each of its streams stands. */
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { KinewatchError } from '../contracts/errors.ts';
import type { StreamDeclaration } from '../contracts/protocol.ts';
import type { OpenedStream } from '../contracts/stream.ts';
import type { GatewayDirectory, GatewayIdentity } from '../gateway/ports.ts';
import { int8Array } from './binary-array.ts';
import { inTransaction } from './transaction.ts';

/** SHA-256 of a gateway's token or an API key. The secrets are 256 random bits, so a fast hash without salt is enough. */
export const hashToken = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest();

interface AssignedDevice {
  readonly id: string;
  readonly athleteId: string | null;
  readonly athleteExternalId: string | null;
}

async function findDevices(
  client: pg.PoolClient,
  teamId: string,
  serials: readonly string[],
  atUs: number,
): Promise<Map<string, AssignedDevice>> {
  const found = await client.query<AssignedDevice & { serial: string }>({
    name: 'kw-assigned-devices',
    text: `
      SELECT device.id, device.serial, athlete.id AS "athleteId", athlete.external_id AS "athleteExternalId"
      FROM device
      LEFT JOIN device_assignment given ON given.device_id = device.id
        AND tstzrange(given.valid_from, given.valid_to) @> to_timestamp($3::double precision / 1e6)
      LEFT JOIN athlete ON athlete.id = given.athlete_id
      WHERE device.team_id = $1 AND device.serial = ANY($2::text[])`,
    values: [teamId, serials, atUs],
  });
  return new Map(found.rows.map((row) => [row.serial, row]));
}

async function checkAthletesExist(client: pg.PoolClient, teamId: string, declarations: readonly StreamDeclaration[]): Promise<void> {
  const named = declarations.flatMap(({ athlete }) => (athlete === undefined ? [] : ['id' in athlete ? athlete.id : athlete.externalId]));
  if (named.length === 0) return;
  const found = await client.query<{ id: string; external_id: string }>(
    'SELECT id, external_id FROM athlete WHERE team_id = $1 AND active AND (id::text = ANY($2::text[]) OR external_id = ANY($2::text[]))',
    [teamId, named.map((name) => name.toLowerCase()).concat(named)],
  );
  const ids = new Set(found.rows.map((row) => row.id));
  const externalIds = new Set(found.rows.map((row) => row.external_id));
  for (const { stream, athlete } of declarations) {
    if (athlete === undefined) continue;
    const exists = 'id' in athlete ? ids.has(athlete.id.toLowerCase()) : externalIds.has(athlete.externalId);
    const name = 'id' in athlete ? athlete.id : athlete.externalId;
    if (!exists) throw new KinewatchError('unknown-athlete', `stream ${stream}: the gateway's team has no active athlete ${name}`);
  }
}

interface Owned {
  readonly declaration: StreamDeclaration;
  readonly deviceId: string;
  readonly athleteId: string;
}

/** The device's assignment decides whose data a stream is; a declaration that disagrees is refused. */
function decideOwner(declaration: StreamDeclaration, device: AssignedDevice | undefined): Owned {
  const { stream, athlete } = declaration;
  if (device === undefined)
    throw new KinewatchError('unknown-device', `stream ${stream}: the gateway's team has no device ${declaration.device}`);
  if (device.athleteId === null)
    throw new KinewatchError('assignment-mismatch', `stream ${stream}: device ${declaration.device} is assigned to no athlete`);
  const agrees =
    athlete === undefined ||
    ('id' in athlete ? athlete.id.toLowerCase() === device.athleteId : athlete.externalId === device.athleteExternalId);
  if (!agrees)
    throw new KinewatchError('assignment-mismatch', `stream ${stream}: device ${declaration.device} is assigned to another athlete`);
  return { declaration, deviceId: device.id, athleteId: device.athleteId };
}

const keyOf = (deviceId: string, { boot, kind, placement }: { boot: string; kind: string; placement: string }): string =>
  JSON.stringify([deviceId, boot, kind, placement]);

interface StreamRow {
  readonly id: string;
  readonly device_id: string;
  readonly boot: string;
  readonly kind: string;
  readonly placement: string;
  readonly athlete_id: string;
  readonly next_sequence: string;
  readonly last_device_time_us: string | null;
}

async function registerStreams(client: pg.PoolClient, owned: readonly Owned[]): Promise<Map<string, StreamRow>> {
  // In the key's order: two hellos at once cannot wait for each other in a circle.
  const sorted = owned.toSorted((a, b) => (keyOf(a.deviceId, a.declaration) < keyOf(b.deviceId, b.declaration) ? -1 : 1));
  const values = [
    sorted.map((one) => one.deviceId),
    sorted.map((one) => one.declaration.boot),
    sorted.map((one) => one.declaration.kind),
    sorted.map((one) => one.declaration.placement),
  ];
  await client.query(
    `INSERT INTO stream (device_id, boot, kind, placement, athlete_id)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[]) ON CONFLICT (device_id, boot, kind, placement) DO NOTHING`,
    [...values, sorted.map((one) => one.athleteId)],
  );
  const found = await client.query<StreamRow>(
    `SELECT stream.id, stream.device_id, stream.boot, stream.kind, stream.placement, stream.athlete_id, stream.next_sequence, stream.last_device_time_us
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS asked(device_id, boot, kind, placement)
     JOIN stream USING (device_id, boot, kind, placement)`,
    values,
  );
  return new Map(found.rows.map((row) => [keyOf(row.device_id, row), row]));
}

/** What a stored byte means. Where a field may be left out, its absence reads as what it means; clock and stream index may differ. */
const MEANINGS: readonly (readonly [field: string, of: (declaration: StreamDeclaration) => unknown])[] = [
  ['mode', ({ mode }) => mode],
  ['channels', ({ channels }) => channels.map(({ name, unit }) => [name, unit])],
  ['encoding', ({ encoding }) => encoding],
  ['scale', ({ scale, channels }) => scale ?? channels.map(() => 1)],
  ['rateHz', ({ rateHz }) => rateHz],
  ['gravity', ({ gravity }) => gravity ?? 'included'],
  ['frame', ({ frame }) => frame ?? null],
];

/** Frames of one boot are read under one declaration, live or replayed: within a boot it cannot change. */
async function checkSameAsBefore(client: pg.PoolClient, opened: readonly OpenedStream[]): Promise<void> {
  const found = await client.query<{ stream_id: string; declaration: StreamDeclaration }>(
    `SELECT DISTINCT ON (stream_id) stream_id, declaration FROM stream_hello
     WHERE stream_id = ANY($1::bigint[]) ORDER BY stream_id, received_us DESC`,
    [int8Array(opened.map((stream) => stream.streamId))],
  );
  const newest = new Map(found.rows.map((row) => [Number(row.stream_id), row.declaration]));
  for (const { streamId, declaration } of opened) {
    const before = newest.get(streamId);
    if (before === undefined) continue;
    for (const [field, of] of MEANINGS) {
      const [was, is] = [JSON.stringify(of(before)), JSON.stringify(of(declaration))];
      if (was === is) continue;
      throw new KinewatchError(
        'stream-conflict',
        `stream ${declaration.stream}: this boot of ${declaration.device} was declared with ${field} ${was.slice(0, 200)}; a new boot id is needed`,
      );
    }
  }
}

async function storeHellos(client: pg.PoolClient, gatewayId: string, opened: readonly OpenedStream[], receivedUs: number): Promise<void> {
  await client.query(
    `INSERT INTO stream_hello (stream_id, received_us, from_sequence, gateway_id, declaration)
     SELECT stream_id, $2, from_sequence, $3, declaration::jsonb
     FROM unnest($1::bigint[], $4::bigint[], $5::text[]) AS told(stream_id, from_sequence, declaration)`,
    [
      int8Array(opened.map((stream) => stream.streamId)),
      receivedUs,
      gatewayId,
      int8Array(opened.map((stream) => stream.nextSequence)),
      opened.map((stream) => JSON.stringify(stream.declaration)),
    ],
  );
  await client.query('UPDATE gateway SET last_seen_at = to_timestamp($2::double precision / 1e6) WHERE id = $1', [gatewayId, receivedUs]);
}

async function openStreams(
  client: pg.PoolClient,
  gateway: GatewayIdentity,
  declarations: readonly StreamDeclaration[],
  receivedUs: number,
): Promise<readonly OpenedStream[]> {
  const devices = await findDevices(client, gateway.teamId, [...new Set(declarations.map((one) => one.device))], receivedUs);
  await checkAthletesExist(client, gateway.teamId, declarations);
  const owned = declarations.map((declaration) => decideOwner(declaration, devices.get(declaration.device)));
  const seen = new Set<string>();
  for (const { deviceId, declaration } of owned) {
    const key = keyOf(deviceId, declaration);
    if (seen.has(key))
      throw new KinewatchError(
        'stream-conflict',
        `stream ${declaration.stream}: ${declaration.device} ${declaration.kind} ${declaration.placement} is declared twice`,
      );
    seen.add(key);
  }
  const rows = await registerStreams(client, owned);
  const opened = owned.map(({ declaration, deviceId, athleteId }): OpenedStream => {
    const row = rows.get(keyOf(deviceId, declaration));
    if (row === undefined || row.athlete_id !== athleteId) {
      throw new KinewatchError(
        'stream-conflict',
        `stream ${declaration.stream}: this boot of ${declaration.device} began with another athlete; a new boot id is needed`,
      );
    }
    return {
      streamId: Number(row.id),
      athleteId,
      declaration,
      receivedUs,
      nextSequence: Number(row.next_sequence),
      lastDeviceTimeUs: row.last_device_time_us === null ? null : Number(row.last_device_time_us),
    };
  });
  await checkSameAsBefore(client, opened);
  await storeHellos(client, gateway.gatewayId, opened, receivedUs);
  return opened;
}

/** The gateway's directory on PostgreSQL. */
export function createGatewayDirectory(pool: pg.Pool): GatewayDirectory {
  return {
    async authenticate(token) {
      const found = await pool.query<{ id: string; team_id: string; name: string }>({
        name: 'kw-authenticate',
        text: 'SELECT id, team_id, name FROM gateway WHERE token_hash = $1 AND revoked_at IS NULL',
        values: [hashToken(token)],
      });
      const row = found.rows[0];
      return row === undefined ? null : { gatewayId: row.id, teamId: row.team_id, name: row.name };
    },
    openStreams(gateway, declarations, receivedUs) {
      if (declarations.length === 0) return Promise.resolve([]);
      return inTransaction(pool, (client) => openStreams(client, gateway, declarations, receivedUs));
    },
  };
}

/**
 * The newest receipt stamp in the store, 0 where there is none: a gateway process starts its stamps above it, so that they go on rising
 * even where the machine's clock was set back between two starts.
 */
export async function newestReceiptUs(pool: pg.Pool): Promise<number> {
  const found = await pool.query<{ newest: string }>(
    `SELECT greatest(coalesce((SELECT max(last_received_us) FROM session), 0), coalesce((SELECT max(received_us) FROM stream_hello), 0)) AS newest`,
  );
  return Number(found.rows[0]?.newest ?? 0);
}
