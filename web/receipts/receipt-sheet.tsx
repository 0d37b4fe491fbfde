/** One receipt in full: what was said, whose words they were, who earns, and whether it holds. */
import { formatOpen, OpenLedgerError, PPM_ONE } from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import { useState } from 'react';
import { percent, plural } from '../app/numbers.ts';
import { Read } from '../app/section.tsx';
import { type Reading, useReading } from '../app/use-reading.ts';
import { Amount } from '../ledger/amount.tsx';
import { ChannelParts } from './channel-parts.tsx';
import { FeeBar } from './fee-bar.tsx';
import { type OpenedReceipt, openReceipt } from './open-receipt.ts';
import { OutputText } from './output-text.tsx';
import { PassageList } from './passage-list.tsx';
import { Payees } from './payees.tsx';
import { VerifyPanel } from './verify-panel.tsx';

export function ReceiptSheet({
  client,
  receiptId,
}: {
  readonly client: Client;
  readonly receiptId: string;
}) {
  const reading = useReading(`receipt ${receiptId}`, (signal) =>
    openReceipt(client, receiptId, signal),
  );
  return (
    <article className="sheet" aria-label="The chosen receipt">
      {isBeingWritten(reading) ? (
        <p className="note quiet" role="status">
          Waiting for receipt <code>{receiptId}</code> …
        </p>
      ) : (
        <Read reading={reading} what="the receipt">
          {(opened) => <Sheet client={client} opened={opened} />}
        </Read>
      )}
    </article>
  );
}

const SERVED_AT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'medium' });

/** A receipt follows its answer within a second; until then there is none of that name. */
const isBeingWritten = (reading: Reading<unknown>): boolean =>
  reading.state === 'failed' &&
  reading.error instanceof OpenLedgerError &&
  reading.error.code === 'not_found';

function Sheet({ client, opened }: { readonly client: Client; readonly opened: OpenedReceipt }) {
  const [pointedAt, pointAt] = useState<number>();
  const { receipt, disclosures } = opened.bundle;
  const spans = receipt.attribution?.spans ?? [];
  return (
    <>
      <header className="sheet-head">
        <div>
          <h3>{receipt.model.name}</h3>
          <p className="quiet">
            <time dateTime={receipt.servedAt}>{SERVED_AT.format(new Date(receipt.servedAt))}</time>{' '}
            · {plural(receipt.usage.promptTokens, 'token')} in,{' '}
            {plural(receipt.usage.completionTokens, 'token')} out
            {receipt.price.terms
              ? ` · ${formatOpen(BigInt(receipt.price.terms.promptUnits))} and ${formatOpen(BigInt(receipt.price.terms.completionUnits))} OPEN a token`
              : ''}
            {receipt.model.engine ? ` · ${receipt.model.engine}` : ''}
          </p>
        </div>
        <p className="sheet-price">
          <Amount units={receipt.price.units} />
        </p>
      </header>

      {disclosures.output ? (
        <OutputText
          text={disclosures.output.text}
          spans={spans}
          pointedAt={pointedAt}
          onPoint={pointAt}
        />
      ) : (
        <p className="note">The output is not disclosed: the receipt holds a commitment to it.</p>
      )}

      {receipt.attribution ? (
        <>
          <p className="grounds">
            <strong>{percent(receipt.attribution.groundedPpm)}</strong> of what the answer says
            stands in records, word for word. Evidence divides {percent(opened.shares.evidencePpm)}{' '}
            of the data leg; the prior divides the other{' '}
            {percent(PPM_ONE - opened.shares.evidencePpm)} over everybody in the snapshots.
          </p>
          <PassageList client={client} opened={opened} pointedAt={pointedAt} onPoint={pointAt} />
        </>
      ) : (
        <p className="note">
          No registered data stands behind this answer, so there is no data leg.
        </p>
      )}

      <ChannelParts opened={opened} />
      <FeeBar legs={receipt.legs} />
      <Payees client={client} shares={opened.shares} />
      <VerifyPanel text={opened.text} trust={opened.trust} receiptId={receipt.id} />
    </>
  );
}
