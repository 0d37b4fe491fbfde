/** What anybody may know of the books: that they balance, that the vault covers them, and by which rules they are kept. */
import type { FeeSchedule } from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import type { ReactNode } from 'react';
import { count, percent } from '../app/numbers.ts';
import { Read, Section } from '../app/section.tsx';
import { EVERY_MS, type Reading, useReading } from '../app/use-reading.ts';
import { Amount } from './amount.tsx';

export function Books({ client }: { readonly client: Client }) {
  const solvency = useReading(
    'solvency',
    (signal) => client.settlement.solvency({}, { signal }),
    5 * EVERY_MS,
  );
  const balance = useReading(
    'trial balance',
    (signal) => client.ledger.trialBalance({}, { signal }),
    5 * EVERY_MS,
  );
  const log = useReading(
    'log',
    (signal) => client.receipts.checkpoint({}, { signal }),
    5 * EVERY_MS,
  );
  const policy = useReading('policy', (signal) => client.governance.policy({}, { signal }));
  return (
    <Section id="books" title="The books" lead="Public: nobody needs a key to check them.">
      <dl className="books">
        <Line name="The vault covers what is owed" reading={solvency}>
          {({ solvent, vaultUnits, liabilitiesUnits }) => (
            <>
              <Verdict holds={solvent} yes="covered" no="not covered" />: it holds{' '}
              <Amount units={vaultUnits} />, owed are <Amount units={liabilitiesUnits} />
            </>
          )}
        </Line>
        <Line name="All accounts sum to zero" reading={balance}>
          {({ assets }) =>
            assets.length === 0
              ? 'Nothing was posted yet.'
              : assets.map(({ asset, sum, lines }) => (
                  <span key={asset}>
                    <Verdict holds={sum === '0'} yes="they do" no={`off by ${sum} units`} />:{' '}
                    {asset}, {count(lines.reduce((all, { accounts }) => all + accounts, 0))}{' '}
                    accounts
                  </span>
                ))
          }
        </Line>
        <Line name="One log holds every receipt" reading={log}>
          {({ treeSize, rootHash }) => (
            <>
              {count(treeSize)} leaves, root <code title={rootHash}>{rootHash.slice(0, 16)}…</code>
            </>
          )}
        </Line>
        <Line name="Prices are split by policy" reading={policy}>
          {({ hash, policy: { withData } }) => (
            <>
              {scheduleInWords(withData)}; policy <code title={hash}>{hash.slice(0, 16)}…</code>
            </>
          )}
        </Line>
      </dl>
    </Section>
  );
}

function Line<T>({
  name,
  reading,
  children,
}: {
  readonly name: string;
  readonly reading: Reading<T>;
  readonly children: (value: T) => ReactNode;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Read reading={reading} what="this part">
          {children}
        </Read>
      </dd>
    </div>
  );
}

const Verdict = (verdict: {
  readonly holds: boolean;
  readonly yes: string;
  readonly no: string;
}) =>
  verdict.holds ? (
    <strong className="holds">{verdict.yes}</strong>
  ) : (
    <strong className="fault">{verdict.no}</strong>
  );

const scheduleInWords = ({ dataPpm, builderPpm, operatorPpm, protocol }: FeeSchedule): string =>
  [
    ['data', dataPpm] as const,
    ['builder and base', builderPpm] as const,
    ['operator', operatorPpm] as const,
    ['protocol', protocol.stakersPpm + protocol.treasuryPpm + protocol.insurancePpm] as const,
  ]
    .map(([role, ppm]) => `${role} ${percent(ppm)}`)
    .join(', ');
