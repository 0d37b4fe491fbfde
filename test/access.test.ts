/** Who may read a datanet, through HTTP: open, by request, for pay; and where what is paid for reading goes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from './harness/app.ts';
import { sentenceAbout } from './harness/datanets.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';
import { type Person, person } from './harness/person.ts';

let app: TestApp;
let operator: TestOperator;
let owner: Person;
let ada: Person;
let bob: Person;

beforeAll(async () => {
  operator = await startOperator();
  operator.plays((call) => {
    call.text('Something is described here, in a sentence of its own.');
    call.finish({ prompt: 10, completion: 10 });
  });
  app = await startTestApp({ OPENLEDGER_ALLOW_PRIVATE_OPERATORS: '1' });
  owner = await person(app, 'owner');
  ada = await person(app, 'ada');
  bob = await person(app, 'bob');
});
afterAll(async () => {
  await app?.end();
  await operator?.close();
});

const PRICE = 1_000_003n;

/** Ada has two texts in it, Bob one. */
async function library(name: string, terms: { access: 'request' | 'paid'; readUnits?: string }) {
  const { id: datanetId } = await owner.client.datanets.create({ name, ...terms });
  const hashes: string[] = [];
  for (const [who, subject] of [
    [ada, 'lighthouse'],
    [ada, 'harbour'],
    [bob, 'windmill'],
  ] as const) {
    const draft = { datanetId, text: sentenceAbout(name + subject), licence: 'CC0-1.0' };
    hashes.push((await who.client.datanets.contribute(draft)).recordHash);
  }
  const { id: snapshotId } = await owner.client.datanets.seal({ datanetId });
  return { datanetId, snapshotId, hashes, query: 'sentence described' };
}

const credited = async ({ id }: Person) => {
  const { data, operator, pending } = await app.admin.fees.earnings({ partyId: id });
  return { data: BigInt(data), owned: BigInt(operator), pending: BigInt(pending) };
};

test('a datanet by request shows its texts to nobody but owner, contributors and those let in', async () => {
  const { datanetId, snapshotId, hashes, query } = await library('closed', { access: 'request' });
  const reader = await person(app, 'reader');
  const { client } = reader;
  const closed = { code: 'forbidden' };
  const attempts = [
    () => client.datanets.retrieve({ datanetId, query }),
    () => client.datanets.context({ datanetId, query }),
    () => client.datanets.getRecord({ datanetId, recordHash: hashes[0] }),
    () => client.datanets.exportSnapshot({ snapshotId }),
    () => client.datanets.listSnapshotRecords({ snapshotId }),
    () => client.attribution.count({ snapshotId, text: 'lighthouse' }),
    () => client.attribution.trace({ snapshotIds: [snapshotId], texts: [query] }),
  ];
  for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject(closed);
  await expect(client.datanets.branchSnapshot({ snapshotId, name: 'mine' })).rejects.toMatchObject(
    closed,
  );
  await expect(
    client.models.train({ recipe: { kind: 'base', name: 'thief', snapshot: snapshotId } }),
  ).rejects.toMatchObject(closed);
  // What it is, and whose, is for everybody to see.
  expect((await client.datanets.listRecords({ datanetId })).items).toHaveLength(3);
  expect(JSON.stringify(await client.datanets.listRecords({ datanetId }))).not.toContain(
    'described',
  );

  const own = await ada.client.datanets.getRecord({ datanetId, recordHash: hashes[0] });
  expect(own.text).toContain('lighthouse');
  await expect(
    ada.client.datanets.getRecord({ datanetId, recordHash: hashes[2] }),
  ).rejects.toMatchObject(closed);

  expect(await client.access.get({ datanetId })).toMatchObject({ standing: 'closed' });
  await client.access.request({ datanetId, reason: 'I write about harbours.' });
  const waiting = await owner.client.access.readers({ datanetId, state: 'requested' });
  expect(waiting.items).toMatchObject([{ partyId: reader.id, reason: 'I write about harbours.' }]);
  await expect(client.access.readers({ datanetId })).rejects.toMatchObject(closed);
  await expect(
    client.access.decide({ datanetId, partyId: reader.id, state: 'granted' }),
  ).rejects.toMatchObject(closed);
  await owner.client.access.decide({ datanetId, partyId: reader.id, state: 'granted' });
  expect(await client.access.get({ datanetId })).toMatchObject({
    ...{ standing: 'free', asked: { state: 'granted' } },
  });
  for (const attempt of attempts) await attempt();
  await expect(client.access.request({ datanetId, reason: 'Again.' })).rejects.toMatchObject({
    code: 'conflict',
  });

  await owner.client.access.decide({ datanetId, partyId: reader.id, state: 'refused' });
  for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject(closed);
});

