/** Operations on governance: reading the rules. */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import type { Operations } from '../operations.ts';
import { FeePolicy } from '../policy.ts';

export const governanceOperations = {
  policy: {
    summary: 'Read the fee policy in force, or an earlier one by its hash',
    method: 'GET',
    path: '/api/governance/policy',
    scope: 'public',
    input: z.object({ hash: Sha256Hex.optional() }),
    output: z.object({
      hash: Sha256Hex,
      inForceSince: z.iso.datetime(),
      policy: FeePolicy,
    }),
  },
} as const satisfies Operations;
