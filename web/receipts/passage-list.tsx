/** The passages of a receipt: the words, whose record they stand in, and what they earned. */
import { attributableIn, type EvidenceSpan, ownersIn, passageEarnings } from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import { plural } from '../app/numbers.ts';
import { Amount } from '../ledger/amount.tsx';
import { CitedRecord } from './cited-record.tsx';
import { hueOf } from './hue-of.ts';
import type { OpenedReceipt } from './open-receipt.ts';
import type { Pointing } from './output-text.tsx';

/** More records than this say the same thing again. */
const RECORDS_SHOWN = 4;

export function PassageList({
  client,
  opened,
  pointedAt,
  onPoint,
}: Pointing & { readonly client: Client; readonly opened: OpenedReceipt }) {
  const { receipt } = opened.bundle;
  const evidence = receipt.attribution;
  const attributable = attributableIn(opened.bundle);
  if (!evidence || !attributable || evidence.spans.length === 0) {
    return (
      <p className="note">
        No passage of {evidence?.minWords ?? 0} words or more stands in a record.
      </p>
    );
  }
  const data = BigInt(receipt.legs.find(({ role }) => role === 'data')?.units ?? 0);
  const earnings = passageEarnings(attributable, data, ownersIn(opened.bundle));
  return (
    <ol className="passages">
      {evidence.spans.map((span, i) => (
        <li
          key={span.start}
          className={hueOf(i, span)}
          data-pointed={pointedAt === i}
          onPointerEnter={() => onPoint(i)}
          onPointerLeave={() => onPoint(undefined)}
        >
          <div className="passage-head">
            <span className="passage-number">{i + 1}</span>
            <q>{wordsOf(opened, span)}</q>
          </div>
          <div className="passage-source">
            {span.records.slice(0, RECORDS_SHOWN).map((cited) => (
              <CitedRecord
                key={cited.record}
                client={client}
                datanetId={datanetOf(opened, cited.snapshot)}
                cited={cited}
                text={opened.bundle.records.find(({ record }) => record === cited.record)?.text}
              />
            ))}
            {span.records.length > RECORDS_SHOWN ? (
              <p className="quiet">
                and {plural(span.records.length - RECORDS_SHOWN, 'further record')}
              </p>
            ) : null}
          </div>
          <p className="passage-earned">
            <span className="quiet">{plural(span.words, 'word')}</span>
            {unpaidBecause(span) ?? <Amount units={earnings[i].units} />}
          </p>
        </li>
      ))}
    </ol>
  );
}

/** The passage as the output has it, or as a record has it when the output is not disclosed. */
function wordsOf({ bundle }: OpenedReceipt, { start, end, records }: EvidenceSpan): string {
  const { output } = bundle.disclosures;
  if (output) return output.text.slice(start, end);
  for (const cited of records) {
    const text = bundle.records.find(({ record }) => record === cited.record)?.text;
    if (text) return text.slice(cited.start, cited.end);
  }
  return '…';
}

function unpaidBecause({ echo, commons, records }: EvidenceSpan) {
  if (echo) return <span title="The client said it first.">echo, unpaid</span>;
  if (commons || records.length === 0)
    return <span title="It stands in so many records that it is nobody's.">commons, unpaid</span>;
  return undefined;
}

const datanetOf = ({ bundle }: OpenedReceipt, snapshot: string) =>
  bundle.snapshots.find((manifest) => manifest.snapshot === snapshot)?.datanet;
