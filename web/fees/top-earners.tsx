/** Who was paid for data: the most first, and where the money is now. */
import type { Client } from '@openledger/sdk';
import { Empty, Read, Section } from '../app/section.tsx';
import { EVERY_MS, useReading, valueIn } from '../app/use-reading.ts';
import { PartyName } from '../identity/party-name.tsx';
import { Amount } from '../ledger/amount.tsx';
import { standingOf } from './standing.ts';

export function TopEarners({ client }: { readonly client: Client }) {
  const reading = useReading(
    'top earners',
    (signal) => client.fees.top({ limit: 10 }, { signal }),
    EVERY_MS,
  );
  return (
    <Section
      id="paid"
      title="Who was paid"
      lead="For data. What nobody has claimed yet waits in escrow."
    >
      <Read reading={reading} what="who was paid">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>Nobody yet. The first paid answer that rests on a datanet changes that.</Empty>
          ) : (
            <ol className="earners">
              {items.map(({ partyId, units }) => (
                <Earner
                  key={partyId}
                  client={client}
                  partyId={partyId}
                  units={BigInt(units)}
                  most={BigInt(items[0].units)}
                />
              ))}
            </ol>
          )
        }
      </Read>
    </Section>
  );
}

function Earner({
  client,
  partyId,
  units,
  most,
}: {
  readonly client: Client;
  readonly partyId: `pty_${string}`;
  readonly units: bigint;
  readonly most: bigint;
}) {
  const earnings = useReading(
    `earnings ${partyId}`,
    (signal) => client.fees.earnings({ partyId }, { signal }),
    2 * EVERY_MS,
  );
  const known = valueIn(earnings);
  const perMille = most > 0n ? Number((units * 1000n) / most) : 0;
  return (
    <li>
      <PartyName client={client} partyId={partyId} />
      <Amount units={units} />
      <svg
        className="earner-bar"
        viewBox="0 0 1000 4"
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <rect width={perMille} height="4" />
      </svg>
      <span className="standing">{known ? standingOf(known) : ''}</span>
    </li>
  );
}
