/** Who serves a model, and on what terms: the operator it was registered with, and those who offered to. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Model } from '../models/index.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Pricing } from './price.ts';
import type { Candidate } from './routing/plan.ts';

export type Offer = {
  readonly model: string;
  readonly operator: string;
  /** The operator's own name of the model. */
  readonly operatorModel: string;
  readonly pricing: Pricing;
  readonly weight: number;
  readonly tier: number;
};

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

type Row = {
  model: string;
  operator: string;
  operator_model: string;
  prompt_units: string;
  completion_units: string;
  weight: number;
  tier: number;
  stake_units: string;
};

/** All who may serve a model, the one it was registered with first. */
export async function findCandidates(on: Reader, model: Model): Promise<readonly Candidate[]> {
  const rows = await on.query<Row>(sql`
    select offers.model, operator, operator_model, prompt_units, completion_units, weight, tier, stake_units
    from gateway.offers
    join gateway.operators on operators.name = offers.operator
    where model = ${model.name}
    order by operator`);
  const { operator, operatorModel, pricing } = model;
  return [
    { model, operator, operatorModel, pricing, ...OWN, stakeUnits: 0n },
    ...rows.map((row) => ({ model, ...fromRow(row), stakeUnits: BigInt(row.stake_units) })),
  ];
}

export async function listOffers(on: Reader, model: Model): Promise<readonly Offer[]> {
  return (await findCandidates(on, model)).map(({ model: { name }, stakeUnits: _, ...terms }) => ({
    ...{ model: name, ...terms },
  }));
}

const fromRow = (row: Row) => ({
  operator: row.operator,
  operatorModel: row.operator_model,
  pricing: { promptUnits: BigInt(row.prompt_units), completionUnits: BigInt(row.completion_units) },
  weight: row.weight,
  tier: row.tier,
});
