/** Operations of the gateway beside /v1: operators, and the record of one's own calls. */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { NamedTerms, Terms } from '../terms.ts';
import { pageOf, paging } from './paging.ts';

const ModelName = z.string().min(1).max(300);

/** What a remote operator speaks, and in which way. */
export const remoteOperatorKinds = ['openai', 'vllm', 'llama.cpp', 'ollama', 'anthropic'] as const;

export const Operator = z.object({
  name: z.string(),
  kind: z.enum(['local', ...remoteOperatorKinds]),
  partyId: idSchema('party'),
  baseUrl: z.string().optional(),
});

/** Who may serve a model, and on what terms. */
export const Offer = z.object({
  model: ModelName,
  operator: z.string(),
  /** The operator's own name of the model. */
  operatorModel: z.string().min(1).max(200),
  /** Units a token. */
  promptUnits: Units,
  completionUnits: Units,
  /** Its part of the calls, beside those of the others of its tier; the operator that a model was registered with has 100. */
  weight: z.number().int().min(0).max(1000).default(100),
  /** Lower is asked first; 0 is the tier of the operator that a model was registered with. */
  tier: z.number().int().min(0).max(100).default(0),
});

/** With the hash of the version of its terms that is in force, and since when. */
export const ListedOffer = Offer.extend({ terms: Sha256Hex, since: z.iso.datetime() });

const Tokens = z.object({
  promptTokens: z.number().int(),
  completionTokens: z.number().int(),
});

/** What a call would cost by one of those who may answer it. */
export const Quote = z.object({
  model: ModelName,
  operator: z.string(),
  /** By their hash. */
  terms: Sha256Hex,
  /** Units a token. */
  promptUnits: Units,
  completionUnits: Units,
  /** By our count of the prompt and the length of the operator's last answers: a guess. */
  aboutUnits: Units,
  /** No call can cost more, whatever is answered. */
  atMostUnits: Units,
  about: Tokens,
  atMost: Tokens,
});

const Standing = z.object({
  operator: z.string(),
  operatorModel: z.string(),
  /** Failures in a row. */
  failures: z.number().int(),
  /** Not asked for now, while others can be. */
  isOpen: z.boolean(),
  /** Time to its first word, smoothed; absent until it has spoken. */
  firstWordMs: z.number().optional(),
  /** Whether it says that it has the model; absent where it does not say. */
  isLoaded: z.boolean().optional(),
});

export const Inference = z.object({
  id: idSchema('inference'),
  status: z.enum(['held', 'served', 'void']),
  model: z.string(),
  operator: z.string(),
  retrieved: z.array(z.object({ recordHash: z.string(), snapshotId: z.string() })),
  output: z.string(),
  finishReason: z.string(),
  promptTokens: z.number().int(),
  completionTokens: z.number().int(),
  priceUnits: Units,
  receiptId: idSchema('receipt'),
  /** The call whose answer was given again; absent where it was made anew. */
  cachedFrom: idSchema('inference').optional(),
  createdAt: z.iso.datetime(),
  servedAt: z.iso.datetime().optional(),
});

/** What an operator did within a time. Answers given again are left out: nobody was asked for them. */
export const Score = z.object({
  calls: z.number().int(),
  served: z.number().int(),
  /** Ended with nothing to pay. */
  void: z.number().int(),
  /** It failed, before its first word or after; so many parts per million of the calls that have ended. */
  failed: z.number().int(),
  failedPpm: z.number().int(),
  /** The client left before the end. */
  disconnected: z.number().int(),
  promptTokens: z.number().int(),
  completionTokens: z.number().int(),
  /** What payers were charged for its answers; the operator's part of it is the policy's. */
  chargedUnits: Units,
  /** Served calls whose tokens it did not report, or reported otherwise than we count; parts per million of the served. */
  estimated: z.number().int(),
  estimatedPpm: z.number().int(),
  /** Served calls whose tokens it counted too high, as told by the model's own tokenizer; only ours were charged. */
  overstated: z.number().int(),
  /** From the call to the end of its answer, of served calls that their clients read to the end. */
  serveMs: z.object({ p50: z.number().int(), p95: z.number().int() }).optional(),
});

