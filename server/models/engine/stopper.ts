/** Ends a stream of text at the first stop string, never letting out a part of one. */
export type Stopper = {
  /** @returns what may go out now, and whether a stop string was met */
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** The last piece. @returns what was held back, up to a stop string if one was met */
  end(text: string): string;
};

export function createStopper(stops: readonly string[]): Stopper {
  let held = '';
  let ended = false;
  const cut = (text: string): { readonly text: string; readonly stopped: boolean } => {
    if (ended) return { text: '', stopped: true };
    held += text;
    const found = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) {
      ended = true;
      const out = held.slice(0, Math.min(...found));
      held = '';
      return { text: out, stopped: true };
    }
    const keep = longestBeginning(held, stops);
    const out = held.slice(0, held.length - keep);
    held = held.slice(held.length - keep);
    return { text: out, stopped: false };
  };
  return {
    push: cut,
    end(text) {
      const { text: out } = cut(text);
      const rest = ended ? '' : held;
      held = '';
      return out + rest;
    },
  };
}

/** How many characters at the end of a text could be the beginning of a stop string. */
function longestBeginning(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let size = Math.min(longest, text.length); size > 0; size--) {
    if (stops.some((stop) => stop.startsWith(text.slice(-size)))) return size;
  }
  return 0;
}
