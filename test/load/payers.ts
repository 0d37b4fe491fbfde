/** Those who pay in a run: parties with money and keys, made before the first process starts. */
import type { Id } from '@openledger/protocol';
import { createIdentity } from '../../server/identity/index.ts';
import { createLedger, transactionIdFor } from '../../server/ledger/index.ts';
import { systemClock as clock } from '../../server/platform/clock.ts';
import type { Db } from '../../server/platform/db.ts';
import { migrateJobs } from '../../server/platform/jobs.ts';
import { silentLog as log } from '../../server/platform/log.ts';
import { migrate } from '../../server/platform/migrate.ts';

export type PayerOrder = {
  readonly units: bigint;
  /** The limit of each of his keys; undefined: none. */
  readonly keys: readonly (bigint | undefined)[];
};

export type PayerKey = {
  readonly keyId: Id<'key'>;
  readonly secret: string;
  readonly limitUnits: bigint | undefined;
};

export type Payer = {
  readonly partyId: Id<'party'>;
  readonly funded: bigint;
  readonly keys: readonly PayerKey[];
};

export async function prepareBooks(
  db: Db,
  orders: readonly PayerOrder[],
): Promise<{ readonly adminKey: string; readonly payers: readonly Payer[] }> {
  await migrateJobs(db);
  await migrate(db);
  const identity = createIdentity({ db, clock });
  const adminKey = (await identity.ensureAdminKey())?.secret as string;
  const admin = await identity.authenticate(adminKey);
  if (!admin) throw new Error('The admin has no key.');
  const ledger = createLedger({ db, clock, log });
  await ledger.start();
  const payers: Payer[] = [];
  for (const [number, { units, keys: limits }] of orders.entries()) {
    const { id: partyId } = await identity.registerParty({ identity: `local:payer-${number}` });
    await ledger.post({
      transactionId: transactionIdFor(partyId, 'fund'),
      reason: 'test',
      postings: [{ from: 'external:chain', to: `${partyId}:available`, amount: units }],
    });
    const keys: PayerKey[] = [];
    for (const limitUnits of limits) {
      const order = { partyId, label: 'load', scopes: ['infer', 'read'] as const, limitUnits };
      const { key, secret } = await identity.createKey(admin, order);
      keys.push({ keyId: key.id, secret, limitUnits });
    }
    payers.push({ partyId, funded: units, keys });
  }
  await ledger.stop();
  return { adminKey, payers };
}
