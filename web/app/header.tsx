/** The head of the page: whose key it is, and whether the money is real. */
import type { Client } from '@openledger/sdk';
import { forgetKey } from '../identity/api-key.ts';
import { Logo } from './logo.tsx';
import { type Reading, useReading, valueIn } from './use-reading.ts';

export function Header({
  client,
  apiKey,
  reading,
}: {
  readonly client: Client;
  readonly apiKey: string | undefined;
  /** Whatever is read all the time: when it fails, the server cannot be reached. */
  readonly reading: Reading<unknown>;
}) {
  const isLost = reading.state === 'failed' || (reading.state === 'there' && reading.error);
  return (
    <header className="masthead">
      <div className="masthead-row">
        <a className="brand" href="/">
          <Logo /> OpenLedger
        </a>
        {apiKey === undefined ? null : <LocalNotice client={client} />}
        {apiKey === undefined ? (
          <p className="caller">
            <span className="quiet">No key: public numbers only</span>
          </p>
        ) : (
          <Caller client={client} />
        )}
      </div>
      {isLost ? (
        <p className="lost" role="status">
          The server does not answer. What stands here is what it said last; trying again.
        </p>
      ) : null}
    </header>
  );
}

function LocalNotice({ client }: { readonly client: Client }) {
  const vault = valueIn(useReading('vault', (signal) => client.settlement.vault({}, { signal })));
  if (!vault?.isLocal) return null;
  return <p className="local">Local test units; nobody was contacted</p>;
}

function Caller({ client }: { readonly client: Client }) {
  const reading = useReading('whoami', (signal) => client.identity.whoami({}, { signal }));
  const who = valueIn(reading);
  return (
    <div className="caller">
      {reading.state === 'failed' ? <span className="fault">The key is not accepted</span> : null}
      {who ? (
        <span title={`May: ${who.key.scopes.join(', ')}`}>
          {who.party.displayName ?? who.party.identity} <code>{who.key.hint}…</code>
        </span>
      ) : null}
      <button type="button" className="plain" onClick={forgetKey}>
        Forget key
      </button>
    </div>
  );
}
