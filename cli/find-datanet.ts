/** A datanet by its name. */
import type { api, Client, OutputOf } from '@openledger/sdk';

export type Datanet = OutputOf<typeof api.datanets.get>;

export async function findDatanet(client: Client, name: string): Promise<Datanet | undefined> {
  const { items } = await client.datanets.list({ name, limit: 1 });
  return items.at(0);
}
