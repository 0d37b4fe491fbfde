/** The list of prices: what each operator asks for each model, each version for good. */
import {
  canonicalize,
  type Id,
  type NamedTerms,
  nameTerms,
  OPEN,
  OpenLedgerError,
  TERMS_VERSION,
  Terms,
} from '@openledger/protocol';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Pricing } from './price.ts';

type Asked = {
  readonly model: string;
  readonly operator: { readonly name: string; readonly party: Id<'party'> };
  readonly pricing: Pricing;
  readonly since: Date;
};

/**
 * Appends what is asked from now on, where that is something new. Two versions of one operator's never begin at the same time.
 * Whoever appends holds the offer's row, so that the newest version is what the offer says.
 *
 * @returns those in force
 */
export async function appendTerms(tx: Tx, asked: Asked): Promise<NamedTerms> {
  const { model, operator, pricing } = asked;
  const [row] = await tx.query<{ document: string }>(sql`
    select document
    from gateway.prices
    where model = ${model} and operator = ${operator.name}
    order by since desc
    limit 1`);
  const latest = row && termsIn(row.document);
  if (latest && asksFor(latest, pricing)) return latest;
  const after = latest ? Date.parse(latest.since) + 1 : 0;
  const since = new Date(Math.max(asked.since.getTime(), after));
  const { hash, ...terms } = nameTerms({
    ...{ version: TERMS_VERSION, model, operator, asset: OPEN, since: since.toISOString() },
    promptUnits: pricing.promptUnits.toString(),
    completionUnits: pricing.completionUnits.toString(),
  });
  await tx.query(sql`
    insert into gateway.prices (hash, model, operator, since, document)
    values (${hash}, ${model}, ${operator.name}, ${since}, ${canonicalize(terms)})
    on conflict (hash) do nothing`); // a registration says the same whoever reads it first
  return { hash, ...terms };
}

export const asksFor = (terms: Terms, { promptUnits, completionUnits }: Pricing): boolean =>
  BigInt(terms.promptUnits) === promptUnits && BigInt(terms.completionUnits) === completionUnits;

/** As they are stored. */
export const termsIn = (document: string): NamedTerms => nameTerms(parse(document));

const parse = (document: string): Terms => Terms.parse(JSON.parse(document));

/** @throws not_found */
export async function findTerms(on: Reader, hash: string): Promise<Terms> {
  const [row] = await on.query<{ document: string }>(sql`
    select document
    from gateway.prices
    where hash = ${hash}`);
  if (!row) throw new OpenLedgerError('not_found', `No terms ${hash}.`);
  return parse(row.document);
}

/** Every version of all operators of a model, the oldest first. */
export async function listTerms(on: Reader, model: string): Promise<readonly NamedTerms[]> {
  const rows = await on.query<{ document: string }>(sql`
    select document
    from gateway.prices
    where model = ${model}
    order by since, operator`);
  return rows.map(({ document }) => termsIn(document));
}
