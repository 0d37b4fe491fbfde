/** `explain [party]`: what a party has earned, where it stands, and what it was paid for last; `explain RECEIPT`: who has what of a price. */
import {
  type api,
  type Client,
  formatOpen,
  isId,
  OpenLedgerError,
  type OutputOf,
  WEIGHT_ONE,
} from '@openledger/sdk';
import { hasFlag, parseArguments } from '../arguments.ts';
import { readable, table } from '../print.ts';
import { openSession } from '../session.ts';
import { explainReceipt, isReceiptName } from './explain-receipt.ts';

export async function explain(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  if (args.words.length === 1 && isReceiptName(args.words[0])) return explainReceipt(args);
  const { client } = await openSession(args);
  const party = await findParty(client, args.words[0]);
  const [earnings, payouts] = await Promise.all([
    client.fees.earnings({ partyId: party.id }),
    client.fees.payouts({ partyId: party.id, limit: 20 }),
  ]);
  if (hasFlag(args, 'json')) {
    console.log(JSON.stringify({ party, earnings, payouts: payouts.items }, null, 2));
    return 0;
  }
  const { partyId: _, fraction: __, ...amounts } = earnings;
  const inOpen = Object.entries(amounts).map(([name, units]) => [
    name,
    `${formatOpen(BigInt(units))} OPEN`,
  ]);
  const wallet = party.wallet ?? 'none yet: earnings wait in escrow for a claim';
  console.log(`${party.identity}\nwallet: ${wallet}\n`);
  console.log(`${readable(Object.fromEntries(inOpen))}\n`);
  console.log(table(payouts.items.map(payoutRow)));
  return 0;
}

type Payout = OutputOf<typeof api.fees.payouts>['items'][number];

const payoutRow = ({ servedAt, saleId, role, units, weight, reversed }: Payout) => ({
  served: servedAt,
  sale: saleId,
  for: role,
  earned: `${formatOpen(BigInt(units))} OPEN${reversed ? ' (reversed)' : ''}`,
  share: weight === undefined ? '' : percent(BigInt(weight)),
});

const percent = (weight: bigint): string =>
  `${(Number((weight * 1_000_000n) / WEIGHT_ONE) / 1e4).toFixed(2)} %`;

/** By id, by identity, or whose key it is. */
async function findParty(client: Client, name: string | undefined) {
  if (name === undefined) return (await client.identity.whoami()).party;
  if (isId('party', name)) return client.identity.getParty({ partyId: name });
  const { items } = await client.identity.listParties({ identity: name, limit: 1 });
  if (items.length > 0) return items[0];
  throw new OpenLedgerError('not_found', `Nobody is known as ${name}.`, { identity: name });
}
