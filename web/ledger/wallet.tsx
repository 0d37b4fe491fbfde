/** What the caller has to spend; on a local chain with a way to more of it. */
import { formatOpen, OPEN, parseOpen } from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import { useState } from 'react';
import { EVERY_MS, useReading, valueIn } from '../app/use-reading.ts';
import { Amount } from './amount.tsx';

const TEST_UNITS = parseOpen('10');

export function Wallet({ client }: { readonly client: Client }) {
  const balances = useReading(
    'balances',
    (signal) => client.ledger.balances({}, { signal }),
    EVERY_MS,
  );
  const vault = useReading('vault', (signal) => client.settlement.vault({}, { signal }));
  const [adding, setAdding] = useState<'no' | 'yes' | { readonly failed: string }>('no');

  const add = async () => {
    setAdding('yes');
    await client.settlement.faucet({ units: TEST_UNITS.toString() }).then(
      () => setAdding('no'),
      (error: Error) => setAdding({ failed: error.message }),
    );
  };
  const accounts = valueIn(balances)?.items;
  if (!accounts) return null;
  return (
    <p className="wallet">
      You have <Amount units={available(accounts)} /> to spend.
      {valueIn(vault)?.isLocal ? (
        <button type="button" className="plain" disabled={adding === 'yes'} onClick={add}>
          {adding === 'yes' ? 'Depositing …' : `Deposit ${formatOpen(TEST_UNITS)} test OPEN`}
        </button>
      ) : null}
      {typeof adding === 'object' ? <span className="fault">{adding.failed}</span> : null}
    </p>
  );
}

type Accounts = Awaited<ReturnType<Client['ledger']['balances']>>['items'];

const available = (accounts: Accounts): string =>
  accounts.find(({ account, asset }) => account.endsWith(':available') && asset === OPEN)?.amount ??
  '0';
