/** Tells the service about the squad through the coaches' API: team, athletes, devices and whose they are, gateways, the webhook. */
import type { StreamDeclaration } from '../../contracts/protocol.ts';
import type { RestClient } from './rest.ts';
import type { SquadMember } from './squad.ts';

export interface ProvisionedGateway {
  readonly token: string;
  /** Indices into the squad. */
  readonly members: readonly number[];
}

export interface Provisioned {
  readonly teamId: string;
  readonly athleteIds: readonly string[];
  readonly gateways: readonly ProvisionedGateway[];
  readonly webhookId: string;
  readonly webhookSecret: string;
}

/** Athletes on one gateway's connection: a pitch side receiver serves about a squad's half. (chosen) */
const ATHLETES_A_GATEWAY = 10;

interface Created {
  readonly id: string;
}

export async function provision(rest: RestClient, squad: readonly SquadMember[], webhookUrl: string): Promise<Provisioned> {
  const team = await rest.post<Created>('/v1/teams', { name: 'Demo squad' });
  const athleteIds = await Promise.all(squad.map((member) => createAthlete(rest, team.id, member)));
  const gateways: ProvisionedGateway[] = [];
  for (let first = 0; first < squad.length; first += ATHLETES_A_GATEWAY) {
    const members = squad.slice(first, first + ATHLETES_A_GATEWAY).map((_, i) => first + i);
    const { token } = await rest.post<{ token: string }>('/v1/gateways', { teamId: team.id, name: `Pitch side ${gateways.length + 1}` });
    gateways.push({ token, members });
  }
  const webhook = await rest.post<{ id: string; secret: string }>('/v1/webhooks', {
    teamId: team.id,
    url: webhookUrl,
    eventTypes: ['alert.raised'],
  });
  return { teamId: team.id, athleteIds, gateways, webhookId: webhook.id, webhookSecret: webhook.secret };
}

async function createAthlete(rest: RestClient, teamId: string, member: SquadMember): Promise<string> {
  const { person, streams } = member.simulated;
  const { id } = await rest.post<Created>('/v1/athletes', {
    teamId,
    externalId: member.externalId,
    name: member.name,
    sex: person.sex === 1 ? 'm' : 'f',
    birthDate: `${new Date().getUTCFullYear() - person.age}-01-01`,
    heightM: Math.round(person.heightM * 100) / 100,
    massKg: Math.round(person.massKg * 10) / 10,
  });
  const kinds = new Map<string, StreamDeclaration['kind']>(streams.map(({ declaration }) => [declaration.device, declaration.kind]));
  for (const [serial, kind] of kinds) {
    const device = await rest.post<Created>('/v1/devices', { teamId, serial, kind });
    await rest.post(`/v1/devices/${device.id}/assignments`, { athleteId: id });
  }
  return id;
}
