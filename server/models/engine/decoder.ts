/**
 * Generates token by token with a cache of keys and values.
 *
 * A decoder holds a fixed number of rows; each row is one request at its own position, so that requests come and go
 * independently of their neighbours (continuous batching). The caches live in our arrays: the graph reads
 * them and returns only the new columns.
 */
import { OpenLedgerError } from '@openledger/protocol';
import { openSession, type Session } from '../../compute/tensor/session.ts';
import { decodingGraph } from './decoding-graph.ts';
import { masked, rotaryTables } from './llama.ts';
import type { LlamaConfig } from './llama-config.ts';
import type { Model } from './weights.ts';

export type Decoder = {
  /** Rows that can be in use at once. */
  readonly batch: number;
  /** Tokens that a row can hold. */
  readonly maxLength: number;
  /** How many tokens a row holds. */
  readonly length: (row: number) => number;
  /** Appends tokens to one row, many at a time; returns the scores of the token after the last, [vocabulary]. */
  readonly prefill: (row: number, tokens: ArrayLike<number>) => Promise<Float32Array>;
  /** Appends one token to each of some rows; returns each row's scores of its next token, in the order given. */
  readonly step: (entries: readonly RowToken[]) => Promise<readonly Float32Array[]>;
  /** Empties a row for another request. */
  readonly reset: (row: number) => void;
  readonly release: () => Promise<void>;
};

export type RowToken = { readonly row: number; readonly token: number };

export type DecoderSettings = {
  readonly batch: number;
  readonly maxLength: number;
  readonly threads: number;
};

/** Tokens that prefilling reads in one pass. */
const chunk = 32;

/**
 * Compiles a model for decoding; the weights become constants of the compiled graphs. For an adapter, merge it first.
 *
 * @throws invalid_input when `maxLength` is beyond the positions the model was made for
 */
export async function createDecoder(model: Model, settings: DecoderSettings): Promise<Decoder> {
  const { config } = model;
  const { batch, maxLength, threads } = settings;
  if (maxLength > config.max_position_embeddings) {
    throw new OpenLedgerError('invalid_input', 'The model was not made for so many positions.', {
      maxLength,
      positions: config.max_position_embeddings,
    });
  }
  const stepSize = { batch, length: 1, maxLength };
  const chunkSize = { batch: 1, length: chunk, maxLength };
  const stepSession = await openSession(decodingGraph(model, stepSize), { threads });
  const chunkSession = await openSession(decodingGraph(model, chunkSize), { threads });
  const cache = createCache(config, settings);
  const lengths = new Int32Array(batch);

  const assertRoom = (row: number, count: number): void => {
    if (!(row in lengths)) throw new Error(`There is no row ${row}.`);
    if (lengths[row] + count <= maxLength) return;
    const facts = { held: lengths[row], added: count, maxLength };
    throw new OpenLedgerError(
      'invalid_input',
      'The text is longer than the model can read.',
      facts,
    );
  };

  /** Runs one pass over rows [first, first + rows) and stores what it adds to the cache. */
  const pass = async (
    session: Session,
    { first, rows, length }: { first: number; rows: number; length: number },
    added: readonly ArrayLike<number>[],
  ): Promise<Float32Array> => {
    const held = [...lengths.subarray(first, first + rows)];
    const results = await session.run({
      ...positionInputs(config, { held, length, maxLength }),
      ...tokenInputs(added, length),
      ...cache.view(first, rows),
    });
    for (const [i, tokens] of added.entries()) {
      cache.append(first + i, { at: held[i], count: tokens.length }, results, { index: i, length });
      lengths[first + i] += tokens.length;
    }
    return results.logits;
  };

  return {
    batch,
    maxLength,
    length: (row) => lengths[row],
    prefill: async (row, tokens) => {
      assertRoom(row, tokens.length);
      assertTokens(tokens, config.vocab_size);
      if (tokens.length === 0) throw new Error('Nothing to prefill.');
      const all = Array.from(tokens);
      let logits = new Float32Array(0);
      for (let at = 0; at < all.length; at += chunk) {
        const size = { first: row, rows: 1, length: chunk };
        logits = Float32Array.from(await pass(chunkSession, size, [all.slice(at, at + chunk)]));
      }
      return logits;
    },
    step: async (entries) => {
      const added = Array.from({ length: batch }, (): number[] => []);
      for (const { row, token } of entries) {
        assertRoom(row, 1);
        assertTokens([token], config.vocab_size);
        if (added[row].length > 0) throw new Error(`Row ${row} is stepped twice at once.`);
        added[row].push(token);
      }
      const logits = await pass(stepSession, { first: 0, rows: batch, length: 1 }, added);
      const { vocab_size: size } = config;
      return entries.map(({ row }) => logits.slice(row * size, (row + 1) * size));
    },
    reset: (row) => {
      lengths[row] = 0;
    },
    release: async () => {
      await stepSession.release();
      await chunkSession.release();
    },
  };
}

