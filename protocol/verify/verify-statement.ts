/** Checks a statement offline: that it adds up, and that every line and balance leads to a hash that one trusts. */
import { z } from 'zod';
import { balanceLeaf, batchHash, NO_SEAL, type Seal, sealHash } from '../books.ts';
import { equalBytes, fromHex, fromUtf8, utf8 } from '../bytes.ts';
import { type CanonicalValue, canonicalize, parseCanonical } from '../canonical.ts';
import { emptyRoot, leafHash, verifyInclusion } from '../merkle.ts';
import {
  isSubject,
  type ProvenBatch,
  type ProvenTransaction,
  Statement,
  type StatementLine,
  TransactionProof,
  transactionKinds,
} from '../statement.ts';
import { type CheckResult, must, runCheck } from './check.ts';

/**
 * - `canonical`, `schema`: the file is canonical JSON, and a statement
 * - `seal`: the seals are what they say, follow each other, and the last one is trusted
 * - `batch`: each batch is what it says, and stands in the sealed period or leads to a trusted one
 * - `transaction`: each transaction's text stands in its batch
 * - `entries`: the lines are what those transactions did to these accounts, no more and no less
 * - `sum`: opening balance and lines make the closing balance, line by line
 * - `balances`: both balances stand in the sealed trial balances
 */
export type StatementCheck =
  | 'canonical'
  | 'schema'
  | 'seal'
  | 'batch'
  | 'transaction'
  | 'entries'
  | 'sum'
  | 'balances';

/** Hashes that one believes, from wherever they were kept: of the seal, or of a batch no older than any that is shown. */
export type BooksTrust = {
  readonly seals?: readonly string[];
  readonly batches?: readonly string[];
};

/** Runs the named checks in their order; the first that failed names the fault. @param statement the file as it is */
export function verifyStatement(
  statement: Uint8Array | string,
  trust: BooksTrust,
): readonly CheckResult<StatementCheck>[] {
  const { results, value: it } = open(statement, Statement);
  if (!it) return results;
  const { closing, opening } = it.seals;
  return [
    ...results,
    runCheck('seal', () => {
      must(
        it.period === (closing?.period ?? null),
        'The statement names another period than its seal.',
      );
      if (!closing) {
        must(!opening, 'There is a seal of the opening balance, and none of the closing one.');
        return 'Not of a sealed period.';
      }
      checkChain({ opening, closing });
      must(
        it.firstSequence === closing.firstSequence && it.lastSequence === closing.lastSequence,
        'The statement is not of all of the period.',
      );
      return trusted(closing, trust);
    }),
    runCheck('batch', () => checkBatches(it.batches, closing, trust)),
    runCheck('transaction', () => checkTransactions(it.transactions, it.batches)),
    runCheck('entries', () => checkEntries(it)),
    runCheck('sum', () => checkSums(it)),
    runCheck('balances', () => checkBalances(it)),
  ];
}

/** The same for one transaction and its proof: the checks of it that are there to be made. */
export function verifyTransactionProof(
  proof: Uint8Array | string,
  trust: BooksTrust,
): readonly CheckResult<StatementCheck>[] {
  const { results, value: it } = open(proof, TransactionProof);
  if (!it) return results;
  return [
    ...results,
    runCheck('seal', () => {
      if (!it.seal) return 'Not of a sealed period.';
      must(sealHash(it.seal) === it.seal.hash, 'The seal does not hash to what it says.');
      return trusted(it.seal, trust);
    }),
    runCheck('batch', () => checkBatches([it.batch], it.seal, trust)),
    runCheck('transaction', () => checkTransactions([it.transaction], [it.batch])),
  ];
}

function open<Schema extends z.ZodType>(
  file: Uint8Array | string,
  schema: Schema,
): { results: readonly CheckResult<StatementCheck>[]; value: z.infer<Schema> | undefined } {
  let raw: CanonicalValue = null;
  let value: z.infer<Schema> | undefined;
  const canonical = runCheck('canonical', () => {
    raw = parseCanonical(typeof file === 'string' ? file : fromUtf8(file));
    return 'The file is canonical JSON.';
  });
  if (!canonical.ok) return { results: [canonical], value };
  const shape = runCheck('schema', () => {
    const outcome = schema.safeParse(raw);
    must(outcome.success, outcome.success ? '' : z.prettifyError(outcome.error));
    value = outcome.data;
    return 'It has every part.';
  });
  return { results: [canonical, shape], value };
}

