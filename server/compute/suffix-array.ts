/**
 * Suffix arrays of integer sequences, by induced sorting, in linear time.
 *
 * Source: Nong, Zhang, Chan, "Linear Suffix Array Construction by Almost Pure Induced-Sorting", DCC 2009 (SA-IS).
 *
 * Compare each suffix with the one that begins one symbol later. It is of type S (smaller) or L (larger); the last one
 * is L, because what follows it, the empty suffix, is smaller than everything. An S suffix with an L suffix just before
 * it is *leftmost S* (LMS). Two facts carry the algorithm:
 *
 * 1. Suffixes with the same first symbol stand together (a bucket), the L ones before the S ones.
 * 2. Once the LMS suffixes are in order, one sweep to the right puts all L suffixes in order, each found from the
 *    suffix one symbol shorter, which is already placed; and one sweep to the left does the same for all S suffixes.
 *
 * So only the LMS suffixes, at most half of all, need real sorting. The same two sweeps, started from LMS suffixes
 * in no particular order, sort the pieces between LMS positions; each piece becomes one symbol of a shorter sequence,
 * and its suffix array, made by recursion, is the order of the LMS suffixes.
 */

/**
 * @param symbols each in 0..alphabetSize - 1
 * @returns the starts of all suffixes in lexicographic order, [symbols.length]; a prefix comes before what it begins
 */
export function suffixArray(symbols: Int32Array, alphabetSize: number): Int32Array {
  const n = symbols.length;
  const suffixes = new Int32Array(n);
  if (n < 2) return suffixes;

  const isS = typesOf(symbols);
  const heads = bucketHeads(symbols, alphabetSize);
  const lms = leftmostS(isS);
  induce(suffixes, symbols, isS, heads, lms);
  if (lms.length > 1) {
    const sortedPieces = leftmostAmong(suffixes, isS, lms.length);
    const { names, distinct } = namePieces(symbols, isS, lms, sortedPieces);
    const order = distinct === lms.length ? inverse(names) : suffixArray(names, distinct);
    for (let k = 0; k < order.length; k++) order[k] = lms[order[k]];
    induce(suffixes, symbols, isS, heads, order);
  }
  return suffixes;
}

/** 1 where the suffix is of type S. */
function typesOf(symbols: Int32Array): Uint8Array {
  const isS = new Uint8Array(symbols.length);
  for (let i = symbols.length - 2; i >= 0; i--) {
    const difference = symbols[i] - symbols[i + 1];
    isS[i] = difference < 0 || (difference === 0 && isS[i + 1] === 1) ? 1 : 0;
  }
  return isS;
}

/** Where each symbol's bucket begins, [alphabetSize + 1]; the last entry is the length. */
export function bucketHeads(symbols: Int32Array, alphabetSize: number): Int32Array {
  const heads = new Int32Array(alphabetSize + 1);
  for (let i = 0; i < symbols.length; i++) heads[symbols[i] + 1]++;
  for (let symbol = 0; symbol < alphabetSize; symbol++) heads[symbol + 1] += heads[symbol];
  return heads;
}

/** The LMS positions, ascending. */
function leftmostS(isS: Uint8Array): Int32Array {
  let count = 0;
  for (let i = 1; i < isS.length; i++) count += isS[i] & ~isS[i - 1];
  const lms = new Int32Array(count);
  for (let i = 1, k = 0; i < isS.length; i++) if (isS[i] && !isS[i - 1]) lms[k++] = i;
  return lms;
}

/** Those of the suffixes that are LMS, in their order. */
function leftmostAmong(suffixes: Int32Array, isS: Uint8Array, count: number): Int32Array {
  const found = new Int32Array(count);
  let k = 0;
  for (let rank = 0; rank < suffixes.length; rank++) {
    const at = suffixes[rank];
    if (at > 0 && isS[at] && !isS[at - 1]) found[k++] = at;
  }
  return found;
}

/** Places the LMS positions at the ends of their buckets in the order given, and induces all others from them. */
function induce(
  suffixes: Int32Array,
  symbols: Int32Array,
  isS: Uint8Array,
  heads: Int32Array,
  lms: Int32Array,
): void {
  const n = symbols.length;
  suffixes.fill(-1);

  const tails = heads.slice(1); // one past the last free place of each bucket
  for (let k = lms.length - 1; k >= 0; k--) suffixes[--tails[symbols[lms[k]]]] = lms[k];

  const nexts = heads.slice(); // the first free place of each bucket
  suffixes[nexts[symbols[n - 1]]++] = n - 1; // the last suffix follows from the empty one
  for (let rank = 0; rank < n; rank++) {
    const before = suffixes[rank] - 1;
    if (before >= 0 && !isS[before]) suffixes[nexts[symbols[before]]++] = before;
  }

  tails.set(heads.subarray(1)); // the sweep writes over the LMS places before it reads them
  for (let rank = n - 1; rank >= 0; rank--) {
    const before = suffixes[rank] - 1;
    if (before >= 0 && isS[before]) suffixes[--tails[symbols[before]]] = before;
  }
}

/**
 * Names each piece (from one LMS position to the next, both included) by its place among the distinct pieces.
 *
 * @param lms the LMS positions in the order of the text
 * @param sorted the same positions in the order of their pieces
 * @returns the names in the order of the text, and how many differ
 */
function namePieces(symbols: Int32Array, isS: Uint8Array, lms: Int32Array, sorted: Int32Array) {
  const n = symbols.length;
  const ordinal = new Int32Array((n >> 1) + 1); // LMS positions are at least two apart: position >> 1 tells them apart
  for (let k = 0; k < lms.length; k++) ordinal[lms[k] >> 1] = k;

  const names = new Int32Array(lms.length);
  let name = 0;
  for (let k = 1; k < sorted.length; k++) {
    if (!samePiece(symbols, isS, sorted[k - 1], sorted[k])) name += 1;
    names[ordinal[sorted[k] >> 1]] = name;
  }
  return { names, distinct: name + 1 };
}

/** Compares two pieces by symbol and type; equal types make both end at the same step. */
function samePiece(symbols: Int32Array, isS: Uint8Array, a: number, b: number): boolean {
  const n = symbols.length;
  for (let step = 0; ; step++) {
    if (a + step === n || b + step === n) return false; // the last piece is like no other: it ends with the text
    if (symbols[a + step] !== symbols[b + step] || isS[a + step] !== isS[b + step]) return false;
    if (step > 0 && isS[a + step] && !isS[a + step - 1]) return true;
  }
}

/** The positions at which each value of a permutation stands. */
function inverse(permutation: Int32Array): Int32Array {
  const positions = new Int32Array(permutation.length);
  for (let i = 0; i < permutation.length; i++) positions[permutation[i]] = i;
  return positions;
}