test('what is read for pay is paid once a day, to the unit, to those whose records were read', async () => {
  const terms = { access: 'paid', readUnits: PRICE.toString() } as const;
  const { datanetId, snapshotId, hashes, query } = await library('priced', terms);
  const reader = await person(app, 'paying', { units: 10n * PRICE });
  const { client } = reader;
  const before = await Promise.all([ada, bob, owner].map(credited));

  await expect(client.datanets.retrieve({ datanetId, query, limit: 3 })).rejects.toMatchObject({
    ...{ code: 'payment_required', status: 402 },
    details: { records: 3, units: (3n * PRICE).toString(), readUnits: PRICE.toString() },
  });
  expect(await reader.available()).toBe(10n * PRICE);

  const payUpTo = (3n * PRICE).toString();
  const ask = () => client.datanets.retrieve({ datanetId, query, limit: 3, payUpTo });
  const [first, ...others] = await Promise.all([ask(), ask(), ask()]);
  expect(first.items).toHaveLength(3);
  const reads = [first, ...others].flatMap(({ read }) => read ?? []);
  expect(reads).toHaveLength(1);
  expect(reads[0].units).toBe(payUpTo);
  expect(await reader.available()).toBe(7n * PRICE);
  // Lost on the way, it is asked for again, also one by one.
  expect((await ask()).read).toBeUndefined();
  const again = await client.datanets.getRecord({ datanetId, recordHash: hashes[2] });
  expect(again.text).toContain('windmill');
  expect((await client.datanets.context({ datanetId, query })).read).toBeUndefined();
  expect(await reader.available()).toBe(7n * PRICE);
  expect((await client.access.reads({})).items).toEqual(reads);
  expect((await ada.client.access.reads({})).items).toEqual([]);

  // 3,000,009 units: 80 % to the owners of three records, 10 % to the datanet's, 10 % to the protocol.
  const price = 3n * PRICE;
  await expect
    .poll(async () => (await credited(bob)).data - before[1].data, { timeout: 10_000 })
    .toBeGreaterThan(0n);
  const [toAda, toBob, toOwner] = await Promise.all([ada, bob, owner].map(credited));
  const data = (price * 8n) / 10n;
  expect(toAda.data - before[0].data).toBe((data * 2n) / 3n);
  expect(toBob.data - before[1].data).toBe(data / 3n);
  expect(toOwner.owned - before[2].owned).toBe(price / 10n);
  const payouts = await bob.client.fees.payouts({ partyId: bob.id });
  expect(payouts.items[0]).toMatchObject({ saleId: reads[0].id, role: 'data' });
  expect((await app.admin.fees.check({})).holds).toBe(true);

  // The whole of it is for those whom the owner lets in.
  await expect(client.datanets.exportSnapshot({ snapshotId })).rejects.toMatchObject({
    code: 'forbidden',
  });
  // Contributors read their own without pay.
  expect(
    (await bob.client.datanets.getRecord({ datanetId, recordHash: hashes[2] })).text,
  ).toContain('windmill');
});

