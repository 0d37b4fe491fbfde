/**
 * Statements and the journal as plain-text accounting that `bean-check` accepts (beancount 2 and 3).
 *
 * Every posting is written as its two legs, one after the other: so a transaction stands at zero after each pair, exactly,
 * although beancount adds with 28 digits.
 */
import { createHash } from 'node:crypto';
import { isSubject, OPEN, type Statement } from '@openledger/protocol';
import type { Transaction } from './transaction.ts';

/** Everybody else, as a party's own statement shows him. */
const OTHERS = 'Equity:Others';
const OPENING = 'Equity:Opening-Balances';
const DAY_MS = 86_400_000;

type Posting = readonly [from: string, to: string, amount: string, asset: string];

/** Opening balances, one transaction for each of the ledger's with the legs of this party, and the closing balances. */
export function statementBeancount({ subject, accounts, transactions, seals }: Statement): string {
  const leaves = transactions.map(({ leaf }) => JSON.parse(leaf) as Leaf);
  const times = leaves.map(({ at }) => Date.parse(at));
  const fixed = Date.parse(seals.closing?.closedAt ?? '1970-01-02T00:00:00Z');
  const first = times.reduce((a, b) => Math.min(a, b), times[0] ?? fixed);
  const last = times.reduce((a, b) => Math.max(a, b), times[0] ?? fixed);
  const start = day(first - DAY_MS);
  const shown = (account: string) =>
    isSubject(subject, account) ? beancountAccount(account) : OTHERS;
  const opened = accounts.filter(({ opening }) => opening !== '0');
  const names = new Set([...accounts.map(({ account }) => beancountAccount(account))]);
  const assets = new Set([...accounts.map(({ asset }) => asset)]);
  return [
    `option "title" ${quote(`OpenLedger: ${subject}`)}`,
    ...[...assets].map((asset) => commodity(asset, start)),
    ...[...names, OTHERS, OPENING].map((name) => `${start} open ${name}`),
    ...opened.flatMap(({ account, asset, opening }) => [
      '',
      `${start} * "Opening balance"`,
      ...legs([OPENING, beancountAccount(account), opening, asset]),
    ]),
    ...leaves.flatMap((leaf) => [
      '',
      ...head(leaf),
      ...leaf.postings
        .filter(([from, to]) => isSubject(subject, from) || isSubject(subject, to))
        .flatMap(([from, to, amount, asset]) => legs([shown(from), shown(to), amount, asset])),
    ]),
    '',
    ...accounts.map(({ account, asset, closing, ...moved }) => {
      const sizes = [closing, ...moved.entries.map(({ balance }) => balance)];
      return `${day(last + DAY_MS)} balance ${beancountAccount(account)}  ${number(closing, asset)}${tolerance(sizes, asset)} ${currency(asset)}`;
    }),
    '',
  ].join('\n');
}

/** All accounts by their names. The first page says that accounts open by themselves. */
export function journalBeancount(
  transactions: readonly Transaction[],
  { isFirst }: { readonly isFirst: boolean },
): string {
  const lines = transactions.flatMap((one) => [
    '',
    ...head({
      ...{ id: one.transactionId, sequence: one.sequence, kind: one.kind, reason: one.reason },
      ...{ reference: one.reference, at: one.at.toISOString() },
      effectiveAt: one.effectiveAt?.toISOString(),
    }),
    ...one.postings.flatMap(({ from, to, amount, asset }) =>
      legs([beancountAccount(from), beancountAccount(to), amount.toString(), asset]),
    ),
  ]);
  const title = ['option "title" "OpenLedger: the journal"', AUTO_ACCOUNTS];
  return `${[...(isFirst ? title : []), ...lines].join('\n')}\n`;
}

const AUTO_ACCOUNTS = 'plugin "beancount.plugins.auto_accounts"';

type Leaf = {
  readonly id: string;
  readonly sequence: number;
  readonly kind: string;
  readonly at: string;
  readonly effectiveAt?: string;
  readonly reason: string;
  readonly reference?: string;
  readonly postings: readonly Posting[];
};

