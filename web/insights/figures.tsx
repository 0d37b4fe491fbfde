/** The loop in five figures. */
import { PPM_ONE } from '@openledger/protocol';
import type { ReactNode } from 'react';
import { count, duration, percent } from '../app/numbers.ts';
import { Read } from '../app/section.tsx';
import type { Reading } from '../app/use-reading.ts';
import { Amount } from '../ledger/amount.tsx';
import type { Summary } from './use-counts.ts';

export const Figures = ({ reading }: { readonly reading: Reading<Summary> }) => (
  <Read reading={reading} what="the summary">
    {(summary) => (
      <dl className="figures">
        <Figure name="Paid for executions">
          <Amount units={summary.feesUnits} />
        </Figure>
        <Figure name="Credited for data">
          <Amount units={summary.creditedUnits} />
        </Figure>
        <Figure name="Parties credited">{count(summary.partiesCredited)}</Figure>
        <Figure name="Answers that quote records">{quoting(summary)}</Figure>
        <Figure name="From answer to credit">
          {summary.creditMs ? (
            <>
              {duration(summary.creditMs.p50)} <small>p99 {duration(summary.creditMs.p99)}</small>
            </>
          ) : (
            'none yet'
          )}
        </Figure>
      </dl>
    )}
  </Read>
);

const Figure = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const quoting = ({ attributed, grounded }: Summary): string =>
  attributed === 0 ? 'none yet' : percent(Math.floor((grounded * PPM_ONE) / attributed));
