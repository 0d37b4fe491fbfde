/**
 * MinHash signatures of sets, and by locality-sensitive hashing the pairs of sets that may be alike.
 *
 * Each row of a signature is the least hash of the set's members under one function; two sets agree in a row with a
 * probability of their Jaccard similarity J, so in a whole band of r rows with J^r, and in one of b bands with
 * 1 - (1 - J^r)^b: 99.98 % for J = 0.8 with 16 bands of 4 rows. Who is proposed is compared exactly by the caller.
 *
 * Sources: Broder, "On the resemblance and containment of documents", 1997; Leskovec, Rajaraman and Ullman, "Mining of
 * Massive Datasets", chapter 3.
 */
import { randomInt } from 'node:crypto';

export type Bands = { readonly bands: number; readonly rows: number };

export const defaultBands: Bands = { bands: 16, rows: 4 };

/** Members a band's bucket holds: a crowd of equals does not make all pairs of it. */
const BUCKET = 32;

export type MinHash = {
  /** Takes in a set, after all before. @param members distinct or not, in any order; an empty set is like nothing */
  readonly add: (members: Int32Array) => void;
  /** Each pair once, the set that came first before the other. */
  readonly pairs: () => Generator<readonly [earlier: number, later: number]>;
};

/** @param seed for tests; otherwise nobody can prepare sets that collide */
export function createMinHash(
  { bands, rows }: Bands = defaultBands,
  seed: number = randomInt(2 ** 32),
): MinHash {
  const width = bands * rows;
  const factors = Int32Array.from({ length: width }, (_, i) => mix(seed + 2 * i + 1) | 1);
  const terms = Int32Array.from({ length: width }, (_, i) => mix(seed - 2 * i - 2));
  let signatures = new Uint32Array(1024 * width);
  const empty = new Set<number>();
  let count = 0;

  function add(members: Int32Array): void {
    if ((count + 1) * width > signatures.length) {
      const larger = new Uint32Array(2 * signatures.length);
      larger.set(signatures);
      signatures = larger;
    }
    const signature = signatures.subarray(count * width, (count + 1) * width).fill(0xffffffff);
    for (const member of members) {
      const spread = mix(member);
      for (let i = 0; i < width; i++) {
        const hash = Math.imul(spread ^ terms[i], factors[i]);
        const value = (hash ^ (hash >>> 15)) >>> 0;
        if (value < signature[i]) signature[i] = value;
      }
    }
    if (members.length === 0) empty.add(count);
    count += 1;
  }

  function* pairs(): Generator<readonly [number, number]> {
    for (let band = 0; band < bands; band++) {
      for (const [earlier, later] of pairsOfBand(band)) {
        if (!agreeBefore(band, earlier, later)) yield [earlier, later];
      }
    }
  }

  /** Whether an earlier band has them together: then it was proposed there, or the crowd there was too large. */
  function agreeBefore(band: number, a: number, b: number): boolean {
    for (let before = 0; before < band; before++) {
      if (agree(a * width + before * rows, b * width + before * rows)) return true;
    }
    return false;
  }

  /** Buckets are chains in one table; entries of different keys in a chain are told apart by their rows. */
  function* pairsOfBand(band: number): Generator<readonly [number, number]> {
    const mask = 2 ** Math.ceil(Math.log2(count + 1)) - 1;
    const heads = new Int32Array(mask + 1).fill(-1);
    const next = new Int32Array(count).fill(-1);
    for (let set = 0; set < count; set++) {
      if (empty.has(set)) continue;
      const at = set * width + band * rows;
      let key = seed;
      for (let row = 0; row < rows; row++) key = mix(key ^ signatures[at + row]);
      let members = 0;
      for (let other = heads[key & mask]; other >= 0; other = next[other]) {
        if (!agree(at, other * width + band * rows)) continue;
        members += 1;
        yield [other, set];
      }
      if (members >= BUCKET) continue;
      next[set] = heads[key & mask];
      heads[key & mask] = set;
    }
  }

  function agree(a: number, b: number): boolean {
    for (let row = 0; row < rows; row++)
      if (signatures[a + row] !== signatures[b + row]) return false;
    return true;
  }

  return { add, pairs };
}

/** Murmur3's finaliser: every bit of the number changes half of the others. */
function mix(number: number): number {
  let x = number | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
