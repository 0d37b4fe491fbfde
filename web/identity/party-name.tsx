/** A party by its identity, as soon as that is known. */
import type { Client } from '@openledger/sdk';
import { useReading, valueIn } from '../app/use-reading.ts';

export function PartyName({
  client,
  partyId,
}: {
  readonly client: Client;
  readonly partyId: `pty_${string}`;
}) {
  const reading = useReading(`party ${partyId}`, (signal) =>
    client.identity.getParty({ partyId }, { signal }),
  );
  const party = valueIn(reading);
  return (
    <span className="party" title={partyId}>
      {party ? <Identity text={party.displayName ?? party.identity} /> : shortId(partyId)}
    </span>
  );
}

/** `npm-package:zod`, its kind set apart from its name. */
export function Identity({ text }: { readonly text: string }) {
  const colon = text.indexOf(':');
  if (colon < 0) return text;
  return (
    <>
      <span className="kind">{text.slice(0, colon)}</span> {shortName(text.slice(colon + 1))}
    </>
  );
}

const shortId = (id: string): string => `${id.slice(0, 4)}…${id.slice(-6)}`;

/** Hashes and addresses in the middle of a line need no more than their ends. */
const shortName = (name: string): string =>
  /^(0x)?[0-9a-f]{40,}$/.test(name) ? `${name.slice(0, 6)}…${name.slice(-4)}` : name;
