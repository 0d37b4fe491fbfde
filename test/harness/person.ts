/** Somebody at a test's server: a party with money, a key with every scope but `admin`, and a client of his own. */
import { type Client, createClient, scopes } from '@openledger/sdk';
import type { TestApp } from './app.ts';

export type Person = {
  readonly id: `pty_${string}`;
  readonly client: Client;
  /** His key. */
  readonly secret: string;
  /** What he can spend. */
  available(): Promise<bigint>;
};

export async function person(
  { admin, baseUrl }: Pick<TestApp, 'admin' | 'baseUrl'>,
  handle: string,
  { units = 0n, limitUnits }: { readonly units?: bigint; readonly limitUnits?: bigint } = {},
): Promise<Person> {
  const { id } = await admin.identity.createParty({ identity: `handle:${handle}` });
  const { secret } = await admin.identity.createKey({
    ...{ partyId: id, label: handle, scopes: scopes.filter((scope) => scope !== 'admin') },
    limitUnits: limitUnits?.toString(),
  });
  const client = createClient({ baseUrl, apiKey: secret });
  if (units > 0n) await client.settlement.faucet({ units: units.toString() });
  return {
    ...{ id, client, secret },
    async available() {
      const { items } = await client.ledger.balances({ limit: 50 });
      return BigInt(items.find(({ account }) => account === `${id}:available`)?.amount ?? 0);
    },
  };
}
