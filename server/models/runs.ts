/** Training runs as rows: queued, running, then done or failed. */
import {
  type Evaluation,
  type Id,
  OpenLedgerError,
  type Recipe,
  type RunProgress,
} from '@openledger/protocol';
import type { Reader, Tx } from '../platform/db.ts';
import { announce } from '../platform/jobs.ts';
import { sql } from '../platform/sql.ts';

export type Run = {
  readonly runId: Id<'run'>;
  readonly builderId: Id<'party'>;
  readonly recipe: Recipe;
  readonly status: 'queued' | 'running' | 'done' | 'failed';
  readonly progress: RunProgress | undefined;
  readonly losses: readonly (readonly [step: number, loss: number])[];
  readonly evaluation: Evaluation | undefined;
  readonly failure: string | undefined;
  readonly createdAt: Date;
  readonly endedAt: Date | undefined;
};

export async function queueRun(
  tx: Tx,
  run: {
    readonly runId: Id<'run'>;
    readonly builderId: Id<'party'>;
    readonly recipe: Recipe;
    readonly createdAt: Date;
  },
): Promise<void> {
  await tx.query(sql`
    insert into models.runs (id, kind, name, builder_id, recipe, status, created_at)
    values (${run.runId}, ${run.recipe.kind}, ${run.recipe.name}, ${run.builderId},
            ${JSON.stringify(run.recipe)}, 'queued', ${run.createdAt})`);
  await announce(tx, 'run.queued', { runId: run.runId });
}

/** @returns false when the run has ended already */
export async function startRun(tx: Tx, runId: string, startedAt: Date): Promise<boolean> {
  const started = await tx.query(sql`
    update models.runs
    set status = 'running', started_at = coalesce(started_at, ${startedAt})
    where id = ${runId} and status in ('queued', 'running')
    returning id`);
  return started.length > 0;
}

/** A run that goes on from a checkpoint passes some steps again: what it tells now replaces what it told of them. */
export async function recordProgress(tx: Tx, runId: string, progress: RunProgress): Promise<void> {
  const { step, loss } = progress;
  await tx.query(sql`
    update models.runs
    set progress = ${JSON.stringify(progress)}
    where id = ${runId}`);
  if (loss === null) return;
  await tx.query(sql`
    update models.runs
    set losses = (
      select coalesce(jsonb_agg(point order by place), '[]')
      from jsonb_array_elements(losses) with ordinality as earlier (point, place)
      where (point ->> 0)::integer < ${step}
    ) || ${JSON.stringify([[step, round(loss)]])}::jsonb
    where id = ${runId}`);
}

const round = (loss: number): number => Math.round(loss * 1e4) / 1e4;

export async function finishRun(
  tx: Tx,
  runId: string,
  evaluation: Evaluation,
  endedAt: Date,
): Promise<void> {
  await tx.query(sql`
    update models.runs
    set status = 'done', evaluation = ${JSON.stringify(evaluation)}, ended_at = ${endedAt}
    where id = ${runId}`);
}

export async function failRun(
  tx: Tx,
  runId: string,
  failure: string,
  endedAt: Date,
): Promise<void> {
  await tx.query(sql`
    update models.runs
    set status = 'failed', failure = ${failure}, ended_at = ${endedAt}
    where id = ${runId} and status <> 'done'`);
}

type Row = {
  id: Id<'run'>;
  builder_id: Id<'party'>;
  recipe: Recipe;
  status: Run['status'];
  progress: RunProgress | null;
  losses: [number, number][];
  evaluation: Evaluation | null;
  failure: string | null;
  created_at: Date;
  ended_at: Date | null;
};

const columns = sql`id, builder_id, recipe, status, progress, losses, evaluation, failure, created_at, ended_at`;

/** @throws not_found */
export async function findRun(on: Reader, runId: string): Promise<Run> {
  const [row] = await on.query<Row>(sql`
    select ${columns}
    from models.runs
    where id = ${runId}`);
  if (!row) throw new OpenLedgerError('not_found', `No run ${runId}.`);
  return fromRow(row);
}

export async function listRuns(
  on: Reader,
  { limit }: { readonly limit: number },
): Promise<readonly Run[]> {
  const rows = await on.query<Row>(sql`
    select ${columns}
    from models.runs
    order by id desc
    limit ${limit}`);
  return rows.map(fromRow);
}

const fromRow = (row: Row): Run => ({
  runId: row.id,
  builderId: row.builder_id,
  recipe: row.recipe,
  status: row.status,
  progress: row.progress ?? undefined,
  losses: row.losses,
  evaluation: row.evaluation ?? undefined,
  failure: row.failure ?? undefined,
  createdAt: row.created_at,
  endedAt: row.ended_at ?? undefined,
});
