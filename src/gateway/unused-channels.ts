/** Which declared channels nothing reads, in words for the gateway: the warnings of a welcome. */
import { mapChannels, SCALAR_CHANNELS, type ScalarName } from '../align/channel-map.ts';
import { unitConversion } from '../align/units.ts';
import type { ModelContract } from '../contracts/model.ts';
import type { ChannelDeclaration, StreamDeclaration } from '../contracts/protocol.ts';

/** No rate is too low at this one: what is not mapped here fails by its name or its unit. */
const AMPLE_RATE_HZ = 10_000;
/** Stands for any: whether an athlete's mass is known is not the gateway's doing. */
const SOME_MASS_KG = 1;

type Verdict = { readonly kind: 'read' | 'unknown' | 'slow' } | { readonly kind: 'unit'; readonly wanted: string };

/** Read by the jump metrics alone: a plate under both feet. */
const isSinglePlate = ({ kind, placement }: StreamDeclaration, name: string): boolean =>
  kind === 'force-plate' && placement === 'single' && name === 'fv';

const wantedUnit = (contract: ModelContract, { kind, placement }: StreamDeclaration, name: string): string | undefined =>
  contract.bio.find((bio) => bio.kind === kind && bio.placement === placement && bio.channel === name)?.unit ??
  (Object.hasOwn(SCALAR_CHANNELS, name) ? SCALAR_CHANNELS[name as ScalarName] : undefined);

function judge(contract: ModelContract, declaration: StreamDeclaration, channel: ChannelDeclaration): Verdict {
  if (isSinglePlate(declaration, channel.name)) {
    return unitConversion(channel.unit, 'N', null) === null ? { kind: 'unit', wanted: 'N' } : { kind: 'read' };
  }
  const reads = (unit: string, rateHz: number): boolean =>
    mapChannels({ ...declaration, rateHz, channels: [{ name: channel.name, unit }] }, contract, SOME_MASS_KG).unmapped.length === 0;
  if (reads(channel.unit, declaration.rateHz)) return { kind: 'read' };
  if (reads(channel.unit, AMPLE_RATE_HZ)) return { kind: 'slow' };
  const wanted = wantedUnit(contract, declaration, channel.name);
  return wanted !== undefined && reads(wanted, AMPLE_RATE_HZ) ? { kind: 'unit', wanted } : { kind: 'unknown' };
}

/**
 * Says of a declaration which of its channels feed neither the model nor the metrics, and why: unknown name or placement, a unit that cannot be
 * converted, a rate too low. At most one sentence a reason, so that the answer stays in proportion to the hello. Empty where all are read.
 */
export function createUnusedDescriber(contract: ModelContract): (declaration: StreamDeclaration) => readonly string[] {
  return (declaration) => {
    const { kind, placement, rateHz } = declaration;
    const found: Record<'unknown' | 'slow' | 'unit', string[]> = { unknown: [], slow: [], unit: [] };
    for (const channel of declaration.channels) {
      const verdict = judge(contract, declaration, channel);
      if (verdict.kind === 'unit') found.unit.push(`${channel.name} in ${channel.unit} (wanted: ${verdict.wanted})`);
      else if (verdict.kind !== 'read') found[verdict.kind].push(channel.name);
    }
    const sentence = (reason: string, channels: readonly string[]): string[] =>
      channels.length === 0 ? [] : [`${reason}: ${channels.join(', ')}`];
    return [
      ...sentence(`stored but read by nothing, no such channel of ${kind} at ${placement}`, found.unknown),
      ...sentence('stored but read by nothing, unit cannot be converted', found.unit),
      ...sentence(`stored but not read by the model, ${rateHz} Hz is too low`, found.slow),
    ];
  };
}
