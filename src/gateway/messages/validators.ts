import { Compile } from 'typebox/compile';
import { Bye, Hello, Samples, SenmlMessage, TimeRequest } from '../../contracts/protocol.ts';

export const helloValidator = Compile(Hello);
export const timeValidator = Compile(TimeRequest);
export const samplesValidator = Compile(Samples);
export const senmlValidator = Compile(SenmlMessage);
export const byeValidator = Compile(Bye);

interface Validator {
  Errors(value: unknown): readonly { readonly instancePath: string; readonly message: string }[];
}

/** The first fault of a message in words: where it is and what is wrong with it. */
export function firstFault(validator: Validator, message: unknown): string {
  const fault = validator.Errors(message)[0];
  return fault === undefined ? 'does not fit its schema' : `${fault.instancePath === '' ? 'message' : fault.instancePath} ${fault.message}`;
}
