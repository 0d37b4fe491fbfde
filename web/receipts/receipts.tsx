/** The newest receipts, and the chosen one in full. */
import type { Client } from '@openledger/sdk';
import { useFragment } from '../app/fragment.ts';
import { Empty, Read, Section } from '../app/section.tsx';
import { EVERY_MS, useReading, valueIn } from '../app/use-reading.ts';
import { ReceiptRow } from './receipt-row.tsx';
import { ReceiptSheet } from './receipt-sheet.tsx';

const NEWEST = 14;

export function Receipts({ client }: { readonly client: Client }) {
  const reading = useReading(
    'receipts',
    (signal) => client.receipts.list({ limit: NEWEST }, { signal }),
    EVERY_MS,
  );
  const lines = valueIn(reading)?.items.filter(({ kind }) => kind === 'receipt') ?? [];
  const chosen = useFragment('receipt') ?? lines[0]?.id;
  return (
    <Section
      id="receipts"
      title="Receipts"
      lead="One for each paid answer: signed, in a public log, and checked here by your own browser."
    >
      <Read reading={reading} what="receipts">
        {() =>
          chosen === undefined ? (
            <Empty>You have none yet. Ask something: its receipt appears within a second.</Empty>
          ) : (
            <div className="receipts">
              <ol className="receipt-list" aria-label="Your newest receipts">
                {lines.map((line) => (
                  <ReceiptRow
                    key={line.id}
                    client={client}
                    line={line}
                    isChosen={line.id === chosen}
                  />
                ))}
              </ol>
              <ReceiptSheet key={chosen} client={client} receiptId={chosen} />
            </div>
          )
        }
      </Read>
    </Section>
  );
}
