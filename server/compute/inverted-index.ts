/**
 * Where each term occurs, in typed arrays: one segment of at most 65,536 documents.
 *
 * Documents are numbered from 0 in the order in which they were added. A term's postings lie together, in the order of
 * documents: those of term t are [offsets[t], offsets[t + 1]). A posting takes three bytes.
 */
import { cutWords, tokenAt } from '@openledger/protocol';

export type InvertedIndex = {
  /** Number of a term, from 0 in the order of the map; undefined where no document has it. */
  readonly termOf: ReadonlyMap<string, number>;
  readonly offsets: Uint32Array; // [terms + 1]
  readonly documents: Uint16Array; // [postings]
  /** What is more than 255 counts as that. */
  readonly frequencies: Uint8Array; // [postings]
  /** Terms in a document, repetitions counted. */
  readonly lengths: Uint32Array; // [documents]
};

export type IndexBuilder = {
  readonly size: () => number;
  /** @returns the document's number */
  readonly add: (text: string) => number;
  /** The builder is spent by it. */
  readonly build: () => InvertedIndex;
};

export const MOST_DOCUMENTS = 2 ** 16;
const MOST_OFTEN = 255;

export function createIndexBuilder(): IndexBuilder {
  const termOf = new Map<string, number>();
  const terms = createGrowing((size) => new Uint32Array(size)); // document by document
  const counts = createGrowing((size) => new Uint8Array(size));
  const ends = createGrowing((size) => new Uint32Array(size)); // where each document's terms end
  const lengths = createGrowing((size) => new Uint32Array(size));

  function add(text: string): number {
    if (ends.size() === MOST_DOCUMENTS) throw new Error('The segment is full.');
    let length = 0;
    for (const [term, frequency] of termFrequencies(text)) {
      const number = termOf.get(term) ?? termOf.size;
      if (number === termOf.size) termOf.set(term, number);
      terms.push(number);
      counts.push(Math.min(frequency, MOST_OFTEN));
      length += frequency;
    }
    lengths.push(length);
    return ends.push(terms.size()) - 1;
  }

  function build(): InvertedIndex {
    const [byDocument, often, end] = [terms.take(), counts.take(), ends.take()];
    const offsets = new Uint32Array(termOf.size + 1);
    for (const term of byDocument) offsets[term + 1] += 1;
    for (let t = 0; t < termOf.size; t++) offsets[t + 1] += offsets[t];
    const next = offsets.slice();
    const documents = new Uint16Array(byDocument.length);
    const frequencies = new Uint8Array(byDocument.length);
    for (let document = 0, i = 0; document < end.length; document++) {
      for (; i < end[document]; i++) {
        const at = next[byDocument[i]]++;
        documents[at] = document;
        frequencies[at] = often[i];
      }
    }
    return { termOf, offsets, documents, frequencies, lengths: lengths.take() };
  }

  return { size: () => ends.size(), add, build };
}

/** Documents of an index that go on, by their numbers in ascending order. */
export type Surviving = { readonly index: InvertedIndex; readonly documents: Uint32Array };

/** One segment of what survives of several, in their order, without a look into the texts. */
export function mergeIndexes(parts: readonly Surviving[]): InvertedIndex {
  const placed = placeDocuments(parts);
  const termOf = new Map<string, number>();
  const sizes: number[] = [];
  for (const { index, newNumber } of placed) {
    for (const [term, t] of index.termOf) {
      const count = countSurviving(index, t, newNumber);
      if (count === 0) continue;
      const number = termOf.get(term) ?? termOf.size;
      if (number === termOf.size) sizes.push(0);
      termOf.set(term, number);
      sizes[number] += count;
    }
  }
  const offsets = new Uint32Array(termOf.size + 1);
  for (const [t, size] of sizes.entries()) offsets[t + 1] = offsets[t] + size;
  const next = offsets.slice();
  const documents = new Uint16Array(offsets[termOf.size]);
  const frequencies = new Uint8Array(documents.length);
  for (const { index, newNumber } of placed) {
    for (const [term, t] of index.termOf) {
      const number = termOf.get(term) ?? -1;
      for (let at = index.offsets[t]; at < index.offsets[t + 1]; at++) {
        const document = newNumber[index.documents[at]];
        if (document < 0) continue;
        documents[next[number]] = document;
        frequencies[next[number]++] = index.frequencies[at];
      }
    }
  }
  const lengths = Uint32Array.from(
    parts.flatMap((part) => Array.from(part.documents, (document) => part.index.lengths[document])),
  );
  return { termOf, offsets, documents, frequencies, lengths };
}

/** The number that each document of a part will have, or -1. */
function placeDocuments(parts: readonly Surviving[]) {
  let size = 0;
  return parts.map(({ index, documents }) => {
    const newNumber = new Int32Array(index.lengths.length).fill(-1);
    for (const document of documents) newNumber[document] = size++;
    if (size > MOST_DOCUMENTS) throw new Error('The segment is full.');
    return { index, newNumber };
  });
}

function countSurviving(
  { offsets, documents }: InvertedIndex,
  term: number,
  newNumber: Int32Array,
): number {
  let count = 0;
  for (let at = offsets[term]; at < offsets[term + 1]; at++) {
    if (newNumber[documents[at]] >= 0) count += 1;
  }
  return count;
}

/** A text's terms, the words of `words-1` in lower case, in order of appearance, with how often each occurs. */
export function termFrequencies(text: string): Map<string, number> {
  const frequencies = new Map<string, number>();
  const words = cutWords(text.toLowerCase());
  for (let i = 0; i < words.count; i++) {
    if (!words.wordFlags[i]) continue;
    const term = tokenAt(words, i);
    frequencies.set(term, (frequencies.get(term) ?? 0) + 1);
  }
  return frequencies;
}

/** A typed array that doubles when it is full. */
function createGrowing<T extends Uint32Array | Uint8Array>(make: (size: number) => T) {
  let items = make(1024);
  let size = 0;
  return {
    size: () => size,
    push: (item: number): number => {
      if (size === items.length) {
        const larger = make(size * 2);
        larger.set(items);
        items = larger;
      }
      items[size++] = item;
      return size;
    },
    take: () => items.slice(0, size) as T,
  };
}
