/** The ledger over HTTP: everybody sees his own accounts, admins see all. */
import { api, OpenLedgerError, type OutputOf } from '@openledger/protocol';
import { type Caller, isAdmin } from '../identity/index.ts';
import {
  type AccountKey,
  type Balance,
  type Entry,
  type Ledger,
  ownedBy,
  type RecordedTransaction,
} from '../ledger/index.ts';
import { implement, type Route } from './implement.ts';

export const ledgerRoutes = ({ ledger }: { readonly ledger: Ledger }): readonly Route[] =>
  implement(api.ledger, {
    balances: async ({ partyId, limit, after }, { caller }) => {
      const prefix = `${partyId ?? caller.partyId}:`;
      assertSees(caller, prefix);
      const found = await ledger.balances({ prefix, limit, after: parseCursor(after) });
      return { items: found.map(wireBalance), next: nextOf(found, limit, formatCursor) };
    },
    statement: async ({ account, asset, limit, after }, { caller }) => {
      assertSees(caller, account);
      const page = { asset, limit, after: after === undefined ? undefined : Number(after) };
      const found = await ledger.statement(account, page);
      const next = nextOf(found, limit, ({ sequence }) => String(sequence));
      return { items: found.map(wireEntry), next };
    },
    transaction: async ({ transactionId }, { caller }) => {
      const transaction = await ledger.transaction(transactionId);
      if (transaction && isSeen(caller, transaction)) return wireTransaction(transaction);
      throw new OpenLedgerError(
        'not_found',
        `There is no transaction ${transactionId} on an account of yours.`,
      );
    },
    trialBalance: async () => ({
      assets: (await ledger.trialBalance()).map(({ asset, lines, sum }) => ({
        asset,
        lines: lines.map((line) => ({ ...line, amount: line.amount.toString() })),
        sum: sum.toString(),
      })),
    }),
    audit: () => ledger.audit(),
  });

function assertSees(caller: Caller, account: string): void {
  if (ownedBy(caller.partyId, account) || isAdmin(caller)) return;
  throw new OpenLedgerError('forbidden', 'This account is not yours.', { account });
}

const isSeen = (caller: Caller, { postings }: RecordedTransaction): boolean =>
  isAdmin(caller) ||
  postings.some(({ from, to }) => ownedBy(caller.partyId, from) || ownedBy(caller.partyId, to));

/** A full page names its last item, after which the next one begins. */
const nextOf = <Item>(
  items: readonly Item[],
  limit: number,
  cursor: (item: Item) => string,
): string | undefined => (items.length < limit ? undefined : cursor(items[items.length - 1]));

/** An account and an asset as one text; no account holds a comma. */
const formatCursor = ({ account, asset }: Balance): string => `${account},${asset}`;

function parseCursor(text: string | undefined): AccountKey | undefined {
  if (text === undefined) return undefined;
  const comma = text.indexOf(',');
  if (comma > 0) return { account: text.slice(0, comma), asset: text.slice(comma + 1) };
  throw new OpenLedgerError('invalid_input', `"${text}" is not the next of a page.`);
}

const wireBalance = ({ account, asset, amount }: Balance) => ({
  account,
  asset,
  amount: amount.toString(),
});

const wireEntry = ({
  at,
  effectiveAt,
  amount,
  balance,
  ...entry
}: Entry): OutputOf<typeof api.ledger.statement>['items'][number] => ({
  ...entry,
  at: at.toISOString(),
  effectiveAt: effectiveAt?.toISOString(),
  amount: amount.toString(),
  balance: balance.toString(),
});

const wireTransaction = ({
  at,
  effectiveAt,
  expiresAt,
  reversedBy,
  postings,
  ...transaction
}: RecordedTransaction): OutputOf<typeof api.ledger.transaction> => ({
  ...transaction,
  at: at.toISOString(),
  effectiveAt: effectiveAt?.toISOString(),
  expiresAt: expiresAt?.toISOString(),
  reversedBy: [...reversedBy],
  postings: postings.map(({ amount, ...posting }) => ({ ...posting, amount: amount.toString() })),
});
