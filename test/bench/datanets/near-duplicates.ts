/** Near duplicates among many records: what MinHash proposes, against all pairs of a sample compared exactly. */
import { createMinHash } from '../../../server/compute/minhash.ts';
import { createRandom } from '../../../server/compute/random.ts';
import { createTokenIds } from '../../../server/datanets/ownership/token-ids.ts';
import { figure, mention, type Row } from '../table.ts';
import { drawPassages, type Material } from './passages.ts';

/** At scale 1. */
const RECORDS = 1_000_000;
const SMOKE_SCALE = 0.02;
/** One record in so many is an earlier one with words changed. */
const COPIES = 20;
/** Records whose neighbours are looked for in all others. */
const SAMPLE = 500;
const SIMILARITY = 0.8;
const GOAL = 0.95;

export function benchNearDuplicates(
  material: Material,
  { scale = SMOKE_SCALE }: { readonly scale: number | undefined },
): { readonly notes: readonly string[]; readonly rows: readonly Row[] } {
  mention('near duplicates');
  const count = Math.round(RECORDS * scale);
  const started = performance.now();
  const sets = drawSets(material, count);
  const drawn = performance.now();
  const minhash = createMinHash();
  for (const set of sets) minhash.add(set);
  const sampled = sampleOf(count);
  const proposed = new Set<number>(); // of the sample: later * count + earlier
  let pairs = 0;
  for (const [earlier, later] of minhash.pairs()) {
    pairs += 1;
    if (sampled.has(later)) proposed.add(later * count + earlier);
  }
  const seconds = (performance.now() - drawn) / 1000;
  mention('near duplicates of a sample, exactly');
  const alike = pairsOfSample(sets, sampled);
  const found = alike.filter(([earlier, later]) => proposed.has(later * count + earlier)).length;
  return {
    notes: [
      `Near duplicates: ${figure(count)} records of ${figure(sets.reduce((all, { length }) => all + length, 0) / count)} 4-grams, drawn in ${figure((drawn - started) / 1000)} s; one in ${COPIES} is an earlier one with up to one word in ten changed. ${figure(pairs)} pairs proposed. All records were compared exactly with a sample of ${figure(sampled.size)}: ${figure(alike.length)} pairs have a Jaccard similarity of ${SIMILARITY} or more.`,
    ],
    rows: [
      {
        what: `near duplicates among ${figure(count)} records`,
        peer: `${figure(alike.length)} pairs by brute force on a sample`,
        ours: `${figure((100 * found) / alike.length)} % proposed, in ${figure(seconds)} s`,
        goal: `>= ${100 * GOAL} %`,
        reached: found / alike.length >= GOAL,
      },
    ],
  };
}

/** Distinct 4-grams of each record, by their hashes. */
function drawSets(material: Material, count: number): readonly Int32Array[] {
  const random = createRandom(17);
  const ids = createTokenIds();
  const texts: Int32Array[] = [];
  for (const { text } of drawPassages(material, count)) {
    const i = texts.length;
    const rate = random.uniform() / 10;
    texts.push(
      i > 0 && i % COPIES === 0
        ? texts[random.below(i)].map((token) =>
            random.uniform() < rate ? random.below(ids.tokens.length) : token,
          )
        : ids.tokenize(text).tokens,
    );
  }
  return texts.map((tokens) => {
    const grams = new Set<number>();
    for (let at = 0; at + 4 <= tokens.length; at++) {
      let hash = 0;
      for (let i = at; i < at + 4; i++)
        hash = Math.imul(hash ^ tokens[i], 0x9e3779b1) ^ (hash >>> 15);
      grams.add(hash);
    }
    return Int32Array.from(grams);
  });
}

/** Copies, evenly over all records. */
function sampleOf(count: number): ReadonlySet<number> {
  const step = COPIES * Math.max(1, Math.floor(count / COPIES / SAMPLE));
  return new Set(Array.from({ length: Math.ceil(count / step) - 1 }, (_, i) => (i + 1) * step));
}

/** Pairs of a copy of the sample and any record before it, by counting what they have in common. */
function pairsOfSample(
  sets: readonly Int32Array[],
  sampled: ReadonlySet<number>,
): readonly (readonly [earlier: number, later: number])[] {
  const holders = new Map<number, number[]>();
  for (const i of sampled) {
    for (const gram of sets[i]) {
      const known = holders.get(gram);
      if (known) known.push(i);
      else holders.set(gram, [i]);
    }
  }
  const pairs: [number, number][] = [];
  for (const [earlier, set] of sets.entries()) {
    const shared = new Map<number, number>();
    for (const gram of set) {
      for (const later of holders.get(gram) ?? []) {
        if (later > earlier) shared.set(later, (shared.get(later) ?? 0) + 1);
      }
    }
    for (const [later, both] of shared) {
      if (both / (set.length + sets[later].length - both) >= SIMILARITY) {
        pairs.push([earlier, later]);
      }
    }
  }
  return pairs;
}
