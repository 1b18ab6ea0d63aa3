import { injuries } from './injuries.ts';
import { measurements } from './measurements.ts';
import { outcomes } from './outcomes.ts';
import { protocols } from './protocols.ts';
import { returns } from './returns.ts';
import { therapies } from './therapies.ts';

export const medicalResources = [injuries, therapies, returns, protocols, measurements, outcomes];
