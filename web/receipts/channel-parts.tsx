/** The parts of a data leg: what adapter, base and context weigh, and which channel divides each. */
import { attributableIn, PPM_ONE, partsOf, WEIGHT_ONE } from '@openledger/protocol';
import { percent } from '../app/numbers.ts';
import type { OpenedReceipt } from './open-receipt.ts';

const meanings = {
  adapter: 'what the adapter learned',
  base: 'what its base learned',
  context: 'what was put into the prompt',
} as const;

export function ChannelParts({ opened }: { readonly opened: OpenedReceipt }) {
  const attributable = attributableIn(opened.bundle);
  if (!attributable) return null;
  const { channels } = attributable;
  return (
    <section className="payees" aria-label="What made this answer">
      <h4>What made this answer</h4>
      <ul>
        {partsOf(attributable).map(({ role, weight, channel, confidencePpm }) => (
          <li key={role}>
            {meanings[role]}
            <span className="why">
              {channel === 'prior' ? 'prior' : `${channel}, trusted to ${percent(confidencePpm)}`}
            </span>
            <strong>{percent(Number((weight * BigInt(PPM_ONE)) / WEIGHT_ONE))}</strong>
          </li>
        ))}
      </ul>
      <p className="note quiet">{saidOf(channels)}</p>
    </section>
  );
}

function saidOf(channels: NonNullable<ReturnType<typeof attributableIn>>['channels']): string {
  if (!channels) return 'Not measured: these are the policy’s weights.';
  const chance = percent(channels.draw.ppm);
  if (!channels.scores)
    return `The draw, at ${chance}, fell on other answers: these are the policy’s weights.`;
  const { tokens } = channels.scores;
  const drawn = channels.draw.checkpoint ? `, drawn at ${chance}` : '';
  return `Measured on the engine that answered: ${channels.draw.passes} readings of ${tokens} tokens${drawn}.`;
}
