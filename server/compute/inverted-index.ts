/**
 * Where each term occurs, in typed arrays.
 *
 * Documents are numbered from 0 in the order in which they were added. A term's postings lie together, in the order of
 * documents: those of term t are [offsets[t], offsets[t + 1]).
 */
import { cutWords, tokenAt } from '@openledger/protocol';

export type InvertedIndex = {
  /** Number of a term, or undefined where no document has it. */
  readonly termOf: ReadonlyMap<string, number>;
  readonly offsets: Uint32Array; // [terms + 1]
  readonly documents: Uint32Array; // [postings]
  /** What is more than 65,535 counts as that. */
  readonly frequencies: Uint16Array; // [postings]
  /** Terms in a document, repetitions counted. */
  readonly lengths: Uint32Array; // [documents]
};

export type IndexBuilder = {
  /** @returns the document's number */
  readonly add: (text: string) => number;
  /** The builder is spent by it. */
  readonly build: () => InvertedIndex;
};

const MOST_OFTEN = 0xffff;

export function createIndexBuilder(): IndexBuilder {
  const termOf = new Map<string, number>();
  const terms = createGrowing((size) => new Uint32Array(size)); // document by document
  const counts = createGrowing((size) => new Uint16Array(size));
  const ends = createGrowing((size) => new Uint32Array(size)); // where each document's terms end
  const lengths = createGrowing((size) => new Uint32Array(size));

  function add(text: string): number {
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
    const documents = new Uint32Array(byDocument.length);
    const frequencies = new Uint16Array(byDocument.length);
    for (let document = 0, i = 0; document < end.length; document++) {
      for (; i < end[document]; i++) {
        const at = next[byDocument[i]]++;
        documents[at] = document;
        frequencies[at] = often[i];
      }
    }
    return { termOf, offsets, documents, frequencies, lengths: lengths.take() };
  }

  return { add, build };
}

/** A text's terms, the words of `words-1` in lower case, in order of appearance, with how often each occurs. */
export function termFrequencies(text: string): Map<string, number> {
  const frequencies = new Map<string, number>();
  const words = cutWords(text);
  for (let i = 0; i < words.count; i++) {
    if (!words.wordFlags[i]) continue;
    const term = tokenAt(words, i).toLowerCase();
    frequencies.set(term, (frequencies.get(term) ?? 0) + 1);
  }
  return frequencies;
}

/** A typed array that doubles when it is full. */
function createGrowing<T extends Uint32Array | Uint16Array>(make: (size: number) => T) {
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
