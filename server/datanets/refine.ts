/** Refining a datanet: each step of a pipeline is applied to what the step before it left, once. */
import { type Id, type Refinement, sha256Hex } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db, Reader, Tx } from '../platform/db.ts';
import { type Sql, sql } from '../platform/sql.ts';
import { insertRecords } from './contribute.ts';
import { lockDatanet } from './datanets.ts';
import { ancestorsOf, placesOf } from './places.ts';
import { scoreQuality } from './quality.ts';
import type { LinedText } from './refiners/lined-text.ts';
import { NOWHERE } from './refiners/place.ts';
import { refiners } from './refiners/refiner.ts';

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
    const hashes = await waiting(db, task);
    for (let start = 0; start < hashes.length; start += BATCH) {
      const batch = hashes.slice(start, start + BATCH);
      const done = await db.transaction((tx) => refineSome(tx, clock, task, batch));
      report = {
        refined: report.refined + done.refined,
        derived: report.derived + done.derived,
        unchanged: report.unchanged + done.unchanged,
      };
    }
  }
  return report;
}

type Task = Omit<RefineOrder, 'pipeline'> & {
  readonly refinement: Refinement;
  readonly previous: Refinement | undefined;
};

/** What a refinement made of a record. */
export type Outcome = {
  readonly parent: string;
  /** True: the record stands for itself, also where it has children beside it. */
  readonly unchanged: boolean;
  readonly children: readonly (LinedText & { readonly hash: string })[];
};

async function refineSome(
  tx: Tx,
  clock: Clock,
  task: Task,
  hashes: readonly string[],
): Promise<RefineReport> {
  await lockDatanet(tx, task.datanetId);
  const { refine: refineText } = refiners[task.refinement];
  const waiting = await stillWaiting(tx, task, hashes);
  const places = await placesOf(
    tx,
    task.datanetId,
    waiting.map(({ hash }) => hash),
  );
  const ancestors = await ancestorsOf(
    tx,
    task.datanetId,
    waiting.map(({ hash }) => hash),
  );
  const outcomes = waiting.map(({ hash, text }): Outcome => {
    const parts = refineText(text, places.get(hash) ?? NOWHERE);
    const children = parts.map((part) => ({ ...part, hash: sha256Hex(part.text) }));
    // Nothing descends from itself: what would is left as it is.
    const unchanged =
      (parts.length === 1 && parts[0].text === text) ||
      children.some((child) => child.hash === hash || ancestors.get(hash)?.has(child.hash));
    return { parent: hash, unchanged, children: unchanged ? [] : children };
  });
  await insertOutcomes(tx, clock, task, outcomes);
  const derived = outcomes.reduce((sum, { children }) => sum + children.length, 0);
  const unchanged = outcomes.filter((outcome) => outcome.unchanged).length;
  return { refined: outcomes.length, derived, unchanged };
}

/** Hashes of the records whose turn it is. */
async function waiting(
  reader: Reader,
  { datanetId, refinement, previous }: Task,
): Promise<readonly string[]> {
  const rows = await reader.query<{ hash: string }>(sql`
    select hash
    from datanets.records record
    where datanet_id = ${datanetId}
      and withdrawn_at is null
      and ${previous === undefined ? contributed : leftBy(previous)}
      and ${notRefined(refinement)}
    order by hash`);
  return rows.map(({ hash }) => hash);
}

/** Those that nobody else has refined or withdrawn meanwhile, with their texts. */
const stillWaiting = (
  tx: Tx,
  { datanetId, refinement }: Task,
  hashes: readonly string[],
): Promise<readonly { hash: string; text: string }[]> =>
  tx.query(sql`
    select hash, text
    from datanets.records record
    where datanet_id = ${datanetId}
      and hash = any(${hashes}::text[])
      and withdrawn_at is null
      and ${notRefined(refinement)}
    order by hash`);

const notRefined = (refinement: Refinement): Sql => sql`
  not exists (
    select from datanets.refinements
    where datanet_id = record.datanet_id
      and parent_hash = record.hash
      and (refinement = ${refinement} or not unchanged))`;

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

/** Derived records and their lineage. The parents are there, or among the children of an earlier call. */
export async function insertOutcomes(
  tx: Tx,
  clock: Clock,
  {
    datanetId,
    refinerId,
    refinement,
  }: {
    readonly datanetId: string;
    readonly refinerId: string;
    readonly refinement: string;
  },
  outcomes: readonly Outcome[],
): Promise<void> {
  const now = clock.now();
  const fresh = new Map(
    outcomes.flatMap(({ children }) => children.map(({ hash, text }) => [hash, text])),
  );
  const records = [...fresh].map(([hash, text]) => ({
    hash,
    text,
    quality: scoreQuality(text).ppm,
  }));
  await insertRecords(tx, datanetId, records, now);
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
