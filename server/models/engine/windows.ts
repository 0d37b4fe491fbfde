/** From documents to the fixed-length windows of tokens that training and evaluation read. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Random } from '../../compute/random.ts';

export type TokenData = {
  /** All documents' tokens, one document after another, without separators. */
  readonly tokens: Int32Array | Uint16Array;
  /** Where each document begins in `tokens`, ascending from 0; a document ends where the next begins. */
  readonly documents: ArrayLike<number>;
};

/** Tokens with a separator before each document, read as a ring: the end is followed by the beginning. */
export type TokenStream = Int32Array;

/** `context + 1` tokens: each but the last is an input, each but the first a target. */
export type Window = Int32Array;

/** @throws invalid_input when there is nothing to learn from, or a token is outside the vocabulary */
export function tokenStream(
  { tokens, documents }: TokenData,
  { separator, vocabularySize }: { readonly separator: number; readonly vocabularySize: number },
): TokenStream {
  const starts = Array.from(documents);
  const ascending = starts.every((start, i) => start >= (starts[i - 1] ?? 0));
  if (tokens.length === 0 || starts[0] !== 0 || !ascending || starts.at(-1)! > tokens.length) {
    throw new OpenLedgerError('invalid_input', 'The token data holds no well-ordered documents.', {
      tokens: tokens.length,
      documents: starts.length,
    });
  }
  const stream = new Int32Array(tokens.length + starts.length);
  for (const [document, start] of starts.entries()) {
    stream[start + document] = separator;
    stream.set(tokens.subarray(start, starts[document + 1]), start + document + 1);
  }
  const stranger = stream.find((token) => token < 0 || token >= vocabularySize);
  if (stranger !== undefined) {
    throw new OpenLedgerError('invalid_input', 'A token is outside the vocabulary.', {
      token: stranger,
      vocabularySize,
    });
  }
  return stream;
}

/** A window that begins anywhere in the stream, each place equally likely. */
export const sampleWindow = (stream: TokenStream, context: number, random: Random): Window =>
  windowAt(stream, random.below(stream.length), context);

/** The same windows every time: evenly spread over the stream, not overlapping, at most `count`. */
export function fixedWindows(
  stream: TokenStream,
  { context, count }: { readonly context: number; readonly count: number },
): readonly Window[] {
  const available = Math.max(1, Math.floor(stream.length / (context + 1)));
  const taken = Math.min(count, available);
  return Array.from({ length: taken }, (_, i) =>
    windowAt(stream, Math.floor((i * available) / taken) * (context + 1), context),
  );
}

const windowAt = (stream: TokenStream, start: number, context: number): Window =>
  Int32Array.from({ length: context + 1 }, (_, i) => stream[(start + i) % stream.length]);

/** A batch as the graphs take it: tokens and targets, each [windows context], row by row. */
export function toBatch(windows: readonly Window[]): { tokens: Int32Array; targets: Int32Array } {
  const context = windows[0].length - 1;
  const tokens = new Int32Array(windows.length * context);
  const targets = new Int32Array(windows.length * context);
  for (const [row, window] of windows.entries()) {
    tokens.set(window.subarray(0, context), row * context);
    targets.set(window.subarray(1), row * context);
  }
  return { tokens, targets };
}

/**
 * Sets every n-th document aside, so that loss can be measured on text that was not trained on.
 *
 * With fewer documents the last one is set aside; of a single document, the last n-th of its tokens.
 */
export function splitHeldOut(
  { tokens, documents }: TokenData,
  everyNth: number,
): { readonly training: TokenData; readonly heldOut: TokenData } {
  const all = Array.from(documents, (start, i) =>
    tokens.subarray(start, documents[i + 1] ?? tokens.length),
  ).filter((document) => document.length > 0);
  if (all.length === 1) {
    const [only] = all;
    const tail = Math.min(only.length - 1, Math.ceil(only.length / everyNth));
    const cut = only.length - tail;
    return {
      training: concatenate([only.subarray(0, cut)]),
      heldOut: concatenate([only.subarray(cut)]),
    };
  }
  const period = Math.min(everyNth, all.length);
  const isHeldOut = (i: number): boolean => i % period === period - 1;
  return {
    training: concatenate(all.filter((_, i) => !isHeldOut(i))),
    heldOut: concatenate(all.filter((_, i) => isHeldOut(i))),
  };
}

function concatenate(parts: readonly ArrayLike<number>[]): TokenData {
  const tokens = new Int32Array(parts.reduce((size, part) => size + part.length, 0));
  const documents: number[] = [];
  let at = 0;
  for (const part of parts) {
    documents.push(at);
    tokens.set(part, at);
    at += part.length;
  }
  return { tokens, documents };
}
