/** Traces any text against any snapshots: which passages stand in whose records, and how much of the text they are. */
import {
  type Coverage,
  coverage,
  coverWords,
  type InformedWord,
  informedWords,
  type OwnersOf,
  type SpanRecord,
  type TextRange,
  type TraceRules,
  type Span as TraceSpan,
} from '@openledger/protocol';
import type { ShelvedSnapshot, SnapshotShelf } from './snapshot-shelf.ts';
import type { AttributionHandles } from './stage.ts';
import { trace } from './trace/trace-index.ts';

export type TracedText = Pick<Coverage, 'total' | 'covered' | 'commons'> & {
  /** Of the covered part, the largest first. */
  readonly owners: readonly OwnedPart[];
  readonly spans: readonly TracedSpan[];
};

/** Somebody's part of a text in 1/65,536 bits, rounded down. */
export type OwnedPart = { readonly party: string; readonly information: bigint };

export type TracedSpan = TextRange & {
  /** The same offsets, in code points. */
  readonly codePoints: TextRange;
  readonly words: number;
  /** Of its words, whether or not other spans hold them too. */
  readonly information: bigint;
  /** Stands in so many records that it is nobody's. */
  readonly commons: boolean;
  /** As if the text were this passage alone. */
  readonly owners: readonly OwnedPart[];
  readonly records: readonly (SpanRecord & { readonly snapshotId: string })[];
};

export type TracedTexts = { readonly rules: TraceRules; readonly texts: readonly TracedText[] };

/**
 * Traces texts by the rules of the policy in force. Nothing is echo, and nothing is recorded or paid.
 *
 * A record that several of the snapshots hold counts once, by the first of them. Between two texts others get their turn.
 *
 * @param order snapshots in the order of their precedence; `minWords` and `maxRecords` in place of the policy's, delimiters beside them
 * @throws not_found for a snapshot that is not there
 */
export async function traceTexts(
  {
    governance,
    snapshots,
    shelf,
  }: Pick<AttributionHandles, 'governance' | 'snapshots'> & { readonly shelf: SnapshotShelf },
  order: {
    readonly texts: readonly string[];
    readonly snapshotIds: readonly string[];
    readonly rules?: Partial<TraceRules>;
  },
): Promise<TracedTexts> {
  const { policy } = await governance.policyInForce();
  const rules = {
    minWords: order.rules?.minWords ?? policy.trace.minWords,
    maxRecords: order.rules?.maxRecords ?? policy.trace.maxRecords,
    delimiters: order.rules?.delimiters,
  };
  const shelved: ShelvedSnapshot[] = [];
  const withdrawn = new Set<string>();
  for (const snapshotId of new Set(order.snapshotIds)) {
    shelved.push(await shelf.find(snapshotId));
    for (const hash of (await snapshots.standing(snapshotId)).withdrawn) withdrawn.add(hash);
  }
  const indexes = await Promise.all(shelved.map((snapshot) => snapshot.index()));
  const scope = { indexes, withdrawn };
  const information = shelf.informationOf(shelved);
  const texts: TracedText[] = [];
  for (const text of order.texts) {
    texts.push(traceText(text, { shelved, scope, rules, information }));
    await new Promise(setImmediate);
  }
  return { rules, texts };
}

function traceText(
  text: string,
  {
    shelved,
    scope,
    rules,
    information,
  }: {
    readonly shelved: readonly ShelvedSnapshot[];
    readonly scope: Parameters<typeof trace>[1]['scope'];
    readonly rules: TraceRules;
    readonly information: (word: string) => number;
  },
): TracedText {
  const found = trace(text, { scope, clientTexts: [], rules });
  const holderOf = (hash: string) => holder(hash, shelved);
  const ownersOf: OwnersOf = (hash, word) => holderOf(hash).ownersOfWord(hash, word) ?? [];
  const firstWordOf = (hash: string, start: number) => holderOf(hash).wordAt(hash, start);
  const whole = coverage(text, found, { information, firstWordOf, ownersOf });
  const words = [...informedWords(text, information)];
  const codePointAt = codePointOffsets(text);
  let first = 0; // spans ascend: words before this one end before the span
  const spans = found.spans.map((span): TracedSpan => {
    while (words[first].start < span.start) first += 1;
    const inside = words.slice(first, first + span.words);
    return {
      ...{ start: span.start, end: span.end, words: span.words, commons: span.commons },
      codePoints: { start: codePointAt[span.start], end: codePointAt[span.end] },
      information: inside.reduce((sum, word) => sum + BigInt(word.information), 0n),
      owners: partsOf(coverSpan(span, inside, { firstWordOf, ownersOf })),
      records: span.records.map((one) => ({ ...one, snapshotId: holderOf(one.hash).snapshotId })),
    };
  });
  const { total, covered, commons } = whole;
  return { total, covered, commons, owners: partsOf(whole), spans };
}

const coverSpan = (
  span: TraceSpan,
  words: readonly InformedWord[],
  {
    firstWordOf,
    ownersOf,
  }: {
    readonly firstWordOf: (recordHash: string, start: number) => number;
    readonly ownersOf: OwnersOf;
  },
): Coverage => {
  const records = span.records.map(({ hash, start }) => ({
    ...{ hash, firstWord: firstWordOf(hash, start) },
  }));
  return coverWords(words, { spans: [{ ...span, records }], echoes: [] }, ownersOf);
};

const partsOf = ({ parties, scale }: Pick<Coverage, 'parties' | 'scale'>): readonly OwnedPart[] =>
  parties
    .map(({ party, information }) => ({ party, information: information / scale }))
    .sort((a, b) => (a.information === b.information ? 0 : a.information > b.information ? -1 : 1));

/** For each UTF-16 offset, and for the end, how many code points come before it. */
function codePointOffsets(text: string): Int32Array {
  const offsets = new Int32Array(text.length + 1);
  for (let at = 0; at < text.length; at++) {
    // The second half of a pair begins no code point.
    const isSecondHalf = at > 0 && (text.codePointAt(at - 1) ?? 0) > 0xffff;
    offsets[at + 1] = offsets[at] + (isSecondHalf ? 0 : 1);
  }
  return offsets;
}

function holder(recordHash: string, shelved: readonly ShelvedSnapshot[]): ShelvedSnapshot {
  const found = shelved.find((snapshot) => snapshot.textOf(recordHash) !== undefined);
  if (!found) throw new Error(`The trace found ${recordHash}, which no snapshot holds.`);
  return found;
}