export const gatewayOperations = {
  registerOperator: {
    summary: 'Register a server as an operator of the caller, or change its address and key',
    method: 'POST',
    path: '/api/gateway/operators',
    scope: 'operate',
    input: z.object({
      name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/),
      kind: z.enum(remoteOperatorKinds).default('openai'),
      baseUrl: z.url().max(500),
      /** What the server wants as its key, if anything. Never shown again. */
      apiKey: z.string().min(1).max(500).optional(),
    }),
    output: Operator,
    status: 201,
  },
  listOperators: {
    summary: 'List the operators',
    method: 'GET',
    path: '/api/gateway/operators',
    scope: 'read',
    input: z.object({}),
    output: z.object({ items: z.array(Operator) }),
  },
  offer: {
    summary:
      "Let an operator of the caller serve one of the caller's models too, or change its terms",
    method: 'POST',
    path: '/api/gateway/offers',
    scope: 'operate',
    input: Offer,
    output: Offer,
    status: 201,
  },
  listOffers: {
    summary: 'List who serves a model, and on what terms',
    method: 'GET',
    path: '/api/gateway/offers',
    scope: 'read',
    input: z.object({ model: ModelName }),
    output: z.object({ items: z.array(ListedOffer) }),
  },
  removeOffer: {
    summary: "End an operator's offer",
    method: 'DELETE',
    path: '/api/gateway/offers',
    scope: 'operate',
    input: z.object({ model: ModelName, operator: z.string() }),
    output: z.object({ model: z.string(), operator: z.string() }),
  },
  listTerms: {
    summary: "List every version of a model's terms, the oldest first, or those in force at a time",
    method: 'GET',
    path: '/api/gateway/terms',
    scope: 'public',
    input: z.object({ model: ModelName, at: z.iso.datetime().optional() }),
    output: z.object({ items: z.array(NamedTerms) }),
  },
  getTerms: {
    summary: 'Show terms by the hash that a receipt names, in force or not',
    method: 'GET',
    path: '/api/gateway/terms/:terms',
    scope: 'public',
    input: z.object({ terms: Sha256Hex }),
    output: Terms,
  },
  quote: {
    summary:
      'Say what a call would cost by each operator that may answer it, and by which terms; nobody is asked',
    method: 'POST',
    path: '/api/gateway/quotes',
    scope: 'infer',
    input: z.object({
      kind: z.enum(['chat', 'embeddings']).default('chat'),
      /** What would be sent to /v1/chat/completions or /v1/embeddings. */
      body: z.record(z.string(), z.unknown()),
    }),
    /** The cheapest first. */
    output: z.object({ items: z.array(Quote) }),
  },
  listStandings: {
    summary: "Say how operators have answered this gateway's last calls",
    method: 'GET',
    path: '/api/gateway/standings',
    scope: 'read',
    input: z.object({}),
    output: z.object({ items: z.array(Standing) }),
  },
  getScorecard: {
    summary: 'Show how an operator did within the last hour and the last day',
    method: 'GET',
    path: '/api/gateway/operators/:operator/scorecard',
    scope: 'read',
    input: z.object({ operator: z.string().max(100) }),
    output: z.object({ operator: z.string(), hour: Score, day: Score }),
  },
  getInference: {
    summary: "Show one of the caller's calls",
    method: 'GET',
    path: '/api/gateway/inferences/:inferenceId',
    scope: 'read',
    input: z.object({ inferenceId: idSchema('inference') }),
    output: Inference,
  },
  listInferences: {
    summary: "List the caller's calls, newest first",
    method: 'GET',
    path: '/api/gateway/inferences',
    scope: 'read',
    input: z.object({ ...paging }),
    output: pageOf(Inference),
  },
} as const satisfies Operations;
