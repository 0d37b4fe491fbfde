/** Operations of insights: what the loop has done, in numbers. */
import { z } from 'zod';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';

const Count = z.number().int().min(0);

export const insightsOperations = {
  summary: {
    summary: 'Count executions, distributions and payouts since the beginning',
    method: 'GET',
    path: '/api/insights/summary',
    scope: 'public',
    input: z.object({}),
    output: z.object({
      /** Inferences served and paid for. */
      executions: Count,
      /** Of them: attributed; and with at least one word that a record covers. */
      attributed: Count,
      grounded: Count,
      /** Inferences whose price was distributed. */
      distributions: Count,
      feesUnits: Units,
      /** Credited for data. */
      creditedUnits: Units,
      partiesCredited: Count,
      /** Claims paid on chain. */
      payouts: Count,
      paidUnits: Units,
      /** From an answer to its credits, milliseconds. Absent before the first. */
      creditMs: z.object({ p50: z.number(), p99: z.number() }).optional(),
    }),
  },
} as const satisfies Operations;
