/**
 * Idempotency keys: a request that is sent again under its key makes no second call, here or at another gateway.
 *
 * A key is claimed before anything else happens. It is opened in the transaction that puts its call on record, before any
 * operator is asked; from then on it stands for what that record says, whoever ends it: under way, served, or void, and then the
 * key is free again. One that was claimed and not opened is free when its call is refused, and a minute later at the latest: so
 * nobody has to find out whether its gateway is alive. Whoever comes too late to open a key serves nothing.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Caller } from '../identity/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Reader, Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { findInference, type Inference } from './inferences.ts';

/** What a client calls its request. */
export type Idempotency = {
  readonly key: string;
  /** Of all that makes it this request. */
  readonly requestHash: string;
};

/** A key that is this call's. */
export type Claim = Idempotency & {
  readonly payerId: Id<'party'>;
  readonly inferenceId: Id<'inference'>;
};

type Handles = { readonly db: Db; readonly clock: Clock };

/**
 * Makes a call, or tells of the one that was served under its key. A call without a key is made at once.
 *
 * @param ways.make puts the call on record by `openClaim`, or throws and has charged nothing
 * @throws conflict while a call under the key is under way, and where the key is another request's
 */
export async function once<Made>(
  handles: Handles,
  { idempotency, caller }: { readonly idempotency?: Idempotency; readonly caller: Caller },
  ways: {
    readonly make: (claim: Claim | undefined) => Promise<Made>;
    readonly again: (served: Inference) => Made;
  },
): Promise<Made> {
  if (!idempotency) return ways.make(undefined);
  const inferenceId = newId('inference', handles.clock);
  const claim = { ...idempotency, payerId: caller.partyId, inferenceId };
  if (!(await take(handles, claim))) return ways.again(await servedUnder(handles.db, claim));
  try {
    return await ways.make(claim);
  } catch (error) {
    await release(handles.db, claim).catch(() => {}); // it comes free by itself
    throw error;
  }
}

/** How long a call may take from its claim to its record. */
const UNOPENED_MS = 60_000;

/** @returns whether the key is this call's now: nobody had it, or nothing came of whoever had it */
async function take({ db, clock }: Handles, claim: Claim): Promise<boolean> {
  const { payerId, key, requestHash, inferenceId } = claim;
  const now = clock.now();
  const late = new Date(now.getTime() - UNOPENED_MS);
  const taken = await db.write(sql`
    insert into gateway.idempotency_keys as held (payer_id, key, request_hash, inference_id, claimed_at)
    values (${payerId}, ${key}, ${requestHash}, ${inferenceId}, ${now})
    on conflict (payer_id, key) do update
    set request_hash = excluded.request_hash, inference_id = excluded.inference_id,
        is_opened = false, claimed_at = excluded.claimed_at
    where case when held.is_opened
      then exists (select from gateway.inferences where id = held.inference_id and status = 'void')
      else held.claimed_at < ${late} end
    returning inference_id`);
  return taken.length > 0;
}

type Holder = {
  request_hash: string;
  inference_id: Id<'inference'>;
  status: Inference['status'] | null;
};

/** @throws conflict unless just this request was served */
async function servedUnder(on: Reader, claim: Claim): Promise<Inference> {
  const [holder] = await on.query<Holder>(sql`
    select request_hash, inference_id, status
    from gateway.idempotency_keys
    left join gateway.inferences on id = inference_id
    where idempotency_keys.payer_id = ${claim.payerId} and key = ${claim.key}`);
  if (holder && holder.request_hash !== claim.requestHash) throw ofAnother(holder);
  if (holder?.status !== 'served') throw underWay();
  return findInference(on, holder.inference_id);
}

const ofAnother = ({ inference_id: inference }: Holder): OpenLedgerError =>
  new OpenLedgerError('conflict', 'This Idempotency-Key was sent with another request.', {
    ...{ inference, mayRetry: false },
  });

const underWay = (): OpenLedgerError =>
  new OpenLedgerError(
    'conflict',
    'A call under this Idempotency-Key is under way. Ask again when it has ended.',
    { retryAfterSeconds: 1 },
  );

/** To be done in the transaction that puts the call on record. @throws conflict where another call has the key by now */
export async function openClaim(tx: Tx, { payerId, key, inferenceId }: Claim): Promise<void> {
  const opened = await tx.query(sql`
    update gateway.idempotency_keys
    set is_opened = true
    where payer_id = ${payerId} and key = ${key} and inference_id = ${inferenceId}
    returning inference_id`);
  if (opened.length === 0) throw underWay();
}

async function release(db: Db, { payerId, key, inferenceId }: Claim): Promise<void> {
  await db.write(sql`
    delete from gateway.idempotency_keys
    where payer_id = ${payerId} and key = ${key} and inference_id = ${inferenceId}`);
}

export async function forgetKeys(tx: Tx, before: Date): Promise<void> {
  await tx.query(sql`
    delete from gateway.idempotency_keys
    where claimed_at < ${before}`);
}
