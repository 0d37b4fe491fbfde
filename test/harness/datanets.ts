import type { Id } from '@openledger/protocol';
import { type Access, createDatanets, type Datanets } from '../../server/datanets/index.ts';
import { createGovernance } from '../../server/governance/index.ts';
import { createIdentity, type Identity } from '../../server/identity/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { silentLog } from '../../server/platform/log.ts';
import { freeAccess } from './access.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

/** Datanets over a database of their own, and `handle:owner`, who has none yet. */
export async function openTestDatanets(
  rest: Pick<Parameters<typeof createDatanets>[0], 'embedder'> = {},
): Promise<{
  readonly database: TestDatabase;
  readonly identity: Identity;
  readonly datanets: Datanets;
  /** Nothing is read for pay. */
  readonly access: Access;
  readonly owner: Id<'party'>;
}> {
  const database = await createTestDatabase();
  const { db } = database;
  const identity = createIdentity({ db, clock: systemClock });
  const governance = await createGovernance({ db, clock: systemClock });
  const datanets = createDatanets({ db, clock: systemClock, identity, governance, ...rest });
  const owner = (await identity.registerParty({ identity: 'handle:owner' })).id;
  const access = freeAccess({ db, clock: systemClock, log: silentLog, identity, governance });
  return { database, identity, datanets, access, owner };
}

/** Good enough for the checks at the door. Sentences about different subjects have no eight tokens in a row in common. */
export const sentenceAbout = (subject: string): string =>
  `The ${subject} is described here. In ${subject} a sentence, ${subject} of its own: ${subject} long enough ${subject} to say something about ${subject}.`;
