/**
 * Which tokens of a row of texts are copies: what a text says again says nothing new about how often its words are used.
 *
 * A token is copied where a window of eight tokens over it stood before, in an earlier text or earlier in its own. A text shorter
 * than a window is one window, of its own length. Exact: hashes only say where to compare.
 */

/** Tokens in a window, as in ownership. */
export const COPY_WINDOW = 8;

/**
 * @returns for one text after the other, given as numbers that are equal where tokens are: 1 for each token that is copied
 */
export function createCopyFinder(): (tokens: ArrayLike<number>) => Uint8Array {
  let store = new Int32Array(1024); // the tokens of all texts so far
  let size = 0;
  let slots = new Int32Array(1024).fill(-1); // by hash: where a window stood first
  let windows = 0;
  const short = new Set<string>();
  // Whoever writes the texts must not know on which places his windows fall. Nothing that is said hangs on it.
  const secret = (Math.random() * 2 ** 32) | 0;

  const isSame = (a: number, b: number): boolean => {
    for (let i = 0; i < COPY_WINDOW; i++) if (store[a + i] !== store[b + i]) return false;
    return true;
  };

  /** @returns whether the window at a position stood before; remembers it where it did not */
  const meet = (at: number): boolean => {
    const mask = slots.length - 1;
    let slot = hashOf(store, at, secret) & mask;
    for (; slots[slot] >= 0; slot = (slot + 1) & mask) if (isSame(slots[slot], at)) return true;
    slots[slot] = at;
    if (++windows * 2 > slots.length) grow();
    return false;
  };

  const grow = () => {
    const old = slots;
    slots = new Int32Array(old.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (const at of old) {
      if (at < 0) continue;
      let slot = hashOf(store, at, secret) & mask;
      while (slots[slot] >= 0) slot = (slot + 1) & mask;
      slots[slot] = at;
    }
  };

  return (tokens) => {
    const copied = new Uint8Array(tokens.length);
    if (tokens.length < COPY_WINDOW) {
      const key = Array.from(tokens).join(' ');
      if (short.has(key)) copied.fill(1);
      short.add(key);
      return copied;
    }
    const start = size;
    size += tokens.length;
    while (store.length < size) {
      const larger = new Int32Array(store.length * 2);
      larger.set(store);
      store = larger;
    }
    for (let i = 0; i < tokens.length; i++) store[start + i] = tokens[i];
    for (let at = 0; at + COPY_WINDOW <= tokens.length; at++) {
      if (meet(start + at)) copied.fill(1, at, at + COPY_WINDOW);
    }
    return copied;
  };
}

function hashOf(store: Int32Array, at: number, secret: number): number {
  let h = secret;
  for (let i = 0; i < COPY_WINDOW; i++) h = Math.imul(h ^ store[at + i], 0x9e3779b1) ^ (h >>> 15);
  return h ^ (h >>> 16);
}
