/** Operations of access: who may read a datanet's texts, and what was read for pay. */
import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { Datanet, DatanetAccess, PaidRead } from './datanets.ts';
import { pageOf, paging } from './paging.ts';

const datanetId = idSchema('datanet');
const partyId = idSchema('party');
const Time = z.iso.datetime();

/** A party that has asked to read, or that the owner has decided about. */
const Reader = z.object({
  id: partyId,
  partyId,
  state: z.enum(['requested', 'granted', 'refused']),
  /** The asker's while he waits, then the owner's. */
  reason: z.string(),
  requestedAt: Time.optional(),
  decidedAt: Time.optional(),
});

export const accessOperations = {
  set: {
    summary: 'Say who may read a datanet: anybody, by request, or for pay by the record',
    method: 'POST',
    path: '/api/access/datanets/:datanetId',
    scope: 'contribute',
    input: z.object({
      datanetId,
      access: DatanetAccess,
      /** Units for one record; `paid` alone has a price. */
      readUnits: Units.default('0'),
    }),
    output: Datanet,
  },
  get: {
    summary: 'Show what reading a datanet takes, and how the caller stands',
    method: 'GET',
    path: '/api/access/datanets/:datanetId',
    scope: 'read',
    input: z.object({ datanetId }),
    output: z.object({
      datanetId,
      access: DatanetAccess,
      readUnits: Units,
      /** What reading costs the caller: nothing, the price of each record, or he may not. */
      standing: z.enum(['free', 'paid', 'closed']),
      /** The caller's own request, or what was decided about him. */
      asked: Reader.optional(),
    }),
  },
  request: {
    summary: "Ask a datanet's owner to be let in",
    method: 'POST',
    path: '/api/access/datanets/:datanetId/requests',
    scope: 'read',
    input: z.object({ datanetId, reason: z.string().min(1).max(1000) }),
    output: Reader,
    status: 201,
  },
  decide: {
    summary: 'Let a party read a datanet, whether or not it has asked, or shut it out',
    method: 'POST',
    path: '/api/access/datanets/:datanetId/readers/:partyId',
    scope: 'contribute',
    input: z.object({
      datanetId,
      partyId,
      state: z.enum(['granted', 'refused']),
      reason: z.string().max(1000).default(''),
    }),
    output: Reader,
  },
  readers: {
    summary: 'List who has asked to read a datanet and who was let in; for its owner',
    method: 'GET',
    path: '/api/access/datanets/:datanetId/readers',
    scope: 'read',
    input: z.object({ datanetId, state: Reader.shape.state.optional(), ...paging }),
    output: pageOf(Reader),
  },
  reads: {
    summary: 'List what the caller has read for pay, newest first',
    method: 'GET',
    path: '/api/access/reads',
    scope: 'read',
    input: z.object({ ...paging }),
    output: pageOf(PaidRead),
  },
} as const satisfies Operations;
