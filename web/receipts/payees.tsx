/** Who earns from the data leg of one receipt. */
import { isId } from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import { plural } from '../app/numbers.ts';
import { PartyName } from '../identity/party-name.tsx';
import { Amount } from '../ledger/amount.tsx';
import type { DividedShares, Payee } from './divide-shares.ts';

const PARTIES_SHOWN = 5;

export function Payees({
  client,
  shares: { parties, prior },
}: {
  readonly client: Client;
  readonly shares: DividedShares;
}) {
  if (parties.length + prior.length === 0) return null;
  const rest = parties.slice(PARTIES_SHOWN);
  return (
    <section className="payees" aria-label="Who earns from the data leg">
      <h4>The data leg goes to</h4>
      <ul>
        {parties.slice(0, PARTIES_SHOWN).map(({ to, units }) => (
          <li key={to}>
            {isId('party', to) ? <PartyName client={client} partyId={to} /> : to}
            <span className="why">evidence</span>
            <Amount units={units} />
          </li>
        ))}
        {rest.length > 0 ? (
          <li>
            <span>{plural(rest.length, 'further party', 'further parties')}</span>
            <span className="why">evidence</span>
            <Amount units={rest.reduce((sum, { units }) => sum + units, 0n)} />
          </li>
        ) : null}
        {prior.map((payee) => (
          <li key={payee.to}>
            <PoolName payee={payee} />
            <span className="why">prior</span>
            <Amount units={payee.units} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** `pool:<snapshot>:<version>`, or where a prior goes when there is nobody in it. */
function PoolName({ payee: { to } }: { readonly payee: Payee }) {
  const [kind, snapshot] = to.split(':');
  return (
    <span title={to}>
      {kind === 'pool' ? `everybody in snapshot …${snapshot.slice(-6)}` : 'the commons'}
    </span>
  );
}
