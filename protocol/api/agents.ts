/** Operations on agents: keys with a limit, given to programs that act for a party. */
import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { Key, keyLimits } from './identity.ts';
import { pageOf, paging } from './paging.ts';

const Name = z.string().min(1).max(100);

export const Agent = z.object({
  id: idSchema('agent'),
  name: Name,
  /** The party that the agent acts for and whose balance it spends. */
  partyId: idSchema('party'),
  /** Its mandate. Revoking the key ends the agent. */
  key: Key,
  createdAt: z.iso.datetime(),
});

export const agentsOperations = {
  create: {
    summary: 'Make an agent of the caller: a key that can spend so much and no more',
    method: 'POST',
    path: '/api/agents',
    scope: 'manage',
    input: z.object({
      name: Name,
      limitUnits: Units,
      ...keyLimits,
      models: z.array(z.string().min(1).max(200)).min(1).max(100).optional(),
      expiresAt: z.iso.datetime().optional(),
    }),
    output: z.object({ agent: Agent, secret: z.string() }),
    status: 201,
  },
  list: {
    summary: "List the caller's agents",
    method: 'GET',
    path: '/api/agents',
    scope: 'read',
    input: z.object({ ...paging }),
    output: pageOf(Agent),
  },
} as const satisfies Operations;
