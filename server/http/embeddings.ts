/** /v1/embeddings in OpenAI's words: vectors as numbers, or as the base64 of their bytes, which its clients ask for by default. */
import { formatOpen, receiptIdOf, type Vector, vectorBytes } from '@openledger/protocol';
import type { Context } from 'hono';
import type { z } from 'zod';
import {
  type EmbeddingsBody,
  fromEmbeddings,
  type Gateway,
  type Idempotency,
} from '../gateway/index.ts';
import type { Caller } from '../identity/index.ts';
import { callResponse, priceHeader } from './call-response.ts';
import { signalOf } from './node-connection.ts';
import { openAiRateHeaders } from './rate-headers.ts';
import { watchOf } from './request-record.ts';

export async function answerEmbeddings(
  gateway: Gateway,
  c: Context,
  {
    caller,
    body,
    idempotency,
  }: {
    readonly caller: Caller;
    readonly body: z.output<typeof EmbeddingsBody>;
    readonly idempotency: Idempotency | undefined;
  },
): Promise<Response> {
  const request = fromEmbeddings(body);
  const signal = signalOf(c);
  const embedded = await gateway.embed({
    ...{ request, caller, idempotency, signal, watch: watchOf(c) },
  });
  const { inferenceId: inference, vectors, usage, priceUnits } = embedded;
  const receipt = receiptIdOf(inference);
  const write = request.encoding === 'base64' ? toBase64 : toNumbers;
  const answer = {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: write(vector),
    })),
    model: embedded.model,
    usage: {
      prompt_tokens: usage.promptTokens,
      total_tokens: usage.promptTokens,
      cost: formatOpen(priceUnits),
    },
    openledger: { inference, receipt, price: formatOpen(priceUnits) },
  };
  const headers = {
    ...{ 'x-openledger-inference': inference, 'x-openledger-receipt': receipt },
    ...openAiRateHeaders(embedded.rates),
    ...priceHeader(priceUnits),
  };
  return callResponse(c, answer, headers);
}

const toBase64 = (vector: Vector): string => Buffer.from(vectorBytes(vector)).toString('base64');

const toNumbers = (vector: Vector): ArrayLike<number> =>
  Array.isArray(vector) ? vector : Array.from(vector);
