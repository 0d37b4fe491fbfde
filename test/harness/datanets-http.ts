import { createHttp } from '../../server/http/app.ts';
import { datanetsRoutes } from '../../server/http/datanets.ts';
import type { Identity } from '../../server/identity/index.ts';
import { silentLog } from '../../server/platform/log.ts';
import { openTestDatanets } from './datanets.ts';
import type { TestDatabase } from './postgres.ts';

/** Datanets as clients see them, with no socket in between: over a database of their own. */
export async function openDatanetsHttp(): Promise<{
  readonly database: TestDatabase;
  readonly identity: Identity;
  readonly server: typeof fetch;
  /** The admin's. */
  readonly apiKey: string;
}> {
  const { database, identity, datanets, access } = await openTestDatanets();
  const app = createHttp({
    routes: datanetsRoutes({
      ...{ datanets, access },
      attributions: { countCiting: async () => 0 },
      models: { madeFrom: async () => [] },
    }),
    authenticate: identity.authenticate,
    log: silentLog,
  });
  const { secret } = (await identity.ensureAdminKey())!;
  return {
    ...{ database, identity, apiKey: secret },
    server: async (input, init) => app.request(input as URL, init),
  };
}
