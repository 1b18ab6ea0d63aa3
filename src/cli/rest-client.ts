/** What the commands need of the REST API: provisioning by API key, and a gateway's own progress. */
import { KinewatchError } from '../contracts/errors.ts';
import type { StreamKind } from '../contracts/protocol.ts';

export interface AthleteFields {
  readonly externalId: string;
  readonly name: string;
  readonly sex?: 'f' | 'm' | null;
  readonly heightM?: number | null;
  readonly massKg?: number | null;
}

export interface GatewayProgress {
  readonly streams: readonly { readonly athleteId: string; readonly streamId: number; readonly nextSequence: number }[];
  readonly athletes: readonly { readonly athleteId: string; readonly windowsDue: number; readonly windowsScored: number }[];
}

const REQUEST_TIMEOUT_MS = 20_000;

/**
 * One JSON request with a bearer token.
 * @throws KinewatchError `service-unreachable` (retry) without an answer, `rest-<status>` with the problem's detail otherwise.
 */
async function request<T>(url: string, token: string, body?: object): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
  } catch (cause) {
    throw new KinewatchError('service-unreachable', `${new URL(url).origin} does not answer`, { retry: true, cause });
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as T;
  let detail = text.slice(0, 300);
  try {
    const problem = JSON.parse(text) as { detail?: string; title?: string };
    detail = problem.detail ?? problem.title ?? detail;
  } catch {
    // Not a problem document: a proxy's page, say.
  }
  throw new KinewatchError(`rest-${response.status}`, `${new URL(url).pathname}: ${detail}`);
}

interface Page<T> {
  readonly items: readonly T[];
}

export interface Provisioner {
  /** The id of the athlete with this external id, created where there is none. */
  ensureAthlete(fields: AthleteFields): Promise<string>;
  /** Registers the device where it is new and assigns it to the athlete where it is not assigned so. */
  ensureDevice(serial: string, kind: StreamKind, athleteId: string): Promise<void>;
  /** A new gateway; its token. */
  createGateway(name: string): Promise<string>;
}

/**
 * Provisions through the REST API. An API key of every team works in the team called `teamName`, created where it is missing; a key of one team in that.
 * @throws KinewatchError as the requests it makes.
 */
export async function createProvisioner(baseUrl: string, apiKey: string, teamName: string): Promise<Provisioner> {
  const get = <T>(path: string): Promise<T> => request<T>(`${baseUrl}${path}`, apiKey);
  const post = <T>(path: string, body: object): Promise<T> => request<T>(`${baseUrl}${path}`, apiKey, body);
  const teams = await get<Page<{ id: string; name: string }>>('/v1/teams?limit=200');
  const team = teams.items.find(({ name }) => name === teamName) ?? (teams.items.length === 1 ? teams.items[0] : undefined);
  const teamId = team?.id ?? (await post<{ id: string }>('/v1/teams', { name: teamName })).id;
  return {
    async ensureAthlete(fields) {
      const query = new URLSearchParams({ externalId: fields.externalId });
      const known = await get<Page<{ id: string; teamId: string }>>(`/v1/athletes?${query.toString()}`);
      const same = known.items.find((athlete) => athlete.teamId === teamId);
      return same?.id ?? (await post<{ id: string }>('/v1/athletes', { teamId, ...fields })).id;
    },
    async ensureDevice(serial, kind, athleteId) {
      const query = new URLSearchParams({ serial });
      const known = await get<Page<{ id: string; teamId: string; athleteId: string | null }>>(`/v1/devices?${query.toString()}`);
      const same = known.items.find((device) => device.teamId === teamId);
      if (same?.athleteId === athleteId) return;
      const id = same?.id ?? (await post<{ id: string }>('/v1/devices', { teamId, serial, kind })).id;
      await post(`/v1/devices/${id}/assignments`, { athleteId });
    },
    createGateway: async (name) => (await post<{ token: string }>('/v1/gateways', { teamId, name })).token,
  };
}

/** What became of a gateway's streams and of its athletes' windows, asked with the gateway's own token. */
export const readProgress = (baseUrl: string, token: string): Promise<GatewayProgress> =>
  request(`${baseUrl}/v1/gateways/me/progress`, token);
