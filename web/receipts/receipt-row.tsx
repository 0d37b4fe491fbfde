/** A receipt in the list: model, price, how much of it is grounded, and when. */
import { type InferenceReceipt, PPM_ONE } from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import { writeFragment } from '../app/fragment.ts';
import { clockTime, percent } from '../app/numbers.ts';
import { useReading, valueIn } from '../app/use-reading.ts';
import { Amount } from '../ledger/amount.tsx';
import { divideShares } from './divide-shares.ts';

type Line = Awaited<ReturnType<Client['receipts']['list']>>['items'][number];

export function ReceiptRow({
  client,
  line,
  isChosen,
}: {
  readonly client: Client;
  readonly line: Line;
  readonly isChosen: boolean;
}) {
  const reading = useReading(`receipt ${line.id}`, (signal) =>
    client.receipts.get({ receiptId: line.id }, { signal }),
  );
  const receipt = valueIn(reading)?.receipt;
  return (
    <li>
      <button
        type="button"
        aria-current={isChosen}
        onClick={() => writeFragment('receipt', line.id)}
      >
        <span className="row-model">
          {receipt?.kind === 'receipt' ? receipt.model.name : 'answer'}
        </span>
        <Amount units={line.units} />
        {receipt?.kind === 'receipt' ? <Grounds receipt={receipt} /> : <span>&nbsp;</span>}
        <time dateTime={line.issuedAt}>{clockTime(line.issuedAt, new Date())}</time>
      </button>
    </li>
  );
}

/** How much of the answer is in records, and how its data leg was divided. */
function Grounds({ receipt }: { readonly receipt: InferenceReceipt }) {
  if (!receipt.attribution) return <span className="row-grounds">no registered data</span>;
  const { groundedPpm } = receipt.attribution;
  const { evidencePpm } = divideShares(receipt);
  return (
    <>
      <span className="row-grounds">
        {percent(groundedPpm)} grounded
        <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          <rect className="rest" width="100" height="4" />
          <rect width={groundedPpm / 10_000} height="4" />
        </svg>
      </span>
      <span className="row-shares">
        evidence {percent(evidencePpm)}, prior {percent(PPM_ONE - evidencePpm)}
      </span>
    </>
  );
}
