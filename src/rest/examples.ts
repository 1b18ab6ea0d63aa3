/** What the examples of the OpenAPI document have in common: they tell of one athlete of one team. */
import type { TSchema } from 'typebox';

export const EXAMPLE_IDS = {
  team: '0d6a3f7e-52b1-4c8e-8f4b-9e1d2c3b4a56',
  athlete: '3f0c4f3e-6a0d-4c42-9c5e-0a1b2c3d4e5f',
  session: '9a4b3f0e-2c1d-4e5f-8a6b-7c8d9e0f1a2b',
  injury: 'b9a1f1de-54f4-4a2c-9d11-6f1f0b8f5f10',
  outcome: '7d3c1f0a-7a0c-4a57-8a8b-0f4b6f2f1c11',
  alert: '5a0c7d5e-0f5b-4d0e-9c0a-8f4a0f6b2c11',
} as const;
export const EXAMPLE_TIME_ZONE = 'Europe/Berlin';

/** A day counted from today, the day on which the service started: for requests that take days near to it only. */
export const exampleDay = (fromToday: number): string => new Date(Date.now() + fromToday * 86_400_000).toISOString().slice(0, 10);

/** The example of a schema, for the example of what holds it. */
export const exampleOf = (schema: TSchema): unknown => (schema as { readonly examples?: readonly unknown[] }).examples?.[0];
