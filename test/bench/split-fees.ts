/** How the split benchmark reaches the fees stage: the one file that knows how a routing is stored. */
import { createFees, type Fees } from '../../server/fees/index.ts';
import { createLedger } from '../../server/ledger/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import type { Db } from '../../server/platform/db.ts';
import { createLog } from '../../server/platform/log.ts';
import { newId } from '../../server/platform/new-id.ts';
import { sql } from '../../server/platform/sql.ts';
import type { Vector } from './split-vectors.ts';

export type BenchedFees = {
  /** Makes vectors look routed and posted, so that the next roll-up finds them. */
  route(vectors: Iterable<Vector>): Promise<void>;
  /** Reads, sums and records what was routed, and posts the credits to the ledger. @returns how many vectors that was */
  rollUp: Fees['rollUp'];
  stop(): Promise<void>;
};

const AT_ONCE = 500;

export async function benchFees(db: Db): Promise<BenchedFees> {
  const silent = { ...createLog((line) => void process.stderr.write(line)), info() {} };
  const ledger = createLedger({ db, clock: systemClock, log: silent });
  await ledger.start();
  const fees = createFees({
    ...{ db, ledger, clock: systemClock, log: silent },
    ...{ gateway: { find: unasked }, attributions: { find: unasked }, reads: { find: unasked } },
    ...{ governance: { findPolicy: unasked }, poolMembers: unasked },
  });

  /** The data legs lie in the control account before their roll-up. */
  const fund = (amount: bigint) =>
    ledger.post({
      transactionId: newId('transaction', systemClock),
      reason: 'bench.funded',
      postings: [{ from: 'external:bench', to: 'control:data', amount }],
    });

  return {
    async route(vectors) {
      let page: Vector[] = [];
      const flush = async () => {
        await db.transaction((tx) => tx.query(insertRoutings(page)));
        await fund(page.reduce((sum, { units }) => sum + units, 0n));
        page = [];
      };
      for (const vector of vectors) {
        page.push(vector);
        if (page.length === AT_ONCE) await flush();
      }
      if (page.length > 0) await flush();
    },
    rollUp: fees.rollUp,
    stop: ledger.stop,
  };
}

const insertRoutings = (vectors: readonly Vector[]) => sql`
  with priced as (
    select inference_id, units, share_to::text[], share_weights::numeric[]
    from unnest(
      ${vectors.map(() => newId('inference', systemClock))}::text[],
      ${vectors.map(({ units }) => units)}::numeric[],
      ${vectors.map(({ shares }) => `{${shares.map(({ to }) => to)}}`)}::text[],
      ${vectors.map(({ shares }) => `{${shares.map(({ weight }) => weight)}}`)}::text[]
    ) as priced (inference_id, units, share_to, share_weights)
  ),
  attributed as (
    insert into fees.vectors (inference_id, share_to, share_weights)
    select inference_id, share_to, share_weights from priced
    returning id, inference_id
  )
  insert into fees.routings (
    inference_id, epoch, policy_hash, payer_id, operator_id, units, data_units, legs, refunded, earners, vector_id,
    served_at, routed_at, is_posted)
  select inference_id, 1, '', 'bench', 'bench', units, units, '[]', '{}', '{}', id, now(), now(), true
  from priced
  join attributed using (inference_id)`;

/** A roll-up asks the other stages nothing. */
const unasked = () => Promise.reject(new Error('The split benchmark has no other stages.'));