function checkChain({ opening, closing }: { opening: Seal | null; closing: Seal }): void {
  must(sealHash(closing) === closing.hash, 'The seal does not hash to what it says.');
  if (!opening) {
    must(
      closing.period === 1 && closing.previous === NO_SEAL && closing.firstSequence === 1,
      'The seal before is missing.',
    );
    return;
  }
  must(sealHash(opening) === opening.hash, 'The seal before does not hash to what it says.');
  must(
    closing.previous === opening.hash &&
      closing.period === opening.period + 1 &&
      closing.firstSequence === opening.lastSequence + 1 &&
      closing.firstBatch === opening.batch + 1,
    'The seals do not follow each other.',
  );
}

function trusted({ hash, period }: Seal, { seals = [] }: BooksTrust): string {
  must(seals.includes(hash), `The seal ${hash} of period ${period} is not among the trusted.`);
  return `Sealed as period ${period}.`;
}

function checkBatches(
  batches: readonly ProvenBatch[],
  seal: Seal | null,
  trust: BooksTrust,
): string {
  for (const [place, batch] of batches.entries()) {
    must(
      place === 0 || batches[place - 1].number < batch.number,
      'The batches are not in their order.',
    );
    must(batchHash(batch) === batch.hash, `Batch ${batch.number} does not hash to what it says.`);
  }
  if (seal) {
    for (const batch of batches) {
      const stands = verifyInclusion({
        leaf: leafHash(fromHex(batch.hash)),
        index: batch.number - seal.firstBatch,
        size: seal.batch - seal.firstBatch + 1,
        proof: (batch.proof ?? []).map(fromHex),
        root: fromHex(seal.batches),
      });
      must(
        batch.proof !== null && stands,
        `Batch ${batch.number} does not stand in period ${seal.period}.`,
      );
    }
    return `${batches.length} batches stand in the period.`;
  }
  const believed = new Set(trust.batches);
  for (const batch of [...batches].reverse()) {
    must(batch.proof === null, `Batch ${batch.number} is proven to no seal.`);
    must(believed.has(batch.hash), `Batch ${batch.number} leads to none that is trusted.`);
    believed.add(batch.previous);
  }
  return `${batches.length} batches lead to those that are trusted.`;
}

function checkTransactions(
  transactions: readonly ProvenTransaction[],
  batches: readonly ProvenBatch[],
): string {
  const headers = new Map(batches.map((batch) => [batch.number, batch]));
  const used = new Set<number>();
  let last = 0;
  for (const { leaf, batch, index, size, proof } of transactions) {
    const { sequence } = parseLeaf(leaf);
    const header = headers.get(batch);
    must(header !== undefined, `Batch ${batch} is not shown.`);
    must(sequence > last, 'The transactions are not in their order.');
    must(
      header.firstSequence + index === sequence,
      `Transaction ${sequence} has another place than ${index}.`,
    );
    const stands = verifyInclusion({
      leaf: leafHash(utf8(leaf)),
      index,
      size,
      proof: proof.map(fromHex),
      root: fromHex(header.root),
    });
    must(stands, `Transaction ${sequence} does not stand in batch ${batch}.`);
    last = sequence;
    used.add(batch);
  }
  must(used.size === batches.length, 'A batch is shown of which nothing is.');
  return `${transactions.length} transactions stand in their batches.`;
}

/** What a statement needs of a transaction's text, which has more. */
const Leaf = z.object({
  id: z.string(),
  sequence: z.number().int().positive(),
  kind: z.enum(transactionKinds),
  at: z.string(),
  effectiveAt: z.string().optional(),
  reason: z.string(),
  reference: z.string().optional(),
  postings: z.array(z.tuple([z.string(), z.string(), z.string(), z.string()])),
});
type Leaf = z.infer<typeof Leaf>;

function parseLeaf(text: string): Leaf {
  const parsed = Leaf.safeParse(parseCanonical(text));
  must(parsed.success, 'A transaction is not one of the ledger.');
  return parsed.data;
}

