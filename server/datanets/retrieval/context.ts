/** Context packs: what a datanet knows of a question, in so many tokens, with who wrote it and where. */
import type { Reader } from '../../platform/db.ts';
import { findOrigins, type Origin } from './origins.ts';
import { type Pack, packPassages } from './pack-passages.ts';
import type { Retrieval, Retrieved, Retriever } from './retrieve.ts';

export type ContextOrder = Omit<Retrieval, 'limit'> & { readonly tokenBudget: number };

export type Context = Omit<Pack, 'passages'> &
  Pick<Retrieved, 'mode' | 'isComplete'> & {
    readonly passages: readonly (Pack['passages'][number] & Partial<Origin>)[];
  };

export type ContextPacker = (
  datanetId: string,
  query: string,
  order: ContextOrder,
) => Promise<Context>;

/** Passages looked at: enough to fill the budget with short ones, and some to be left out. */
const TOKENS_A_PASSAGE = 40;
const [FEWEST, MOST] = [20, 200];

export const createContextPacker =
  (reader: Reader, retrieve: Retriever): ContextPacker =>
  async (datanetId, query, { tokenBudget, ...order }) => {
    const limit = Math.min(MOST, FEWEST + Math.ceil(tokenBudget / TOKENS_A_PASSAGE));
    const { records, mode, isComplete } = await retrieve(datanetId, query, { ...order, limit });
    const pack = packPassages(records, { tokenBudget, purposes: order.purposes ?? ['retrieve'] });
    const origins = await findOrigins(reader, datanetId, pack.passages);
    const passages = pack.passages.map((passage) => ({
      ...passage,
      ...origins.get(passage.recordHash),
    }));
    return { ...pack, passages, mode, isComplete };
  };
