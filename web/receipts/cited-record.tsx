/** Where a passage comes from: the record's contributors, and its place in their source. */
import type { EvidenceSpan } from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import { Fragment } from 'react';
import { useReading, valueIn } from '../app/use-reading.ts';
import { Identity } from '../identity/party-name.tsx';
import { placeOf } from './place-of.ts';

export function CitedRecord({
  client,
  datanetId,
  cited,
  text,
}: {
  readonly client: Client;
  readonly datanetId: `dn_${string}` | undefined;
  readonly cited: EvidenceSpan['records'][number];
  /** The record's text; null when it was withdrawn since. */
  readonly text: string | null | undefined;
}) {
  const reading = useReading(`record ${cited.record}`, (signal) =>
    datanetId
      ? client.datanets.getRecord({ datanetId, recordHash: cited.record }, { signal })
      : Promise.reject(new Error('The datanet is not named.')),
  );
  const record = valueIn(reading);
  return (
    <p className="cited" title={`record ${cited.record}`}>
      {record ? (
        <>
          {record.contributors.map(({ partyId, identity }, i) => (
            <Fragment key={partyId}>
              {i > 0 ? ', ' : ''}
              <span className="owner">
                <Identity text={identity} />
              </span>
            </Fragment>
          ))}{' '}
          <span className="place">{placeOf(record, text ?? record.text, cited.start)}</span>
        </>
      ) : (
        <code>record {cited.record.slice(0, 12)}…</code>
      )}
      {text === null ? <em> withdrawn since</em> : null}
    </p>
  );
}
