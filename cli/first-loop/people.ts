/** The people of the first loop: who curates, builds, and pays. Test identities of this installation alone. */
import { type Client, createClient, type Id, type Scope } from '@openledger/sdk';

export type Person = {
  readonly partyId: Id<'party'>;
  readonly client: Client;
  readonly secret: string;
};

export type People = {
  readonly curator: Person;
  readonly builder: Person;
  readonly visitor: Person;
};

export async function findPeople(admin: Client, baseUrl: string): Promise<People> {
  const enter = async (name: string, scopes: readonly Scope[]): Promise<Person> => {
    const party = await admin.identity.createParty({
      identity: `handle:${name}`,
      displayName: name,
    });
    const { secret } = await admin.identity.createKey({
      partyId: party.id,
      label: 'first loop',
      scopes: [...scopes],
    });
    return { partyId: party.id, secret, client: createClient({ baseUrl, apiKey: secret }) };
  };
  return {
    curator: await enter('curator', ['read', 'contribute']),
    builder: await enter('builder', ['read', 'build']),
    visitor: await enter('visitor', ['read', 'infer', 'contribute', 'manage']),
  };
}
