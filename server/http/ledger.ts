/** The ledger over HTTP: everybody sees his own accounts, admins see all. */
import {
  api,
  canonicalize,
  type ExportFormat,
  OpenLedgerError,
  type OutputOf,
  type Statement,
} from '@openledger/protocol';
import { type Caller, isAdmin } from '../identity/index.ts';
import {
  type AccountKey,
  type Balance,
  type Entry,
  encodeTransaction,
  journalBeancount,
  journalCsv,
  type Ledger,
  ownedBy,
  type RecordedTransaction,
  statementBeancount,
  statementCsv,
  type Transaction,
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
    proof: async ({ transactionId }, { caller }) => {
      const transaction = await ledger.transaction(transactionId);
      const proof =
        transaction && isSeen(caller, transaction) && (await ledger.prove(transactionId));
      if (proof) return proof;
      throw new OpenLedgerError(
        'not_found',
        `There is no transaction ${transactionId} on an account of yours.`,
      );
    },
    export: async ({ account, partyId, period, from, to, format, ...sequences }, { caller }) => {
      const subject = account ?? `${partyId ?? caller.partyId}:`;
      assertSees(caller, subject);
      if (account !== undefined && partyId !== undefined) {
        throw new OpenLedgerError('invalid_input', 'Name an account or a party, not both.');
      }
      const span = { ...sequences, period, from: date(from), to: date(to) };
      const statement = await ledger.export(subject, span);
      return {
        format,
        transactions: statement.transactions.length,
        text: statementText[format](statement),
      };
    },
    journal: async ({ limit, after, format }) => {
      const page = { limit, after: after === undefined ? undefined : Number(after) };
      const { transactions, next } = await ledger.journal(page);
      const text = journalText[format](transactions, { isFirst: after === undefined });
      return { format, transactions: transactions.length, text, next: next?.toString() };
    },
    periods: async ({ limit, after }) => {
      const page = { limit, after: after === undefined ? undefined : Number(after) };
      const found = await ledger.periods(page);
      return {
        items: found.flatMap(({ seal }) => seal ?? []),
        next: nextOf(found, limit, ({ number }) => String(number)),
      };
    },
    closePeriod: async ({ period }) => {
      await ledger.closePeriod(period);
      return ledger.sealPeriod(period);
    },
    lateEvents: async ({ period, limit, after }) => {
      const page = { period, limit, after: after === undefined ? undefined : Number(after) };
      const found = await ledger.lateEvents(page);
      return {
        items: found.map(({ at, effectiveAt, ...event }) => ({
          ...event,
          at: at.toISOString(),
          effectiveAt: effectiveAt.toISOString(),
        })),
        next: nextOf(found, limit, ({ sequence }) => String(sequence)),
      };
    },
  });

const statementText: Readonly<Record<ExportFormat, (statement: Statement) => string>> = {
  json: canonicalize,
  csv: statementCsv,
  beancount: statementBeancount,
};

/** As JSON, a transaction a line: the leaves that the batches' roots are over. */
const journalText: Readonly<
  Record<ExportFormat, (page: readonly Transaction[], place: { isFirst: boolean }) => string>
> = {
  json: (page) => page.map((transaction) => `${encodeTransaction(transaction)}\n`).join(''),
  csv: journalCsv,
  beancount: journalBeancount,
};

const date = (text: string | undefined): Date | undefined =>
  text === undefined ? undefined : new Date(text);

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
