/** Operations of the gateway beside /v1: operators, and the record of one's own calls. */
import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { pageOf, paging } from './paging.ts';

export const Operator = z.object({
  name: z.string(),
  kind: z.enum(['local', 'openai']),
  partyId: idSchema('party'),
  baseUrl: z.string().optional(),
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
  /** From the call to the end of its answer, of served calls that their clients read to the end. */
  serveMs: z.object({ p50: z.number().int(), p95: z.number().int() }).optional(),
});

export const gatewayOperations = {
  registerOperator: {
    summary: 'Register an OpenAI-compatible server as an operator of the caller',
    method: 'POST',
    path: '/api/gateway/operators',
    scope: 'operate',
    input: z.object({
      name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/),
      baseUrl: z.url().max(500),
      /** What the server wants as its bearer key, if anything. Never shown again. */
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
