/** Who asks, as the medical record sees them. */
import type { FastifyRequest } from 'fastify';
import type { SignRole } from '../../asms/return-protocol.ts';
import { allows, callerOf } from '../auth.ts';
import { ProblemError } from '../problems.ts';
import type { Deciding } from './decide.ts';
import type { MedicalFile } from './ports.ts';

export const seesDiagnoses = (request: FastifyRequest): boolean => allows(callerOf(request).scopes, 'medical');

export const decidingNow = (request: FastifyRequest): Deciding => ({ by: callerOf(request).name, nowUs: Date.now() * 1_000 });

const SIGNING = { coach: 'coach', medical: 'medical', athlete: 'athlete', analyst: null, admin: null } as const;

/**
 * The role a key signs as: its own. A key with explicit scopes signs as medical staff where it has the scope medical, and as nobody else.
 * @throws ProblemError `insufficient-scope`
 */
export function signingRole(request: FastifyRequest): SignRole {
  const { role, scopes } = callerOf(request);
  const signing = role === null ? (allows(scopes, 'medical') ? 'medical' : null) : SIGNING[role];
  if (signing === null) throw new ProblemError('insufficient-scope', 'Stages are signed with keys of the roles medical, coach and athlete');
  return signing;
}

/** @throws ProblemError `not-found` where the path's injury is not the athlete's */
export function requireInjury({ injuries }: MedicalFile, injuryId: string): void {
  if (!injuries.some((one) => one.injuryId === injuryId.toLowerCase()))
    throw new ProblemError('not-found', `There is no injury ${injuryId}`);
}

/** Only what was sent. */
export const given = <T extends object>(patch: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
