import { addressOf, api, OpenLedgerError, signPersonal } from '@openledger/protocol';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { createDatanets } from '../server/datanets/index.ts';
import { createGovernance } from '../server/governance/index.ts';
import { createHttp } from '../server/http/app.ts';
import { datanetsRoutes } from '../server/http/datanets.ts';
import { identityRoutes } from '../server/http/identity.ts';
import { type Listening, listen } from '../server/http/listen.ts';
import { createIdentity } from '../server/identity/index.ts';
import { systemClock } from '../server/platform/clock.ts';
import { silentLog } from '../server/platform/log.ts';
import { freeAccess } from '../test/harness/access.ts';
import { createTestDatabase, type TestDatabase } from '../test/harness/postgres.ts';
import { type Client, createClient } from './client.ts';

let database: TestDatabase;
let server: Listening;
let admin: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  const clock = systemClock;
  const identity = createIdentity({ db, clock });
  const governance = await createGovernance({ db, clock });
  const datanets = createDatanets({ db, clock, identity, governance });
  const routes = [
    ...identityRoutes({ identity }),
    ...datanetsRoutes({
      datanets,
      access: freeAccess({ db, clock, log: silentLog, identity, governance }),
      attributions: { countCiting: async () => 0 },
      models: { madeFrom: async () => [] },
    }),
  ];
  const { authenticate } = identity;
  const app = createHttp({ routes, authenticate, log: silentLog });
  server = await listen(app, { host: '127.0.0.1', port: 0 });
  const first = await identity.ensureAdminKey();
  admin = createClient({ baseUrl: server.url, apiKey: first?.secret });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const passage = (word: string) =>
  `The ${word} passage of this test says something of its own about rivers, bridges and the people who cross them daily.`;

test('the client has every operation of the table', () => {
  const verbs = Object.entries(admin).map(([noun, ops]) => [noun, Object.keys(ops)]);
  expect(Object.fromEntries(verbs)).toEqual(
    Object.fromEntries(Object.entries(api).map(([noun, ops]) => [noun, Object.keys(ops)])),
  );
});

test('a party gets a key, binds a wallet and is granted a claim, over the wire', async () => {
  const { party } = await admin.identity.whoami();
  expect(party.identity).toBe('local:admin');

  const ann = await admin.identity.createParty({ identity: 'handle:ann' });
  const { secret, key } = await admin.identity.createKey({
    partyId: ann.id,
    label: 'laptop',
    scopes: ['manage', 'read'],
    limitUnits: undefined,
  });
  expectTypeOf(key.limitUnits).toEqualTypeOf<string | undefined>();
  const client = createClient({ baseUrl: `${server.url}/`, apiKey: secret });

  const walletSecret = new Uint8Array(32).fill(7);
  const address = addressOf(walletSecret);
  const { challengeId, message } = await client.identity.requestChallenge({ address });
  const signature = signPersonal(message, walletSecret);
  expect((await client.identity.bindWallet({ challengeId, signature })).wallet).toBe(address);

  const unclaimed = await admin.identity.createParty({ identity: 'npm-package:ann-lib' });
  const claim = await client.identity.requestClaim({
    identity: 'npm-package:ann-lib',
    evidence: 'e',
  });
  await admin.identity.attestClaim({ claimId: claim.id, statement: 'I know her' });
  expect(await client.identity.getParty({ partyId: unclaimed.id })).toMatchObject({
    wallet: address,
    holderId: ann.id,
  });
  const page = await client.identity.listParties({ limit: 1, kind: 'npm-package' });
  expect(page).toMatchObject({ items: [{ id: unclaimed.id }], next: unclaimed.id });
  expect(page.items[0].hints).toBeUndefined();

  await client.identity.revokeKey({ keyId: key.id });
  await expect(client.identity.whoami()).rejects.toMatchObject({ code: 'unauthorized' });
});

test('an upload streams line by line, and broken lines come back by their numbers', async () => {
  const datanet = await admin.datanets.create({ name: 'uploaded' });
  let produced = 0;
  async function* lines() {
    for (const word of ['first', 'second']) {
      produced += 1;
      yield { text: passage(word), licence: 'MIT' };
    }
    yield Buffer.from('{"text": broken\n');
    yield { text: passage('last'), licence: 'MIT' };
  }
  const intake = await admin.datanets.contributeMany({ datanetId: datanet.id }, { body: lines() });
  expect(produced).toBe(2);
  expect(intake).toMatchObject({
    accepted: 3,
    rejected: { malformed: 1 },
    rejections: [{ line: 3, reason: 'malformed' }],
  });
});

test('errors come back as they were thrown', async () => {
  const refusal = await admin.identity
    .createParty({ identity: 'nonsense' })
    .catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(OpenLedgerError);
  expect(refusal).toMatchObject({ code: 'invalid_input', details: { identity: 'nonsense' } });
  await expect(admin.identity.getParty({ partyId: '' as never })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});

test('a server that is not there, or is not ours, is unavailable', async () => {
  const nobody = createClient({ baseUrl: 'http://127.0.0.1:1' });
  await expect(nobody.identity.whoami()).rejects.toMatchObject({ code: 'unavailable' });
  const stranger = createClient({
    baseUrl: 'http://x.test',
    fetch: async () => new Response('<h1>Bad gateway</h1>', { status: 502 }),
  });
  await expect(stranger.identity.whoami()).rejects.toMatchObject({
    code: 'unavailable',
    details: { status: 502 },
  });
});
