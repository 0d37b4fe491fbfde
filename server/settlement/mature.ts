/** Pending credits become payable when nobody can dispute them any more; without a wallet they wait in escrow. */
import { isId, OPEN, splitByWeight } from '@openledger/protocol';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { postInParts } from './post-in-parts.ts';
import type { PartyId, Stage } from './stage.ts';

/** A credit on its way when its epoch closed may land after that epoch has matured: so many epochs are looked at again. */
const LOOK_BACK = 16n;

/**
 * Moves what has matured: `pending:<epoch>` -> `payable`, or `escrow` for a party without a wallet; and `escrow` ->
 * `payable` for parties that have bound a wallet since. Fees come first: until they have matured the epoch, refunds take
 * from its pending accounts.
 *
 * @param through the last epoch whose dispute window has passed
 */
export async function mature(stage: Stage, through: bigint): Promise<void> {
  await stage.fees.mature(Number(through));
  const epochs = await stage.db.query<{ number: string }>(sql`
    select number
    from settlement.epochs
    where number <= ${through}
      and (state = 'closing' or number > ${through - LOOK_BACK})
    order by number`);
  for (const { number } of epochs) {
    const balances = await partyBalances(stage, `pending:${number}`);
    const wallets = await stage.walletsOf(balances.map(({ party }) => party));
    await moveAll(stage, 'matured', balances, ({ party }) => ({
      from: `pending:${number}`,
      to: wallets.has(party) ? 'payable' : 'escrow',
    }));
  }
  const waiting = await partyBalances(stage, 'escrow');
  const wallets = await stage.walletsOf(waiting.map(({ party }) => party));
  const released = waiting.filter(({ party }) => wallets.has(party));
  await moveAll(stage, 'escrow.released', released, () => ({ from: 'escrow', to: 'payable' }));
  await passOn(stage, waiting);
}

/** What waited for a decision goes to those for whom it fell. */
async function passOn(stage: Stage, waiting: readonly PartyBalance[]): Promise<void> {
  const heirs = await stage.heirsOf(waiting.map(({ party }) => party));
  const inherited = waiting.flatMap(({ party, amount }) =>
    splitByWeight(amount, heirs.get(party) ?? []).map((part) => ({ ...part, from: party })),
  );
  const wallets = await stage.walletsOf(
    inherited.flatMap(({ party }) => (isId('party', party) ? party : [])),
  );
  await postInParts(stage, {
    since: stage.clock.now(),
    name: newId('transaction', stage.clock),
    reason: 'escrow.decided',
    postings: inherited.map(({ from, party, amount }) => ({
      from: `${from}:escrow`,
      to: `${party}:${wallets.has(party) ? 'payable' : 'escrow'}`,
      amount,
    })),
  });
}

export type PartyBalance = { readonly party: PartyId; readonly amount: bigint };

/** What each party has under a purpose; other owners (treasury, insurance) have no wallets to pay to. */
export async function partyBalances(
  { ledger }: Pick<Stage, 'ledger'>,
  purpose: string,
): Promise<readonly PartyBalance[]> {
  const balances = await ledger.balances({ suffix: `:${purpose}`, asset: OPEN });
  return balances.flatMap(({ account, amount }) => {
    const party = account.slice(0, -purpose.length - 1);
    return isId('party', party) ? [{ party, amount }] : [];
  });
}

/**
 * The key is new each time, which is safe here: a move takes what stands in an account, so a repeat after a lost answer
 * finds the account empty, and two at once cannot both take it.
 */
function moveAll(
  stage: Stage,
  reason: string,
  balances: readonly PartyBalance[],
  way: (balance: PartyBalance) => { readonly from: string; readonly to: string },
): Promise<void> {
  return postInParts(stage, {
    since: stage.clock.now(),
    name: newId('transaction', stage.clock),
    reason,
    postings: balances.map((balance) => {
      const { from, to } = way(balance);
      return {
        from: `${balance.party}:${from}`,
        to: `${balance.party}:${to}`,
        amount: balance.amount,
      };
    }),
  });
}
