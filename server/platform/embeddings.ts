/** Vectors of texts by any server that speaks OpenAI's `/v1/embeddings`. */
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import { sleep } from './clock.ts';
import type { Log } from './log.ts';
import { assertReachable } from './reachable.ts';

export type Embedder = {
  /** Vectors of one name can be compared; they are kept under it. */
  readonly name: string;
  readonly dimensions: number;
  /** @returns one vector of unit length a text @throws operator_failed */
  embed(
    texts: readonly string[],
    options: { readonly timeoutMs: number },
  ): Promise<readonly Float32Array[]>;
};

export type EmbeddingsEndpoint = {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly model: string;
  readonly dimensions: number;
  /** True: it may live on loopback and private addresses. */
  readonly allowPrivate: boolean;
};

/** Texts in one request; and no more of each than models usually read. */
const BATCH = 64;
const MOST_CHARACTERS = 8000;
const TRIES = 3;
const FIRST_PAUSE_MS = 200;
/** Requests tried again may be a tenth of those that went well, and this many at first. */
const BUDGET = 10;
const EARNED = 0.1;

export function openAiEmbedder(endpoint: EmbeddingsEndpoint, log: Log): Embedder {
  const { model, dimensions } = endpoint;
  let budget = BUDGET;

  async function embedBatch(texts: readonly string[], signal: AbortSignal) {
    for (let tries = 1; ; tries++) {
      try {
        const vectors = await request(endpoint, texts, signal);
        budget = Math.min(BUDGET, budget + EARNED);
        return vectors;
      } catch (error) {
        const isHopeless =
          error instanceof Refused || error instanceof OpenLedgerError || signal.aborted;
        if (isHopeless || tries === TRIES || budget < 1) {
          log.warn('embedder.failed', { error });
          throw failed(error);
        }
        budget -= 1;
        await sleep(FIRST_PAUSE_MS * 4 ** (tries - 1), signal);
      }
    }
  }

  return {
    name: `${model}/${dimensions}`,
    dimensions,
    async embed(texts, { timeoutMs }) {
      const signal = AbortSignal.timeout(timeoutMs);
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; from += BATCH) {
        const batch = texts.slice(from, from + BATCH).map((text) => text.slice(0, MOST_CHARACTERS));
        vectors.push(...(await embedBatch(batch, signal)));
      }
      return vectors;
    },
  };
}

/** What will not be better the next time. */
class Refused extends Error {}

const Answer = z.object({
  data: z.array(
    z.object({ index: z.number().int().nonnegative(), embedding: z.array(z.number()) }),
  ),
});

async function request(
  { baseUrl, apiKey, model, dimensions, allowPrivate }: EmbeddingsEndpoint,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<readonly Float32Array[]> {
  await assertReachable(baseUrl, { what: 'The embedder', allowPrivate });
  const response = await fetch(`${baseUrl.replace(/\/$/, '')}/embeddings`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
    },
    body: JSON.stringify({ model, input: texts, encoding_format: 'float' }),
    signal,
    redirect: 'error',
  });
  if (!response.ok) {
    await response.body?.cancel();
    const isPassing = response.status === 429 || response.status >= 500;
    throw new (isPassing ? Error : Refused)(`It answered ${response.status}.`);
  }
  const { data } = Answer.parse(await response.json());
  const found = new Map(data.map(({ index, embedding }) => [index, embedding]));
  return texts.map((_, i) => {
    const embedding = found.get(i);
    if (embedding?.length !== dimensions || !embedding.every(Number.isFinite)) {
      throw new Refused(`It gave no vector of ${dimensions} numbers for each text.`);
    }
    return ofUnitLength(embedding);
  });
}

function ofUnitLength(embedding: readonly number[]): Float32Array {
  const length = Math.hypot(...embedding);
  return Float32Array.from(embedding, (value) => (length > 0 ? value / length : 0));
}

function failed(cause: unknown): OpenLedgerError {
  if (cause instanceof OpenLedgerError) return cause;
  const reason = cause instanceof Error ? cause.message : 'unknown';
  return new OpenLedgerError('operator_failed', 'The embedder failed.', { reason }, { cause });
}