function checkEntries({
  subject,
  accounts,
  transactions,
  firstSequence,
  lastSequence,
}: Statement): string {
  const expected = new Map<string, Omit<StatementLine, 'balance'>[]>();
  for (const { leaf: text } of transactions) {
    const leaf = parseLeaf(text);
    must(
      leaf.sequence >= firstSequence && leaf.sequence <= lastSequence,
      `Transaction ${leaf.sequence} is not of these dates.`,
    );
    const { sequence, kind, at, effectiveAt, reason, reference } = leaf;
    for (const [book, amount] of changesOf(leaf, subject)) {
      const line = { sequence, kind, at, effectiveAt, reason, reference, amount: String(amount) };
      const lines = expected.get(book) ?? [];
      lines.push({ ...line, transactionId: leaf.id as StatementLine['transactionId'] });
      expected.set(book, lines);
    }
  }
  let count = 0;
  const seen: (readonly [string, string])[] = [];
  for (const { account, asset, entries } of accounts) {
    const before = seen.at(-1);
    must(
      !before || before[0] < account || (before[0] === account && before[1] < asset),
      'The accounts are not in their order.',
    );
    must(isSubject(subject, account), `${account} is not of ${subject}.`);
    const lines = entries.map(({ balance: _, ...line }) => line);
    const book = `${account} ${asset}`;
    must(
      canonicalize(lines) === canonicalize(expected.get(book) ?? []),
      `The lines of ${book} are not what the transactions say.`,
    );
    expected.delete(book);
    seen.push([account, asset]);
    count += lines.length;
  }
  must(expected.size === 0, `The lines of ${[...expected.keys()][0]} are missing.`);
  return `${count} lines follow from the transactions.`;
}

/** What a transaction changed of the subject's accounts. One that it touched and left as it was changed by 0. */
function changesOf({ postings }: Leaf, subject: string): ReadonlyMap<string, bigint> {
  const changes = new Map<string, bigint>();
  for (const [from, to, amount, asset] of postings) {
    for (const [account, change] of [
      [from, -BigInt(amount)],
      [to, BigInt(amount)],
    ] as const) {
      if (!isSubject(subject, account)) continue;
      const book = `${account} ${asset}`;
      changes.set(book, (changes.get(book) ?? 0n) + change);
    }
  }
  return changes;
}

function checkSums({ accounts }: Statement): string {
  for (const { account, asset, opening, closing, entries } of accounts) {
    let balance = BigInt(opening);
    for (const entry of entries) {
      balance += BigInt(entry.amount);
      must(
        balance === BigInt(entry.balance),
        `After ${entry.transactionId}, ${account} has ${balance} ${asset}, not ${entry.balance}.`,
      );
    }
    must(
      balance === BigInt(closing),
      `${account} closes with ${balance} ${asset}, not ${closing}.`,
    );
  }
  return `${accounts.length} accounts add up.`;
}

function checkBalances({ accounts, seals }: Statement): string {
  if (!seals.closing) {
    const isProven = accounts.some((one) => one.openingProof || one.closingProof);
    must(!isProven, 'A balance is proven to no seal.');
    return 'Balances of no sealed period: they follow from the lines alone.';
  }
  const { closing: sealed, opening: before } = seals;
  if (sealed.accounts === 0) {
    must(equalBytes(fromHex(sealed.root), emptyRoot()), 'The seal has no account, and a root.');
  }
  let unproven = 0;
  for (const { account, asset, opening, closing, openingProof, closingProof } of accounts) {
    for (const [balance, proof, seal] of [
      [opening, openingProof, before],
      [closing, closingProof, sealed],
    ] as const) {
      if (!proof) {
        must(balance === '0', `That ${account} had ${balance} ${asset} is not proven.`);
        if (seal) unproven += 1;
        continue;
      }
      must(seal !== null, `Before the first period ${account} cannot have had anything.`);
      const stands = verifyInclusion({
        leaf: leafHash(balanceLeaf({ period: seal.period, account, asset, balance })),
        index: proof.index,
        size: seal.accounts,
        proof: proof.proof.map(fromHex),
        root: fromHex(seal.root),
      });
      must(stands, `${account} did not have ${balance} ${asset} when period ${seal.period} ended.`);
    }
  }
  const zeros =
    unproven > 0 ? ` ${unproven} of zero have no leaf: they follow from the lines.` : '';
  return `The balances are those that were sealed.${zeros}`;
}
