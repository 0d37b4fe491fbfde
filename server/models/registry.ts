/** The models somebody can call, by name: `base`, `base:adapter@version`, or an operator's own name. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** A snapshot a model learned from, and as which part of it. */
export type ModelSnapshot = {
  readonly snapshotId: Id<'snapshot'>;
  readonly hash: string;
  readonly role: 'base' | 'adapter';
};

export type Model = {
  readonly modelId: Id<'model'>;
  readonly name: string;
  readonly kind: 'base' | 'adapter' | 'external';
  readonly baseId: Id<'model'> | undefined;
  readonly runId: Id<'run'> | undefined;
  readonly builderId: Id<'party'>;
  readonly operator: string;
  readonly operatorModel: string;
  /** By which its tokens are counted here, where another operator serves it; undefined: they are not. */
  readonly tokenizer: string | undefined;
  readonly hash: string | undefined;
  readonly snapshots: readonly ModelSnapshot[];
  /** Of its ensemble for influence; 0 where it has none. */
  readonly influenceAdapters: number;
  readonly pricing: { readonly promptUnits: bigint; readonly completionUnits: bigint };
  readonly defaultMaxTokens: number;
  readonly maxTokens: number;
  readonly createdAt: Date;
};

/** @throws conflict when the name is taken by another model */
export async function registerModel(tx: Tx, model: Model): Promise<void> {
  const inserted = await tx.query(sql`
    insert into models.models
      (id, name, kind, base_id, run_id, builder_id, operator, operator_model, hash, snapshots,
       influence_adapters, prompt_units, completion_units, default_max_tokens, max_tokens, tokenizer, created_at)
    values (
      ${model.modelId}, ${model.name}, ${model.kind}, ${model.baseId ?? null}, ${model.runId ?? null},
      ${model.builderId}, ${model.operator}, ${model.operatorModel}, ${model.hash ?? null},
      ${JSON.stringify(model.snapshots)}, ${model.influenceAdapters},
      ${model.pricing.promptUnits}, ${model.pricing.completionUnits},
      ${model.defaultMaxTokens}, ${model.maxTokens}, ${model.tokenizer ?? null}, ${model.createdAt}
    )
    on conflict (name) do nothing
    returning id`);
  if (inserted.length === 0) throw nameTaken(model.name);
}

/** Asked before a run that takes minutes; registering asks again. @throws conflict */
export async function assertNameFree(on: Reader, name: string): Promise<void> {
  const [taken] = await on.query(sql`select from models.models where name = ${name}`);
  if (taken) throw nameTaken(name);
}

const nameTaken = (name: string) =>
  new OpenLedgerError('conflict', `A model named ${name} exists already.`);

type Row = {
  id: Id<'model'>;
  name: string;
  kind: Model['kind'];
  base_id: Id<'model'> | null;
  run_id: Id<'run'> | null;
  builder_id: Id<'party'>;
  operator: string;
  operator_model: string;
  hash: string | null;
  snapshots: ModelSnapshot[];
  influence_adapters: number;
  prompt_units: string;
  completion_units: string;
  default_max_tokens: number;
  max_tokens: number;
  tokenizer: string | null;
  created_at: Date;
};

const columns = sql`id, name, kind, base_id, run_id, builder_id, operator, operator_model, hash, snapshots,
  influence_adapters, prompt_units, completion_units, default_max_tokens, max_tokens, tokenizer, created_at`;

/** By name or id. @throws model_not_found */
export async function findModel(on: Reader, nameOrId: string): Promise<Model> {
  const [row] = await on.query<Row>(sql`
    select ${columns}
    from models.models
    where name = ${nameOrId} or id = ${nameOrId}`);
  if (!row)
    throw new OpenLedgerError('model_not_found', `The model ${nameOrId} does not exist.`, {
      model: nameOrId,
    });
  return fromRow(row);
}

export async function listModels(on: Reader): Promise<readonly Model[]> {
  const rows = await on.query<Row>(sql`
    select ${columns}
    from models.models
    order by created_at, id`);
  return rows.map(fromRow);
}

/** Models that learned from any of the snapshots, by themselves or through their base. */
export async function modelsMadeFrom(
  on: Reader,
  snapshotIds: readonly string[],
): Promise<readonly Model[]> {
  const rows = await on.query<Row>(sql`
    select ${columns}
    from models.models
    where exists (
      select
      from jsonb_to_recordset(snapshots) as learned ("snapshotId" text)
      where "snapshotId" = any(${[...snapshotIds]}::text[])
    )
    order by created_at, id`);
  return rows.map(fromRow);
}

/** The next free `base:adapter@version` of an adapter's name. Adapters of one base take theirs one after the other. */
export async function adapterName(
  tx: Tx,
  { base, adapter }: { base: string; adapter: string },
): Promise<string> {
  await tx.query(sql`select from models.models where name = ${base} for update`);
  const stem = `${base}:${adapter}@`;
  const rows = await tx.query<{ name: string }>(sql`
    select name
    from models.models
    where starts_with(name, ${stem})`);
  const versions = rows.map(({ name }) => Number(name.slice(stem.length))).filter(Number.isInteger);
  return `${stem}${Math.max(0, ...versions) + 1}`;
}

const fromRow = (row: Row): Model => ({
  modelId: row.id,
  name: row.name,
  kind: row.kind,
  baseId: row.base_id ?? undefined,
  runId: row.run_id ?? undefined,
  builderId: row.builder_id,
  operator: row.operator,
  operatorModel: row.operator_model,
  tokenizer: row.tokenizer ?? undefined,
  hash: row.hash ?? undefined,
  snapshots: row.snapshots,
  influenceAdapters: row.influence_adapters,
  pricing: { promptUnits: BigInt(row.prompt_units), completionUnits: BigInt(row.completion_units) },
  defaultMaxTokens: row.default_max_tokens,
  maxTokens: row.max_tokens,
  createdAt: row.created_at,
});
