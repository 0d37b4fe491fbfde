/**
 * Hybrid against BM25 alone on a labelled set made from the EIPs: a title asks for its document's passages, a heading
 * that occurs once for its section's. Titles and headings are no part of the texts that are searched.
 *
 * The weights in `passage-index.ts` were chosen on even queries; what is reported here are odd ones.
 * The data lies beside the project, in ../shared/data, and is never part of it; without it this test skips.
 */
import { existsSync, readFileSync } from 'node:fs';
import { ndcgAt, recallAt, sha256Hex } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { createPassageIndex } from './passage-index.ts';
import type { Passage } from './segment.ts';

const data = new URL('../../../../shared/data/corpora/eips/eips.jsonl', import.meta.url);
const isHere = existsSync(data);
const why = isHere ? '' : ' (skipped: ../shared/data is absent)';

/** Of the odd queries, to keep the test short. */
const EVERY = 5;

type Labelled = { readonly query: string; readonly relevant: ReadonlySet<number> };
type Section = { readonly heading: string; readonly body: string };

test.skipIf(!isHere)(
  `on EIP titles and headings, hybrid beats BM25 alone in nDCG@10${why}`,
  { timeout: 300_000 },
  () => {
    const { passages, queries } = labelledEips();
    const held = queries.filter((_, i) => i % 2 === 1).filter((_, i) => i % EVERY === 0);
    const index = createPassageIndex();
    index.add(passages);
    index.finish();
    for (const _ of index.project()); // nobody else waits
    const numberOf = new Map(passages.map(({ hash }, i) => [hash, i]));
    const measure = (mode: 'words' | 'hybrid') => {
      let [ndcg, recall] = [0, 0];
      for (const { query, relevant } of held) {
        const { hits } = index.search({ query, mode, limit: 10 });
        const found = hits.map(({ hash }) => numberOf.get(hash) ?? -1);
        ndcg += ndcgAt(10, found, relevant) / held.length;
        recall += recallAt(10, found, relevant) / held.length;
      }
      return { ndcg, recall };
    };
    const [words, hybrid] = [measure('words'), measure('hybrid')];
    const told = ({ ndcg, recall }: typeof words) =>
      `nDCG@10 ${ndcg.toFixed(4)}, recall@10 ${recall.toFixed(4)}`;
    process.stdout.write(
      `${passages.length} passages, ${held.length} held-out queries\n` +
        `BM25 alone: ${told(words)}\nhybrid:     ${told(hybrid)}\n`,
    );
    expect(hybrid.ndcg).toBeGreaterThan(words.ndcg);
  },
);

function labelledEips() {
  const documents = readFileSync(data, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; title: string; text: string })
    .map(({ id, title, text }) => ({ id, title, sections: sectionsOf(text) }));
  const times = new Map<string, number>();
  for (const { heading } of documents.flatMap(({ sections }) => sections)) {
    times.set(heading.toLowerCase(), (times.get(heading.toLowerCase()) ?? 0) + 1);
  }
  const passages: Passage[] = [];
  const queries: Labelled[] = [];
  for (const { id, title, sections } of documents) {
    const ofDocument = new Set<number>();
    for (const { heading, body } of sections) {
      const ofSection = new Set<number>();
      for (const text of chunksOf(body)) {
        ofSection.add(passages.length);
        ofDocument.add(passages.length);
        passages.push({
          hash: sha256Hex(`${passages.length}`),
          text,
          document: id,
          group: 0,
          time: 0,
        });
      }
      const isTelling = heading.split(/\s+/).length >= 2 && times.get(heading.toLowerCase()) === 1;
      if (isTelling && ofSection.size > 0) queries.push({ query: heading, relevant: ofSection });
    }
    if (ofDocument.size > 0) queries.push({ query: title, relevant: ofDocument });
  }
  return { passages, queries };
}

const sectionsOf = (text: string): readonly Section[] =>
  text.split(/^#{1,6} +/m).map((part, i) => {
    const [first, ...rest] = part.split('\n');
    return i === 0 ? { heading: '', body: part } : { heading: first.trim(), body: rest.join('\n') };
  });

/** Paragraphs together up to 1,200 characters; what has fewer than 80 is left out. */
function chunksOf(body: string): readonly string[] {
  const chunks = [''];
  for (const paragraph of body.trim().split(/\n\n+/)) {
    const last = chunks[chunks.length - 1];
    if (last.length + paragraph.length > 1200) chunks.push(paragraph);
    else chunks[chunks.length - 1] = `${last}\n\n${paragraph}`;
  }
  return chunks.map((chunk) => chunk.trim()).filter((chunk) => chunk.length >= 80);
}
