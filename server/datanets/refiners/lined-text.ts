/** A derived text, and for each of its lines the line of the parent it came from, both counted from 1. */
export type LinedText = { readonly text: string; readonly lines: readonly number[] };
