/** What calls cost here, asked beforehand: quotes, the terms in force, and the list of all there ever were. */
import type { NamedTerms, Terms } from '@openledger/protocol';
import type { Model } from '../models/index.ts';
import type { Db } from '../platform/db.ts';
import type { EmbedCall } from './embed.ts';
import { findCandidates } from './offers.ts';
import { type Quote, type QuoteHandles, quote, quoteEmbedding } from './quote.ts';
import type { ServeCall } from './serve.ts';
import { findTerms, listTerms } from './terms.ts';

export type Prices = {
  /**
   * What a call would cost by each who may answer it now, the cheapest first. Nobody is asked, and no money moves.
   *
   * @throws what `serve` throws before money moves
   */
  quote(call: Pick<ServeCall, 'request' | 'caller'>): Promise<readonly Quote[]>;
  quoteEmbedding(call: Pick<EmbedCall, 'request' | 'caller'>): Promise<readonly Quote[]>;
  /** By their hash, in force or not. @throws not_found */
  terms(hash: string): Promise<Terms>;
  /** In force now, of all who serve the models. */
  termsOf(models: readonly Model[]): Promise<readonly NamedTerms[]>;
  /** Every version of a model's terms, the oldest first. @throws model_not_found */
  priceList(model: string): Promise<readonly NamedTerms[]>;
};

export const createPrices = (handles: QuoteHandles & { readonly db: Db }): Prices => ({
  quote: (call) => quote(handles, call),
  quoteEmbedding: (call) => quoteEmbedding(handles, call),
  terms: (hash) => findTerms(handles.db, hash),
  async termsOf(models) {
    return (await findCandidates(handles, models)).map(({ terms }) => terms);
  },
  async priceList(name) {
    const model = await handles.directory.model(name);
    await findCandidates(handles, [model]); // what nobody has asked for yet gets its first version
    return listTerms(handles.db, model.name);
  },
});
