/** A payer with money and a key, and the operator's models at a price. */
import { createClient } from '@openledger/sdk';
import { createLedger } from '../../../server/ledger/index.ts';
import { systemClock } from '../../../server/platform/clock.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { newId } from '../../../server/platform/new-id.ts';
import type { Scratch } from '../scratch.ts';
import { PACES } from './speech.ts';

/** @returns the key's secret */
export async function openAccount(
  { db }: Scratch,
  {
    url,
    adminKey,
    operatorUrl,
  }: { readonly url: string; readonly adminKey?: string; readonly operatorUrl: string },
): Promise<string> {
  const admin = createClient({ baseUrl: url, apiKey: adminKey });
  const { id: partyId } = await admin.identity.createParty({ identity: 'handle:payer' });
  const { secret } = await admin.identity.createKey({
    ...{ partyId, label: 'bench' },
    scopes: ['infer', 'read'],
  });
  const ledger = createLedger({ db, clock: systemClock, log: silentLog });
  await ledger.start();
  await ledger.post({
    ...{ transactionId: newId('transaction', systemClock), reason: 'bench.funded' },
    postings: [{ from: 'external:bench', to: `${partyId}:available`, amount: 10n ** 24n }],
  });
  await ledger.stop();
  await admin.gateway.registerOperator({ name: 'mock', baseUrl: `${operatorUrl}/v1` });
  for (const pace of PACES) {
    await admin.models.registerExternal({
      ...{ name: `bench/${pace}`, operator: 'mock', operatorModel: pace, maxTokens: 1000 },
      ...{ promptUnits: '1000000000', completionUnits: '1000000000' },
    });
  }
  return secret;
}
