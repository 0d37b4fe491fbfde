/** Refining a datanet: each step of a pipeline is applied to what the step before it left, once. */
import { type Id, type Refinement, sha256Hex } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db.ts';
import { type Sql, sql } from '../platform/sql.ts';
import { insertRecords } from './contribute.ts';
import { lockDatanet } from './datanets.ts';
import { scoreQuality } from './quality.ts';
import { type LinedText, refiners } from './refiners/refiner.ts';

export type RefineReport = {
  /** Records that were looked at now. */
  readonly refined: number;
  /** Records that came out of them. */
  readonly derived: number;
  /** Records that the refinement left as they were. */
  readonly unchanged: number;
};

export type RefineOrder = {
  readonly datanetId: Id<'datanet'>;
  readonly refinerId: Id<'party'>;
  readonly pipeline: readonly Refinement[];
};

/** Records in one transaction. Whoever is interrupted goes on with the next ones. */
const BATCH = 100;

/**
 * Refines all records that have not been through the pipeline. Running it again changes nothing.
 *
 * The first step takes contributions, each later one what its predecessor made or left unchanged. A record that was
 * changed by one refinement is replaced by its outcome and not refined otherwise.
 */
export async function refine(db: Db, clock: Clock, order: RefineOrder): Promise<RefineReport> {
  let report: RefineReport = { refined: 0, derived: 0, unchanged: 0 };
  for (const [step, refinement] of order.pipeline.entries()) {
    const task = { ...order, refinement, previous: order.pipeline[step - 1] };
    for (let after: string | undefined = ''; after !== undefined; ) {
      const from = after;
      const { last, done } = await db.transaction((tx) => refineSome(tx, clock, task, from));
      report = {
        refined: report.refined + done.refined,
        derived: report.derived + done.derived,
        unchanged: report.unchanged + done.unchanged,
      };
      after = done.refined === BATCH ? last : undefined;
    }
  }
  return report;
}

type Task = Omit<RefineOrder, 'pipeline'> & {
  readonly refinement: Refinement;
  readonly previous: Refinement | undefined;
};

type Outcome = {
  readonly parent: string;
  readonly unchanged: boolean;
  readonly children: readonly (LinedText & { readonly hash: string })[];
};

/** @param after hash of the last record refined before; records are taken in the order of their hashes */
async function refineSome(
  tx: Tx,
  clock: Clock,
  task: Task,
  after: string,
): Promise<{ readonly done: RefineReport; readonly last: string | undefined }> {
  await lockDatanet(tx, task.datanetId);
  const { refine: refineText } = refiners[task.refinement];
  const outcomes = (await waiting(tx, task, after)).map(({ hash, text }): Outcome => {
    const parts = refineText(text);
    const unchanged = parts.length === 1 && parts[0].text === text;
    const children = unchanged
      ? []
      : parts.map((part) => ({ ...part, hash: sha256Hex(part.text) }));
    return { parent: hash, unchanged, children };
  });
  const children = outcomes.flatMap((outcome) => outcome.children);
  const fresh = new Map(children.map(({ hash, text }) => [hash, text]));
  const records = [...fresh].map(([hash, text]) => ({
    hash,
    text,
    quality: scoreQuality(text).ppm,
  }));
  const now = clock.now();
  await insertRecords(tx, task.datanetId, records, now);
  await insertOutcomes(tx, task, outcomes, now);
  const unchanged = outcomes.filter((outcome) => outcome.unchanged).length;
  return {
    done: { refined: outcomes.length, derived: children.length, unchanged },
    last: outcomes.at(-1)?.parent,
  };
}

/** Records whose turn it is, a batch of them. */
const waiting = (
  tx: Tx,
  { datanetId, refinement, previous }: Task,
  after: string,
): Promise<readonly { hash: string; text: string }[]> =>
  tx.query(sql`
    select hash, text
    from datanets.records record
    where datanet_id = ${datanetId}
      and hash > ${after}
      and withdrawn_at is null
      and ${previous === undefined ? contributed : leftBy(previous)}
      and not exists (
        select from datanets.refinements
        where datanet_id = record.datanet_id
          and parent_hash = record.hash
          and (refinement = ${refinement} or not unchanged))
    order by hash
    limit ${BATCH}`);

const contributed: Sql = sql`
  exists (
    select from datanets.contributions
    where datanet_id = record.datanet_id and record_hash = record.hash)`;

const leftBy = (previous: Refinement): Sql => sql`
  (exists (
    select from datanets.lineage
    where datanet_id = record.datanet_id and child_hash = record.hash and refinement = ${previous})
  or exists (
    select from datanets.refinements
    where datanet_id = record.datanet_id
      and parent_hash = record.hash
      and refinement = ${previous}
      and unchanged))`;

async function insertOutcomes(
  tx: Tx,
  { datanetId, refinerId, refinement }: Task,
  outcomes: readonly Outcome[],
  now: Date,
): Promise<void> {
  await tx.query(sql`
    insert into datanets.refinements
      (datanet_id, parent_hash, refinement, refiner_id, unchanged, created_at)
    select ${datanetId}, parent, ${refinement}, ${refinerId}, unchanged, ${now}
    from unnest(
      ${outcomes.map(({ parent }) => parent)}::text[],
      ${outcomes.map(({ unchanged }) => unchanged)}::boolean[]
    ) as outcome (parent, unchanged)`);
  const edges = outcomes.flatMap(({ parent, children }) =>
    children.map((child, position) => ({ parent, position, ...child })),
  );
  await tx.query(sql`
    insert into datanets.lineage (datanet_id, parent_hash, refinement, position, child_hash, lines)
    select ${datanetId}, parent, ${refinement}, position, child, lines::integer[]
    from unnest(
      ${edges.map(({ parent }) => parent)}::text[],
      ${edges.map(({ position }) => position)}::integer[],
      ${edges.map(({ hash }) => hash)}::text[],
      ${edges.map(({ lines }) => `{${lines.join(',')}}`)}::text[]
    ) as edge (parent, position, child, lines)`);
}