/** Tokens padded to the pass's length, [rows length], and where each row's last real token stands among them. */
function tokenInputs(added: readonly ArrayLike<number>[], length: number) {
  const tokens = new Int32Array(added.length * length);
  const last = new Int32Array(added.length);
  for (const [row, own] of added.entries()) {
    tokens.set(Array.from(own), row * length);
    last[row] = row * length + Math.max(0, own.length - 1);
  }
  return { tokens, last };
}

/**
 * Rotations and masks for rows that already hold some tokens.
 *
 * A new token sees what its row holds in the cache, and the new tokens up to itself; the cache's unused or stale
 * columns and the padding behind it are masked.
 */
function positionInputs(
  config: LlamaConfig,
  { held, length, maxLength }: { held: readonly number[]; length: number; maxLength: number },
) {
  const group = config.num_attention_heads / config.num_key_value_heads;
  const width = maxLength + length;
  const positions = held.flatMap((past) => Array.from({ length }, (_, i) => past + i));
  const mask = new Float32Array(held.length * group * length * width).fill(masked);
  for (const [row, past] of held.entries()) {
    for (let line = 0; line < group * length; line++) {
      const start = (row * group * length + line) * width;
      mask.fill(0, start, start + past);
      mask.fill(0, start + maxLength, start + maxLength + (line % length) + 1);
    }
  }
  return { ...rotaryTables(config, positions), mask };
}

/** Keys and values of every layer, [batch, key-value heads, maxLength, head size] each. */
function createCache(config: LlamaConfig, { batch, maxLength }: DecoderSettings) {
  const { num_hidden_layers: layers, num_key_value_heads: heads, head_dim: d } = config;
  const rowSize = heads * maxLength * d;
  const names = Array.from({ length: layers }, (_, i) => [`keys.${i}`, `values.${i}`]).flat();
  const arrays = new Map(names.map((name) => [name, new Float32Array(batch * rowSize)]));
  return {
    view: (first: number, rows: number): Record<string, Float32Array> =>
      Object.fromEntries(
        [...arrays].map(([name, data]) => [
          name,
          data.subarray(first * rowSize, (first + rows) * rowSize),
        ]),
      ),
    /** Copies `count` new columns, from `new.<name>` [rows, heads, length, d], to where the row stands. */
    append: (
      row: number,
      { at, count }: { at: number; count: number },
      results: Readonly<Record<string, Float32Array>>,
      { index, length }: { index: number; length: number },
    ): void => {
      for (const [name, data] of arrays) {
        const added = results[`new.${name}`];
        for (let head = 0; head < heads; head++) {
          const from = (index * heads + head) * length * d;
          data.set(
            added.subarray(from, from + count * d),
            row * rowSize + (head * maxLength + at) * d,
          );
        }
      }
    },
  };
}

function assertTokens(tokens: ArrayLike<number>, vocabularySize: number): void {
  for (const token of Array.from(tokens)) {
    if (Number.isInteger(token) && token >= 0 && token < vocabularySize) continue;
    throw new OpenLedgerError('invalid_input', 'A token is outside the vocabulary.', { token });
  }
}