test('who has too little, or a key with too small a limit, reads nothing and pays nothing', async () => {
  const terms = { access: 'paid', readUnits: PRICE.toString() } as const;
  const { datanetId, query } = await library('dear', terms);
  const poor = await person(app, 'poor', { units: PRICE });
  const limited = await person(app, 'limited', { units: 10n * PRICE, limitUnits: 2n * PRICE });
  const payUpTo = (100n * PRICE).toString();
  for (const { client } of [poor, limited]) {
    await expect(
      client.datanets.retrieve({ datanetId, query, limit: 3, payUpTo }),
    ).rejects.toMatchObject({ code: 'insufficient_funds' });
    expect((await client.access.reads({})).items).toEqual([]);
  }
  expect(await poor.available()).toBe(PRICE);
  expect(await limited.available()).toBe(10n * PRICE);
  const two = { datanetId, query, limit: 2, payUpTo };
  expect((await limited.client.datanets.retrieve(two)).items).toHaveLength(2);
  // The limit is used up, by reading.
  await expect(
    limited.client.datanets.retrieve({ datanetId, query, limit: 3, payUpTo }),
  ).rejects.toMatchObject({ code: 'insufficient_funds' });
  expect(await limited.available()).toBe(8n * PRICE);
});

test('a price goes with reading for pay alone, and the owner sets it', async () => {
  const { datanetId } = await library('terms', { access: 'request' });
  const invalid = { code: 'invalid_input' };
  const set = (terms: object) => owner.client.access.set({ datanetId, ...terms } as never);
  await expect(set({ access: 'paid' })).rejects.toMatchObject(invalid);
  await expect(set({ access: 'open', readUnits: '5' })).rejects.toMatchObject(invalid);
  await expect(ada.client.access.set({ datanetId, access: 'open' })).rejects.toMatchObject({
    code: 'forbidden',
  });
  expect(await set({ access: 'paid', readUnits: '5' })).toMatchObject({ readUnits: '5' });
  expect(await set({ access: 'open' })).toMatchObject({ access: 'open', readUnits: '0' });
  await bob.client.datanets.retrieve({ datanetId, query: 'lighthouse' });
});

test('a call that retrieves from a datanet with a price pays for it beside its own, or is refused whole', async () => {
  const terms = { access: 'paid', readUnits: PRICE.toString() } as const;
  const { datanetId, query } = await library('called', terms);
  await owner.client.gateway.registerOperator({ name: 'canned', baseUrl: operator.baseUrl });
  await owner.client.models.registerExternal({
    ...{ name: 'canned/model', operator: 'canned', operatorModel: 'model', maxTokens: 20 },
    ...{ promptUnits: '0', completionUnits: '0' },
  });
  const caller = await person(app, 'caller', { units: 5n * PRICE });
  const call = async (payUpTo: bigint) => {
    const response = await fetch(`${app.baseUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${caller.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ model: 'canned/model', messages: [{ role: 'user', content: query }] },
        openledger: {
          datanets: [datanetId],
          records: 2,
          payUpTo: payUpTo.toString(),
          cache: false,
        },
      }),
    });
    return { status: response.status, text: await response.text() };
  };
  const refused = await call(PRICE);
  expect(refused.status, refused.text).toBe(402);
  expect(refused.text).toContain('payment_required');
  expect(operator.calls).toHaveLength(0);
  expect(await caller.available()).toBe(5n * PRICE);
  expect((await caller.client.gateway.listInferences({})).items).not.toContainEqual(
    expect.objectContaining({ status: 'held' }),
  );

  const answered = await call(2n * PRICE);
  expect(answered.status, answered.text).toBe(200);
  expect(JSON.stringify(operator.calls[0].body.messages)).toContain('described here');
  expect(await caller.available()).toBe(3n * PRICE);
  expect((await call(0n)).status).toBe(200);
  expect(await caller.available()).toBe(3n * PRICE);

  const { datanetId: closed } = await library('uncalled', { access: 'request' });
  const [{ id: inferenceId }] = (await caller.client.access.reads({})).items;
  expect(inferenceId).toMatch(/^rd_/);
  const response = await fetch(`${app.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${caller.secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ model: 'canned/model', messages: [{ role: 'user', content: query }] },
      openledger: { datanets: [closed] },
    }),
  });
  expect(response.status).toBe(403);
});
