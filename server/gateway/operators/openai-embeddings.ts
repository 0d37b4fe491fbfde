/** Vectors by any server that speaks OpenAI's embeddings: all that were asked for, or a failure. */
import type { OpenLedgerError, Vector } from '@openledger/protocol';
import { z } from 'zod';
import { failed } from './failures.ts';
import type { EmbeddingEvent, EmbeddingOrder } from './operator.ts';
import { parseAs } from './read-answer.ts';
import { type Endpoint, readJson, send } from './transport.ts';

/** 2048 vectors of 3072 numbers, written out, are some 80 MB. */
const MOST_BYTES = 128 * 2 ** 20;

const Answer = z.object({
  /** The vectors are millions of numbers: they are looked at by hand. */
  data: z.array(z.object({ index: z.number(), embedding: z.unknown() })),
  /** A count that is none is treated as a missing one. */
  usage: z
    .object({ prompt_tokens: z.number().int().nonnegative() })
    .nullish()
    .catch(undefined)
    .transform((usage) => usage && { promptTokens: usage.prompt_tokens, completionTokens: 0 }),
});

/** @throws operator_failed */
export async function* openAiEmbeddings(
  endpoint: Endpoint,
  order: EmbeddingOrder,
): AsyncIterable<EmbeddingEvent> {
  const { model, inputs: input, dimensions, encoding: encoding_format, signal, headers } = order;
  const body = { model, input, dimensions, encoding_format };
  const answered = await send(endpoint, { path: 'embeddings', body, signal, headers });
  const answer = await readJson(answered, MOST_BYTES);
  const otherwise = 'The operator sent something that is no list of embeddings.';
  const { data, usage } = parseAs(Answer, answer, otherwise);
  yield { kind: 'vectors', vectors: vectorsIn(data, order) };
  yield { kind: 'end', finishReason: 'stop', usage: usage ?? undefined };
}

/** @throws operator_failed unless there is exactly one vector an input, each finite, and all as long as was asked for */
function vectorsIn(
  data: z.output<typeof Answer>['data'],
  { inputs, dimensions }: EmbeddingOrder,
): readonly Vector[] {
  const found = new Map(data.map(({ index, embedding }) => [index, embedding]));
  if (data.length !== inputs.length || found.size !== inputs.length) {
    throw failed(`The operator gave ${found.size} vectors of ${data.length} for ${inputs.length}.`);
  }
  const vectors = inputs.map((_, i) => vectorOf(found.get(i)));
  const length = dimensions ?? vectors[0].length;
  const other = vectors.find((vector) => vector.length !== length);
  if (!other && length > 0) return vectors;
  throw failed(
    `The operator gave a vector of ${other?.length ?? 0} dimensions, and not of ${length}.`,
  );
}

/** The numbers as they were written: they are not made anew to be handed on. */
function vectorOf(embedding: unknown): Vector {
  const numbers = typeof embedding === 'string' ? decode(embedding) : embedding;
  if (!Array.isArray(numbers) && !(numbers instanceof Float32Array)) throw noVector();
  for (let i = 0; i < numbers.length; i++) {
    const value: unknown = numbers[i];
    if (typeof value !== 'number' || !Number.isFinite(Math.fround(value))) throw noVector();
  }
  return numbers;
}

/** Servers that are asked for base64 may send numbers all the same, and the reverse. */
function decode(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % 4 !== 0 || bytes.toString('base64') !== text) throw noVector();
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
}

const noVector = (): OpenLedgerError =>
  failed('The operator gave something that is no vector of finite numbers.');
