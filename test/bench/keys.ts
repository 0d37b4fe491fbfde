/** Keys: what it costs to know a caller by his key among very many, remembered and not. */
import { createHash } from 'node:crypto';
import { createAuthenticator } from '../../server/identity/authenticate.ts';
import { systemClock } from '../../server/platform/clock.ts';
import type { Db } from '../../server/platform/db.ts';
import { sql } from '../../server/platform/sql.ts';
import { closedLoop } from './closed-loop.ts';
import { type CpuTime, cpuTime } from './cpu.ts';
import type { Scratch } from './scratch.ts';
import { figure, mention, type Row } from './table.ts';

const GOAL_US = 20;
/** As many as one process remembers. */
const REMEMBERED = 10_000;
const LANES = 8;

/** The secret of the nth key: anybody can make them, so they are for benchmarks only. */
export const secretOf = (n: number): string =>
  `ol_${createHash('sha256').update(`key ${n}`).digest('base64url')}`;

/**
 * One party's keys, in one statement that makes the secrets as `secretOf` does. What was there before is left as it is.
 *
 * @param keys how many
 */
export async function fillKeys(db: Db, keys: number): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(sql`
      insert into identity.parties (id, identity, kind, created_at)
      values ('pty_benchmark', 'local:benchmark', 'local', now())
      on conflict do nothing`);
    await tx.query(sql`
      insert into identity.keys (id, party_id, secret_hash, hint, label, scopes, created_at)
      select 'key_' || lpad(to_hex(n), 32, '0'), 'pty_benchmark',
             encode(sha256(convert_to(secret, 'UTF8')), 'hex'), left(secret, 9), 'benchmark', '{infer}', now()
      from (
        select n, 'ol_' || rtrim(translate(encode(sha256(convert_to('key ' || n, 'UTF8')), 'base64'), '+/', '-_'), '=')
                  as secret
        from generate_series(0, ${keys - 1}::integer) as n
      ) as made`);
  });
  await db.query(sql`analyze identity.keys`);
}

type Measured = { readonly wallUs: number; readonly nodeUs: number; readonly postgresUs: number };

/**
 * Microseconds a check, among so many keys: of callers that are remembered, and of callers that have to be read.
 *
 * @param seconds how long each of the two is measured
 */
export async function benchKeys(
  { db, pid }: Pick<Scratch, 'db' | 'pid'>,
  { keys, seconds }: { readonly keys: number; readonly seconds: number },
): Promise<{ readonly notes: readonly string[]; readonly rows: readonly Row[] }> {
  mention(`filling ${figure(keys)} keys`);
  const begun = performance.now();
  await fillKeys(db, keys);
  const filledSeconds = (performance.now() - begun) / 1000;

  const known = await measureRemembered(db, pid, { keys, seconds });
  const unknown = await measureUnknown(db, pid, { keys, seconds });
  const cost = ({ wallUs, nodeUs, postgresUs }: Measured) =>
    `${figure(wallUs)} us, processor: ${figure(nodeUs)} us ours, ${figure(postgresUs)} us PostgreSQL`;
  return {
    notes: [
      `${figure(keys)} keys of one party, put in by one statement in ${figure(filledSeconds)} s.`,
      `Remembered: ${figure(Math.min(keys, REMEMBERED))} callers in turn, one check after the other, hashing the secret included. Not remembered: ${LANES} checks at a time, keys spread over all; wall time is the window by the checks done in it.`,
    ],
    rows: [
      {
        what: `a key's check among ${figure(keys)}, remembered`,
        ours: cost(known),
        ...{ goal: `<= ${GOAL_US} us`, reached: known.nodeUs <= GOAL_US },
      },
      { what: `a key's check among ${figure(keys)}, not remembered`, ours: cost(unknown) },
    ],
  };
}

type Window = { readonly keys: number; readonly seconds: number };

/** The clock stands still, so that nobody is forgotten by age. */
async function measureRemembered(db: Db, pid: number, { keys, seconds }: Window) {
  const now = systemClock.now();
  const { authenticate } = createAuthenticator(db, { now: () => now });
  const secrets = Array.from({ length: Math.min(keys, REMEMBERED) }, (_, n) => secretOf(n));
  for (const secret of secrets) await mustKnow(authenticate, secret);
  return measure(pid, async () => {
    let checks = 0;
    for (const over = performance.now() + seconds * 1000; performance.now() < over; ) {
      for (let i = 0; i < 1000; i++)
        await mustKnow(authenticate, secrets[checks++ % secrets.length]);
    }
    return checks;
  });
}

/** Nobody is remembered but the last one of all, and each check is of another key, as far as there are enough. */
async function measureUnknown(db: Db, pid: number, { keys, seconds }: Window) {
  const { authenticate } = createAuthenticator(db, systemClock, 1);
  let checks = 0;
  return measure(pid, async () => {
    const { done } = await closedLoop({
      ...{ seconds, lanes: LANES },
      async ask() {
        await mustKnow(authenticate, secretOf((checks++ * STRIDE) % keys));
        return 1;
      },
    });
    return done;
  });
}

/** A prime: neighbours in time are far apart in the table. */
const STRIDE = 611_953;

async function mustKnow(
  authenticate: (secret: string) => Promise<unknown>,
  secret: string,
): Promise<void> {
  if (!(await authenticate(secret))) throw new Error('A key that was put in is not known.');
}

/** @param work resolves with how many checks it made */
async function measure(pid: number, work: () => Promise<number>): Promise<Measured> {
  const [before, begun] = [await cpuTime(pid), performance.now()];
  const checks = await work();
  const [wallMs, after] = [performance.now() - begun, await cpuTime(pid)];
  const each = (side: keyof CpuTime) => (after[side] - before[side]) / checks;
  return { wallUs: (wallMs * 1000) / checks, nodeUs: each('node'), postgresUs: each('postgres') };
}
