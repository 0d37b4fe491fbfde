/** What a client may ask of /v1/embeddings, and the shape that the gateway works on. */
import { canonicalize, type EmbeddingRequestDocument } from '@openledger/protocol';
import { z } from 'zod';
import { ModelName, RouteWish, routeFrom, TermsWish } from './chat-bodies.ts';
import { storable } from './request.ts';
import type { Route } from './routing/plan.ts';

/** OpenAI's own limits. What is allowed in all is said by the limit of the body. */
const MOST_INPUTS = 2048;
const MOST_DIMENSIONS = 65_536;

const Text = z.string().min(1);
const Token = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1);

const Input = z.union(
  [
    Text.transform((text) => [text]),
    z.array(Text).min(1).max(MOST_INPUTS),
    z
      .array(Token)
      .min(1)
      .max(MOST_INPUTS)
      .transform((tokens) => [tokens]),
    z.array(z.array(Token).min(1)).min(1).max(MOST_INPUTS),
  ],
  {
    error: `A text, a list of at most ${MOST_INPUTS} texts, or tokens in place of texts; none of them empty.`,
  },
);

export const EmbeddingsBody = z.object({
  model: ModelName,
  input: Input,
  dimensions: z.number().int().min(1).max(MOST_DIMENSIONS).nullish(),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  /** Allowed, and kept from the operator. */
  user: z.string().nullish(),
  /** Nothing is retrieved for a vector, none is given twice, and another model's would be of another space. */
  openledger: z
    .strictObject({ route: RouteWish.optional(), terms: TermsWish.optional() })
    .nullish(),
});

export type EmbeddingRequest = {
  readonly kind: 'embedding';
  readonly model: string;
  readonly route: Route;
  /** Texts, or the numbers of their tokens by the model's own tokenizer. */
  readonly inputs: readonly (string | readonly number[])[];
  /** Undefined: as many as the model has. */
  readonly dimensions: number | undefined;
  /** As the client wants them, and so as the operator is asked for them. */
  readonly encoding: 'float' | 'base64';
};

export const fromEmbeddings = (body: z.output<typeof EmbeddingsBody>): EmbeddingRequest => ({
  ...{ kind: 'embedding', model: body.model, inputs: body.input },
  route: routeFrom(body.openledger),
  dimensions: body.dimensions ?? undefined,
  encoding: body.encoding_format ?? 'float',
});

/** What the receipt commits to. Vectors repeat nothing, so there is no echo to be told from them. */
export function embeddingDocumentOf({ kind, model, inputs, dimensions }: EmbeddingRequest): {
  readonly text: string;
  readonly clientTexts: readonly string[];
} {
  const document: EmbeddingRequestDocument = {
    ...{ kind, model, dimensions },
    inputs: inputs.map((input) => (typeof input === 'string' ? storable(input) : [...input])),
  };
  return { text: canonicalize(document), clientTexts: [] };
}
