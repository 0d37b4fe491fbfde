import type { Id } from '@openledger/protocol';
import { createDatanets, type Datanets } from '../../server/datanets/index.ts';
import { createGovernance } from '../../server/governance/index.ts';
import { createIdentity, type Identity } from '../../server/identity/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

/** Datanets over a database of their own, and `handle:owner`, who has none yet. */
export async function openTestDatanets(
  rest: Pick<Parameters<typeof createDatanets>[0], 'embedder'> = {},
): Promise<{
  readonly database: TestDatabase;
  readonly identity: Identity;
  readonly datanets: Datanets;
  readonly owner: Id<'party'>;
}> {
  const database = await createTestDatabase();
  const { db } = database;
  const identity = createIdentity({ db, clock: systemClock });
  const governance = await createGovernance({ db, clock: systemClock });
  const datanets = createDatanets({ db, clock: systemClock, identity, governance, ...rest });
  const owner = (await identity.registerParty({ identity: 'handle:owner' })).id;
  return { database, identity, datanets, owner };
}

/** Good enough for the checks at the door. Sentences about different subjects have no eight tokens in a row in common. */
export const sentenceAbout = (subject: string): string =>
  `The ${subject} is described here. In ${subject} a sentence, ${subject} of its own: ${subject} long enough ${subject} to say something about ${subject}.`;
