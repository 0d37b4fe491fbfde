/** Access to datanets over HTTP. */
import { api, type OutputOf } from '@openledger/protocol';
import type { Access, Reader } from '../datanets/index.ts';
import { wireDatanet } from './datanets.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';
import { wireRead } from './read-datanets.ts';

export const accessRoutes = ({ access }: { readonly access: Access }): readonly Route[] =>
  implement(api.access, {
    set: async ({ readUnits, ...order }, { caller }) =>
      wireDatanet(await access.set({ ...order, readUnits: BigInt(readUnits), caller })),
    get: async ({ datanetId }, { caller }) => {
      const { datanet, standing, asked } = await access.standing(datanetId, caller);
      return {
        ...{ datanetId, standing, access: datanet.access },
        readUnits: datanet.readUnits.toString(),
        asked: asked && wireReader(asked),
      };
    },
    request: async (order, { caller }) => wireReader(await access.request({ ...order, caller })),
    decide: async (order, { caller }) => wireReader(await access.decide({ ...order, caller })),
    readers: async (query, { caller }) =>
      pageFrom(await access.readers(query, caller), query, wireReader),
    reads: async (query, { caller }) =>
      pageFrom(await access.reads.list({ ...query, readerId: caller.partyId }), query, wireRead),
  });

const wireReader = ({
  requestedAt,
  decidedAt,
  ...reader
}: Reader): OutputOf<typeof api.access.request> => ({
  ...reader,
  requestedAt: requestedAt?.toISOString(),
  decidedAt: decidedAt?.toISOString(),
});
