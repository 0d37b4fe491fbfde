/**
 * Which passages go into a context of so many tokens, and in which order: the nearest first, none that says nearly the same
 * as one before, none whose licence cannot stand beside the others', passages of one document together and in its order.
 */
import { cutWords, type Purpose, tokenAt } from '@openledger/protocol';
import { faultOfUse, type RightsGroup } from '../rights/rights.ts';
import type { RetrievedRecord } from './retrieve.ts';

export type PackedPassage = RetrievedRecord & {
  /** Where it stands in the text, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
};

export type LeftOut = {
  readonly recordHash: string;
  readonly reason: 'duplicate' | 'licence' | 'budget';
  /** The passage of the context that it says again, or whose licence cannot stand beside its own. */
  readonly because?: string;
};

export type Pack = {
  readonly text: string;
  /** Of `words-1`: words, numbers and symbols. */
  readonly tokens: number;
  /** In the order of the text. */
  readonly passages: readonly PackedPassage[];
  /** In the order of their nearness. */
  readonly leftOut: readonly LeftOut[];
};

/** Words in a row that are compared. */
const SHINGLE = 5;
/** A passage is left out when this part of its shingles stands in one that was taken. */
const NEARLY_THE_SAME = 0.8;
const BETWEEN = '\n\n';

/** @param found best first */
export function packPassages(
  found: readonly RetrievedRecord[],
  {
    tokenBudget,
    purposes,
  }: { readonly tokenBudget: number; readonly purposes: readonly Purpose[] },
): Pack {
  const taken: (RetrievedRecord & { readonly shingles: ReadonlySet<string> })[] = [];
  const leftOut: LeftOut[] = [];
  let tokens = 0;
  for (const record of found) {
    const { recordHash } = record;
    const { count, shingles } = readWords(record.text);
    const same = taken.find((other) => partWithin(shingles, other.shingles) >= NEARLY_THE_SAME);
    const against = same ? undefined : conflicting(record, taken, purposes);
    if (same) leftOut.push({ recordHash, reason: 'duplicate', because: same.recordHash });
    else if (against) leftOut.push({ recordHash, reason: 'licence', because: against });
    else if (tokens + count > tokenBudget) leftOut.push({ recordHash, reason: 'budget' });
    else {
      taken.push({ ...record, shingles });
      tokens += count;
    }
  }
  return { ...writeText(inDocuments(taken)), tokens, leftOut };
}

function readWords(text: string) {
  const words = cutWords(text);
  const terms: string[] = [];
  for (let i = 0; i < words.count; i++) {
    if (words.wordFlags[i]) terms.push(tokenAt(words, i).toLowerCase());
  }
  const shingles = new Set<string>();
  for (let i = 0; i === 0 || i + SHINGLE <= terms.length; i++) {
    shingles.add(terms.slice(i, i + SHINGLE).join(' '));
  }
  return { count: words.count, shingles };
}

function partWithin(shingles: ReadonlySet<string>, others: ReadonlySet<string>): number {
  let within = 0;
  for (const shingle of shingles) if (others.has(shingle)) within += 1;
  return within / shingles.size;
}

/** @returns the hash of a passage that cannot be used together with the record */
function conflicting(
  record: RetrievedRecord,
  taken: readonly RetrievedRecord[],
  purposes: readonly Purpose[],
): string | undefined {
  const groupOf = ({ licence, purposes: allowed, recordHash }: RetrievedRecord): RightsGroup => ({
    ...{ licence, purposes: allowed, records: 1, examples: [recordHash] },
  });
  const other = taken.find(
    (one) => faultOfUse([{ groups: [groupOf(one), groupOf(record)], purposes }]) !== undefined,
  );
  return other?.recordHash;
}

/** A document stands where its nearest passage would. */
function inDocuments<T extends RetrievedRecord>(taken: readonly T[]): readonly T[] {
  const documents = new Map<string, T[]>();
  for (const record of taken) {
    const together = documents.get(record.documentHash) ?? [];
    documents.set(record.documentHash, [...together, record]);
  }
  return [...documents.values()].flatMap((together) =>
    together.sort((a, b) => a.position - b.position),
  );
}

function writeText(
  records: readonly (RetrievedRecord & { readonly shingles: unknown })[],
): Pick<Pack, 'text' | 'passages'> {
  let text = '';
  const passages = records.map(({ shingles: _, ...record }) => {
    if (text !== '') text += BETWEEN;
    const start = text.length;
    text += record.text.trim();
    return { ...record, start, end: text.length };
  });
  return { text, passages };
}