const head = (leaf: Omit<Leaf, 'postings'>): readonly string[] => [
  `${leaf.at.slice(0, 10)} * ${quote(leaf.reason)}`,
  `  transaction: "${leaf.id}"`,
  `  sequence: ${leaf.sequence}`,
  `  kind: "${leaf.kind}"`,
  `  at: "${leaf.at}"`,
  ...(leaf.effectiveAt ? [`  effective-at: "${leaf.effectiveAt}"`] : []),
  ...(leaf.reference === undefined ? [] : [`  reference: ${quote(leaf.reference)}`]),
];

/** Beancount rounds what has more than 28 digits as soon as it has a sign, so such an amount is written in parts. */
const DIGITS = 28;

const legs = ([from, to, amount, asset]: Posting): readonly string[] =>
  partsOf(amount.replace('-', '')).flatMap((part) => {
    const [paid, got] = amount.startsWith('-') ? [part, `-${part}`] : [`-${part}`, part];
    return [
      `  ${from}  ${number(paid, asset)} ${currency(asset)}`,
      `  ${to}  ${number(got, asset)} ${currency(asset)}`,
    ];
  });

function partsOf(units: string): readonly string[] {
  if (units.length <= DIGITS) return [units];
  const low = units.slice(-DIGITS).replace(/^0+/, '');
  const high = partsOf(units.slice(0, -DIGITS)).map((part) => part + '0'.repeat(DIGITS));
  return low === '' ? high : [...high, low];
}

/**
 * `pty_0192:pending:7` -> `Assets:Pty-u0192:Pending:7`. A part begins with a capital or a digit and holds letters, digits
 * and hyphens: so `-` is written `--`, `_` is `-u` and `.` is `-d`; what begins with a capital already, or with one of
 * those, is marked by `X-c`. `ledgerAccount` reads it back.
 */
export const beancountAccount = (account: string): string =>
  `${account.startsWith('external:') ? 'Equity' : 'Assets'}:${account.split(':').map(encodePart).join(':')}`;

/** The account that `beancountAccount` wrote. */
export const ledgerAccount = (name: string): string =>
  name.split(':').slice(1).map(decodePart).join(':');

const escapes: Readonly<Record<string, string>> = { '-': '--', _: '-u', '.': '-d' };
const meanings: Readonly<Record<string, string>> = { '--': '-', '-u': '_', '-d': '.' };
const MARK = 'X-c';

function encodePart(part: string): string {
  const text = part.replace(/[-_.]/g, (character) => escapes[character]);
  if (/^[a-z]/.test(text)) return text[0].toUpperCase() + text.slice(1);
  return /^[0-9]/.test(text) ? text : MARK + text;
}

function decodePart(text: string): string {
  const read = (escaped: string) => escaped.replace(/-[-ud]/g, (pair) => meanings[pair]);
  if (text.startsWith(MARK)) return read(text.slice(MARK.length));
  return read(text[0].toLowerCase() + text.slice(1));
}

/** A commodity's name is short and in capitals; another asset gets one made of its hash, and says whose it is. */
const currency = (asset: string): string =>
  /^[A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]$/.test(asset) && !asset.startsWith('X-')
    ? asset
    : `X-${createHash('sha256').update(asset).digest('hex').slice(0, 20).toUpperCase()}`;

const commodity = (asset: string, date: string): string =>
  `${date} commodity ${currency(asset)}\n  asset: ${quote(asset)}`;

/** All 18 decimals of OPEN; whole units of anything else. */
function number(units: string, asset: string): string {
  if (asset !== OPEN) return units;
  const sign = units.startsWith('-') ? '-' : '';
  const digits = units.replace('-', '').padStart(19, '0');
  return `${sign}${digits.slice(0, -18)}.${digits.slice(-18)}`;
}

/** Beancount adds with 28 digits. Where a balance has more, the assertion allows for what that loses. */
function tolerance(balances: readonly string[], asset: string): string {
  const longest = Math.max(...balances.map((units) => units.replace('-', '').length));
  if (longest <= DIGITS) return '';
  return ` ~ ${number(`1${'0'.repeat(longest - DIGITS + 2 + String(balances.length).length)}`, asset)}`;
}

const day = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** Line breaks and other control characters as blanks: a reason is one line. */
const quote = (text: string): string =>
  `"${text.replace(/[\\"]/g, '\\$&').replace(/\p{Cc}/gu, ' ')}"`;
