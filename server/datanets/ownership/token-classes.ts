/**
 * Which tokens of a group are one: a union-find whose roots are the earliest positions of their classes.
 *
 * A class that touches a token accepted before the group has the earliest such origin instead of its root.
 */
export type TokenClasses = {
  /** @param position of the group @param earlier a smaller one, of the group or from before it */
  readonly join: (position: number, earlier: number) => void;
  /** Makes `origins` final for the group. Joins nothing after it. */
  readonly finish: () => void;
};

/** @param origins per position: final below `base`, itself from there on up to `end` */
export function createTokenClasses(origins: Int32Array, base: number, end: number): TokenClasses {
  const inherited = new Int32Array(end - base).fill(-1); // per root: an origin from before the group

  function rootOf(position: number): number {
    let at = position;
    while (origins[at] !== at) {
      origins[at] = origins[origins[at]];
      at = origins[at];
    }
    return at;
  }

  function inherit(root: number, origin: number): void {
    const before = inherited[root - base];
    if (origin >= 0 && (before < 0 || origin < before)) inherited[root - base] = origin;
  }

  return {
    join: (position, earlier) => {
      const root = rootOf(position);
      if (earlier < base) {
        inherit(root, origins[earlier]);
        return;
      }
      const other = rootOf(earlier);
      if (other === root) return;
      const [first, second] = other < root ? [other, root] : [root, other];
      origins[second] = first;
      inherit(first, inherited[second - base]);
    },
    finish: () => {
      for (let at = base; at < end; at++) {
        // Parents are smaller, so a parent's origin is final already.
        if (origins[at] !== at) origins[at] = origins[origins[at]];
        else if (inherited[at - base] >= 0) origins[at] = inherited[at - base];
      }
    },
  };
}

/**
 * Origins that several claim, with all their claims, each once, the origin's own first.
 *
 * @param claims per position, below 2^21
 */
export function* sharedOrigins(
  origins: Int32Array,
  claims: Int32Array,
  base: number,
  end: number,
): Generator<readonly [origin: number, claims: readonly number[]]> {
  const pairs: number[] = []; // origin * 2^21 + claim: at most 2^52
  for (let at = base; at < end; at++) {
    const origin = origins[at];
    if (origin >= base && claims[at] !== claims[origin]) pairs.push(origin * CLAIMS + claims[at]);
  }
  const sorted = Float64Array.from(pairs).sort();
  for (let i = 0; i < sorted.length; ) {
    const origin = Math.floor(sorted[i] / CLAIMS);
    const all = [claims[origin]];
    for (; i < sorted.length && Math.floor(sorted[i] / CLAIMS) === origin; i++) {
      const claim = sorted[i] % CLAIMS;
      if (all[all.length - 1] !== claim) all.push(claim);
    }
    yield [origin, all];
  }
}

const CLAIMS = 2 ** 21;
