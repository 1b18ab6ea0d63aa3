/** Measurements that the service knows: unit and range. What a protocol of a team names besides is taken in the unit it is sent in. Pure. */
import { MedicalRefused } from '../../asms/medical-record.ts';
import { inUnit } from '../../asms/return-criteria.ts';

interface Measure {
  readonly unit: string;
  readonly most: number;
}

const KNOWN: Readonly<Record<string, Measure>> = {
  pain: { unit: '0 to 10', most: 10 },
  isometricStrength: { unit: 'N', most: 20_000 }, // (chosen) above any leg press
  jumpHeight: { unit: 'm', most: 1.5 }, // (chosen) above any jump
  sprintPeak: { unit: 'm/s', most: 13 }, // the fastest ever measured is 12.4
};

/** @throws MedicalRefused: another unit, a value out of range, a time in the future */
export function checkMeasurement(
  measured: { readonly name: string; readonly value: number; readonly unit: string; readonly atUs: number },
  nowUs: number,
): void {
  const { name, value, unit, atUs } = measured;
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  if (atUs > nowUs) throw new MedicalRefused('in-the-future', 'The measurement lies in the future', 'Record it once it has been made');
  if (known === undefined) return;
  if (unit !== known.unit)
    throw new MedicalRefused('value-out-of-range', `The unit of ${name} is "${known.unit}", not "${unit}"`, 'Give the value in that unit');
  if (!(value >= 0 && value <= known.most))
    throw new MedicalRefused('value-out-of-range', `${name} is ${inUnit(value, unit)}`, `Give a value from 0 to ${known.most}`);
}
