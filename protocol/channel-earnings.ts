/** What the channels that measure causes earned for whom; what passages earned is `passageEarnings`. */
import { type Attributable, type ChannelPart, partsOf, samplingOf } from './channels.ts';
import { PPM_ONE, WEIGHT_ONE } from './split.ts';

export type ChannelEarning = Pick<ChannelPart, 'role' | 'channel' | 'confidencePpm'> & {
  readonly to: string;
  /** Rounded down: a way to look at a receipt, as with passages. */
  readonly units: bigint;
};

/** @param dataUnits the data leg */
export function channelEarnings(of: Attributable, dataUnits: bigint): readonly ChannelEarning[] {
  const factorOf = samplingOf(of);
  return partsOf(of)
    .filter(({ channel }) => channel === 'context' || channel === 'influence')
    .flatMap(({ role, channel, confidencePpm, weight, measurement: { parties, whole } }) => {
      const sums = new Map<string, bigint>();
      for (const { to, amount } of parties) sums.set(to, (sums.get(to) ?? 0n) + amount);
      return [...sums].map(([to, amount]) => {
        const { numerator, denominator } = factorOf(to);
        const part = dataUnits * weight * BigInt(confidencePpm) * amount * numerator;
        const units = part / (whole * WEIGHT_ONE * BigInt(PPM_ONE) * denominator);
        return { role, channel, confidencePpm, to, units };
      });
    });
}
