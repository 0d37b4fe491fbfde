/** Statements and the journal as CSV (RFC 4180): a header, one record a line, CRLF. Amounts in units, and in OPEN. */
import { formatOpen, OPEN, type Statement } from '@openledger/protocol';
import type { Transaction } from './transaction.ts';

/** An account begins with a line `opening` and ends with a line `closing`, so that an empty statement says so too. */
export function statementCsv({ accounts, firstSequence, lastSequence }: Statement): string {
  const header = [
    ...['account', 'asset', 'sequence', 'transaction', 'at', 'effective_at', 'kind', 'reason'],
    ...['reference', 'amount_units', 'amount_open', 'balance_units', 'balance_open'],
  ];
  const records = accounts.flatMap(({ account, asset, opening, closing, entries }) => {
    const book = [text(account), text(asset)];
    const standing = (kind: string, sequence: number, balance: string) => [
      ...[...book, String(sequence), '', '', '', kind, '', '', '', ''],
      ...amounts(asset, balance),
    ];
    return [
      standing('opening', firstSequence - 1, opening),
      ...entries.map((entry) => [
        ...[...book, String(entry.sequence), entry.transactionId, entry.at],
        ...[entry.effectiveAt ?? '', entry.kind, text(entry.reason), text(entry.reference)],
        ...[...amounts(asset, entry.amount), ...amounts(asset, entry.balance)],
      ]),
      standing('closing', lastSequence, closing),
    ];
  });
  return csv([header, ...records]);
}

/** A posting a line. Only the first page has the header. */
export function journalCsv(
  transactions: readonly Transaction[],
  { isFirst }: { readonly isFirst: boolean },
): string {
  const header = [
    ...['sequence', 'transaction', 'at', 'effective_at', 'kind', 'reason', 'reference'],
    ...['from', 'to', 'asset', 'amount_units', 'amount_open'],
  ];
  const records = transactions.flatMap((one) =>
    one.postings.map(({ from, to, asset, amount }) => [
      ...[String(one.sequence), one.transactionId, one.at.toISOString()],
      ...[one.effectiveAt?.toISOString() ?? '', one.kind, text(one.reason), text(one.reference)],
      ...[text(from), text(to), text(asset), ...amounts(asset, amount.toString())],
    ]),
  );
  return csv(isFirst ? [header, ...records] : records);
}

/** Units, and OPEN where the asset is OPEN: of others nobody said how many units make one. */
const amounts = (asset: string, units: string): readonly string[] => [
  units,
  asset === OPEN ? formatOpen(BigInt(units)) : '',
];

/**
 * A text that a spreadsheet would take for a formula gets an apostrophe before it, and so does one that begins with an
 * apostrophe: taking one away gives every text back.
 */
const text = (value = ''): string => (/^[=+\-@\t\r\n']/.test(value) ? `'${value}` : value);

const csv = (records: readonly (readonly string[])[]): string =>
  records.map((record) => `${record.map(field).join(',')}\r\n`).join('');

const field = (value: string): string =>
  /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
