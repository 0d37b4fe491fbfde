/** Who serves a model, and on what terms: the operator it was registered with, and those who offered to. */
import { type Id, type NamedTerms, OpenLedgerError, pricingOf } from '@openledger/protocol';
import type { Model } from '../models/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Pricing } from './price.ts';
import type { Candidate } from './routing/plan.ts';
import { appendTerms, asksFor, termsIn } from './terms.ts';

export type Offer = {
  readonly model: string;
  readonly operator: string;
  /** The operator's own name of the model. */
  readonly operatorModel: string;
  readonly pricing: Pricing;
  readonly weight: number;
  readonly tier: number;
};

/** An offer, and the version of its terms that is in force. */
export type ListedOffer = Offer & { readonly terms: NamedTerms };

/** What the operator has of a model's calls by which it was registered. */
const OWN = { weight: 100, tier: 0 };

/** Registers an offer, or changes its terms. @throws conflict where the model was registered with that operator */
export async function registerOffer(
  tx: Tx,
  offer: Offer & { readonly createdAt: Date },
  model: Model,
): Promise<void> {
  if (model.operator === offer.operator) {
    const sentence = `${offer.model} was registered with ${offer.operator}: its terms are the model's own.`;
    throw new OpenLedgerError('conflict', sentence);
  }
  const { promptUnits, completionUnits } = offer.pricing;
  await tx.query(sql`
    insert into gateway.offers
      (model, operator, operator_model, prompt_units, completion_units, weight, tier, created_at)
    values (
      ${offer.model}, ${offer.operator}, ${offer.operatorModel}, ${promptUnits}, ${completionUnits},
      ${offer.weight}, ${offer.tier}, ${offer.createdAt}
    )
    on conflict (model, operator) do update
    set operator_model = excluded.operator_model, prompt_units = excluded.prompt_units,
        completion_units = excluded.completion_units, weight = excluded.weight, tier = excluded.tier`);
  await appendTermsOf(tx, { ...offer, since: offer.createdAt });
}

/** Holds the offer meanwhile, so that its versions come in the order of its changes. @returns undefined where it has been removed */
async function appendTermsOf(
  tx: Tx,
  { model, operator: name, since }: Pick<Offer, 'model' | 'operator'> & { readonly since: Date },
): Promise<NamedTerms | undefined> {
  const [row] = await tx.query<Priced & { party_id: Id<'party'> }>(sql`
    select prompt_units, completion_units, party_id
    from gateway.offers
    join gateway.operators on operators.name = offers.operator
    where model = ${model} and operator = ${name}
    for update of offers`);
  if (!row) return undefined;
  const operator = { name, party: row.party_id };
  return appendTerms(tx, { model, operator, since, pricing: pricingIn(row) });
}

/** @returns false where there was none */
export async function removeOffer(
  tx: Tx,
  { model, operator }: Pick<Offer, 'model' | 'operator'>,
): Promise<boolean> {
  const removed = await tx.query(sql`
    delete from gateway.offers
    where model = ${model} and operator = ${operator}
    returning model`);
  return removed.length > 0;
}

type Priced = { prompt_units: string; completion_units: string };

const pricingIn = (row: Priced) =>
  pricingOf({ promptUnits: row.prompt_units, completionUnits: row.completion_units });

type Row = {
  model: string;
  operator: string;
  party_id: Id<'party'>;
  stake_units: string;
  /** null where the model was registered with the operator. */
  offered: (Priced & { operator_model: string; weight: number; tier: number }) | null;
  /** The newest version of its terms. */
  document: string | null;
};

/**
 * All who may serve the models, of each the operator first that it was registered with. Each has terms on the list: where they are
 * not there yet, they are put there.
 */
export async function findCandidates(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  models: readonly Model[],
): Promise<readonly Candidate[]> {
  const names = models.map(({ name }) => name);
  const rows = await db.query<Row>(sql`
    select serving.model, serving.operator, party_id, stake_units, document,
           case when offers.model is not null then jsonb_build_object(
             'operator_model', operator_model, 'weight', weight, 'tier', tier,
             'prompt_units', prompt_units::text, 'completion_units', completion_units::text) end as offered
    from (
      select model, operator, true as is_own
      from unnest(${names}::text[], ${models.map(({ operator }) => operator)}::text[]) as own (model, operator)
      union all
      select model, operator, false
      from gateway.offers
      where model = any(${names})
    ) as serving
    join gateway.operators on operators.name = serving.operator
    left join gateway.offers on offers.model = serving.model and offers.operator = serving.operator
    left join lateral (
      select document
      from gateway.prices
      where prices.model = serving.model and prices.operator = serving.operator
      order by since desc
      limit 1
    ) as latest on true
    order by is_own desc, serving.operator`);
  const byName = new Map(models.map((model) => [model.name, model]));
  const found = await Promise.all(
    rows.map((row) => candidateFrom({ db, clock }, row, byName.get(row.model) as Model)),
  );
  return found.filter((one) => one !== undefined);
}

/** @returns undefined where the offer was removed meanwhile */
async function candidateFrom(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  { operator, party_id, stake_units, offered, document }: Row,
  model: Model,
): Promise<Candidate | undefined> {
  const newest = document === null ? undefined : termsIn(document);
  const asked = offered ? pricingIn(offered) : model.pricing;
  const terms =
    newest && asksFor(newest, asked)
      ? newest
      : await db.transaction((tx) =>
          offered
            ? appendTermsOf(tx, { model: model.name, operator, since: clock.now() })
            : appendTerms(tx, {
                ...{ model: model.name, operator: { name: operator, party: party_id } },
                ...{ pricing: model.pricing, since: model.createdAt },
              }),
        );
  if (!terms) return undefined;
  const { operatorModel, weight, tier } = offered
    ? { ...offered, operatorModel: offered.operator_model }
    : { ...OWN, operatorModel: model.operatorModel };
  return {
    ...{ model, operator, operatorModel, weight, tier, stakeUnits: BigInt(stake_units) },
    ...{ terms, pricing: pricingOf(terms) },
  };
}

export async function listOffers(
  handles: { readonly db: Db; readonly clock: Clock },
  model: Model,
): Promise<readonly ListedOffer[]> {
  return (await findCandidates(handles, [model])).map(
    ({ model: { name }, stakeUnits: _, ...offer }) => ({ model: name, ...offer }),
  );
}
