import { Type } from 'typebox';
import { Uuid } from '../schemas.ts';

export const LiveQuery = Type.Object({ team: Type.Optional(Uuid), athlete: Type.Optional(Uuid) }, { additionalProperties: false });
