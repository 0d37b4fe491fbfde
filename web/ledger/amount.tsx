/** An amount of OPEN, short to the eye, exact to whoever points at it. */
import { formatOpen } from '@openledger/protocol';
import { shortOpen } from '../app/numbers.ts';

export function Amount({ units }: { readonly units: bigint | string }) {
  const exact = BigInt(units);
  return (
    <data className="amount" value={exact.toString()} title={`${formatOpen(exact)} OPEN`}>
      {shortOpen(exact)} <small>OPEN</small>
    </data>
  );
}
