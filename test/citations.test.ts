/**
 * Retrieval-grounded answers carry citations whose spans verify; an echo of the user's own text pays nobody.
 *
 * Through HTTP: an operator of others quotes what was put before its model, whole and streamed; the answer says what it has
 * from whom, and a client checks it against the receipt, the records, and the snapshot's root.
 */
import {
  COMMONS,
  defaultPolicy,
  entitlementHash,
  fromHex,
  hashOwnerMap,
  type InferenceReceipt,
  leafHash,
  parseEntitlement,
  parseOwnerMap,
  sha256Hex,
  snapshotLeaf,
  verifyInclusion,
  WEIGHT_ONE,
} from '@openledger/protocol';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { enact } from '../server/governance/enact.ts';
import { startTestApp, type TestApp } from './harness/app.ts';
import { assertValid } from './harness/openai-surface.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';
import { type Person, person } from './harness/person.ts';

const KEEPER =
  'The keeper of the Kullen light writes down every ship that passes before the fog bell has rung twice.';
const BELL =
  'Nobody on the Kullen rocks has rung the great fog bell by hand since a steam engine was carried up there.';
const MODEL = 'quoting/model';

let app: TestApp;
let operator: TestOperator;
let owner: Person;
let ada: Person;
let bob: Person;
let caller: Person;
let datanetId: `dn_${string}`;
let snapshotId: `snp_${string}`;

beforeAll(async () => {
  operator = await startOperator();
  app = await startTestApp({ OPENLEDGER_ALLOW_PRIVATE_OPERATORS: '1' });
  [owner, ada, bob] = await Promise.all(['owner', 'ada', 'bob'].map((name) => person(app, name)));
  caller = await person(app, 'caller', { units: 10n ** 18n });
  ({ id: datanetId } = await owner.client.datanets.create({ name: 'kullen' }));
  for (const [{ client }, text] of [
    [ada, KEEPER],
    [bob, BELL],
  ] as const) {
    await client.datanets.contribute({ datanetId, text, licence: 'CC-BY-4.0' });
  }
  ({ id: snapshotId } = await owner.client.datanets.seal({ datanetId }));
  await owner.client.gateway.registerOperator({ name: 'quoting', baseUrl: operator.baseUrl });
  await owner.client.models.registerExternal({
    ...{ name: MODEL, operator: 'quoting', operatorModel: 'model', maxTokens: 200 },
    ...{ promptUnits: '1000', completionUnits: '100000' },
  });
});
afterAll(async () => {
  await app?.end();
  await operator?.close();
});

/** The operator says this, in two pieces. */
const says = (answer: string) =>
  operator.plays((call) => {
    call.text(answer.slice(0, 30));
    call.text(answer.slice(30));
    call.finish({ prompt: 60, completion: 50 });
  });

type Extension = {
  readonly inference: `inf_${string}`;
  readonly receipt: `rct_${string}`;
  readonly retrieved: readonly { record: string; snapshot: string }[];
  readonly citations: readonly Citation[];
  readonly groundedWordsPpm?: number;
};
type Citation = {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly record: string;
  readonly snapshot: `snp_${string}`;
  readonly recordStart: number;
  readonly recordEnd: number;
  readonly contributors: readonly string[];
  readonly licence: string;
};

const openai = () => new OpenAI({ apiKey: caller.secret, baseURL: `${app.baseUrl}/v1` });
const chat = (content: string, datanets: readonly string[] = [datanetId]) => ({
  ...{ model: MODEL, messages: [{ role: 'user' as const, content }] },
  openledger: { datanets },
});

async function ask(content: string, datanets?: readonly string[]) {
  const body = await openai().chat.completions.create(chat(content, datanets));
  assertValid('CreateChatCompletionResponse', body);
  const { openledger } = body as unknown as { openledger: Extension };
  return { content: body.choices[0].message.content ?? '', ...openledger };
}

const generation = async (id: string): Promise<{ output: string; openledger: Extension }> => {
  const headers = { authorization: `Bearer ${caller.secret}` };
  return (await fetch(`${app.baseUrl}/v1/generations/${id}`, { headers })).json();
};

/** Once it has been issued. */
const receiptOf = ({ receipt: receiptId }: Pick<Extension, 'receipt'>): Promise<InferenceReceipt> =>
  expect
    .poll(() => caller.client.receipts.get({ receiptId }).catch(() => undefined), {
      timeout: 20_000,
    })
    .toBeDefined()
    .then(
      async () => (await caller.client.receipts.get({ receiptId })).receipt as InferenceReceipt,
    );

/** What a receipt counts of an answer, passage by passage and record by record. */
const spansOf = ({ attribution, retrieved }: InferenceReceipt) =>
  (attribution?.spans ?? [])
    .filter(({ echo }) => !echo)
    .flatMap(({ start, end, records }) =>
      records
        .filter(({ record }) => retrieved.some((one) => one.record === record))
        .map((one) => [start, end, one.record, one.snapshot, one.start, one.end]),
    );
const placesOf = ({ citations }: Pick<Extension, 'citations'>) =>
  citations.map((one) => [
    ...[one.start, one.end, one.record, one.snapshot, one.recordStart, one.recordEnd],
  ]);

/** What any client can do: the record is part of the snapshot, and says there what the answer says here. */
async function verify(content: string, citation: Citation): Promise<void> {
  const { client } = caller;
  const { record: recordHash, snapshot, recordStart, recordEnd } = citation;
  const { text } = await client.datanets.getRecord({ datanetId, recordHash });
  expect(sha256Hex(text)).toBe(recordHash);
  expect(text.slice(recordStart, recordEnd)).toBe(content.slice(citation.start, citation.end));
  expect(citation.text).toBe(content.slice(citation.start, citation.end));
  const proved = await client.datanets.proveRecord({ snapshotId: snapshot, recordHash });
  const leaf = snapshotLeaf({
    record: sha256Hex(text),
    owners: entitlementHash(parseEntitlement(proved.owners)),
    map: hashOwnerMap(parseOwnerMap(proved.map)),
  });
  const { manifest } = await client.datanets.getSnapshot({ snapshotId: snapshot });
  const { index, size } = proved;
  const claim = { index, size, proof: proved.proof.map(fromHex), root: fromHex(manifest.root) };
  expect(verifyInclusion({ ...claim, leaf: leafHash(leaf) })).toBe(true);
}

const ADA_SAID = KEEPER.slice(KEEPER.indexOf('keeper'), KEEPER.indexOf(' has rung'));
const BOB_SAID = BELL.slice(0, BELL.indexOf(' since'));

test('retrieval-grounded answers carry citations whose spans verify: they are those of the receipt', async () => {
  says(`I read that the ${ADA_SAID} was heard 🔔. ${BOB_SAID}, they say.`);
  const answer = await ask('Who has rung the fog bell at Kullen?');
  expect(answer.retrieved).toHaveLength(2);
  expect(
    answer.citations.map(({ text, contributors, licence }) => [text, contributors, licence]),
  ).toEqual([
    [ADA_SAID, ['handle:ada'], 'CC-BY-4.0'],
    [BOB_SAID, ['handle:bob'], 'CC-BY-4.0'],
  ]);
  for (const citation of answer.citations) await verify(answer.content, citation);
  const quoted = ADA_SAID.split(' ').length + BOB_SAID.split(' ').length;
  // I read that the ... was heard ... they say
  expect(answer.groundedWordsPpm).toBe(Math.floor((quoted * 1_000_000) / (quoted + 8)));

  const receipt = await receiptOf(answer);
  expect(placesOf(answer)).toEqual(spansOf(receipt));
  expect(receipt.shares.map(({ to }) => to)).toEqual(expect.arrayContaining([ada.id, bob.id]));
  await expect
    .poll(async () => (await ada.client.fees.earnings({ partyId: ada.id })).data)
    .not.toBe('0');
});

test('the last event of a stream carries the same citations, and so does what became of the call', async () => {
  says(`It is told: ${KEEPER}`);
  const content = 'What does the keeper write?';
  const whole = await ask(content);
  let streamed: Extension | undefined;
  let text = '';
  for await (const chunk of await openai().chat.completions.create({
    ...{ ...chat(content), stream: true },
  })) {
    expect(streamed).toBeUndefined(); // nothing comes after it
    text += chunk.choices[0].delta.content ?? '';
    streamed = (chunk as { openledger?: Extension }).openledger;
  }
  expect(text).toBe(whole.content);
  expect(streamed?.citations).toEqual(whole.citations);
  expect(streamed?.citations).toHaveLength(1);
  expect(streamed?.groundedWordsPpm).toBe(whole.groundedWordsPpm);
  const kept = await generation(streamed?.inference ?? '');
  expect([kept.output, kept.openledger.citations]).toEqual([text, whole.citations]);
});

test('without context there is nothing to cite', async () => {
  says(KEEPER);
  const answer = await ask('What does the keeper write?', []);
  expect([answer.retrieved, answer.citations]).toEqual([[], []]);
  expect(answer.groundedWordsPpm).toBeUndefined();
});

/** Everything that its data has brought somebody, matured or not. */
const earned = async ({ id: partyId }: Person) => {
  const { data, accruing, fraction } = await app.admin.fees.earnings({ partyId });
  return { data, accruing, fraction };
};
const allCredited = async (people: readonly Person[]): Promise<boolean> => {
  const pages = await Promise.all(
    people.map(({ id: partyId, client }) => client.fees.payouts({ partyId, limit: 50 })),
  );
  return pages.every(({ items }) => items.every(({ creditedAt }) => creditedAt !== undefined));
};
const dataPayouts = async ({ id: partyId, client }: Person, { inference }: Extension) =>
  (await client.fees.payouts({ partyId, limit: 50 })).items.filter(
    ({ saleId, role }) => saleId === inference && role === 'data',
  );

test('an echo of the user’s own text is not cited, and no evidence pays for it', async () => {
  says(KEEPER);
  const answer = await ask(`Say it after me. ${KEEPER}`);
  expect(answer.content).toBe(KEEPER);
  expect(answer.retrieved.map(({ record }) => record)).toContain(sha256Hex(KEEPER));
  expect([answer.citations, answer.groundedWordsPpm]).toEqual([[], 0]);

  const receipt = await receiptOf(answer);
  expect(receipt.attribution).toMatchObject({
    ...{ groundedPpm: 0, information: { total: 0, covered: 0 } },
    spans: [{ echo: true, records: [{ record: sha256Hex(KEEPER) }] }],
  });
  // What is left is the prior's: agreed with all owners of the snapshot alike, for being put before the model.
  const [{ pool }] = receipt.snapshots;
  expect(receipt.shares).toEqual([{ to: pool, weight: WEIGHT_ONE.toString() }]);
  for (const one of [ada, bob]) {
    expect((await dataPayouts(one, answer)).map((payout) => payout.pool)).toEqual([pool]);
  }
});

test('an echo of the user’s own text pays nobody: without a prior for context its data leg is posted to the commons', async () => {
  const policy = { ...defaultPolicy, prior: { ...defaultPolicy.prior, contextPpm: 0 } };
  await app.db.transaction((tx) => enact(tx, policy, new Date()));
  const owners = [owner, ada, bob];
  await expect.poll(() => allCredited(owners), { timeout: 20_000 }).toBe(true);
  const before = await Promise.all(owners.map(earned));
  const commons = async () => {
    const { items } = await app.admin.ledger.statement({ account: COMMONS, limit: 1 });
    return BigInt(items[0]?.balance ?? 0);
  };
  const held = await commons();

  says(BELL);
  const answer = await ask(`Repeat: ${BELL}`);
  expect(answer.citations).toEqual([]);
  const receipt = await receiptOf(answer);
  expect(receipt.shares).toEqual([{ to: COMMONS, weight: WEIGHT_ONE.toString() }]);
  const leg = receipt.legs.find(({ role }) => role === 'data');
  expect(BigInt(leg?.units ?? 0)).toBeGreaterThan(0n);
  await expect.poll(commons, { timeout: 20_000 }).toBe(held + BigInt(leg?.units ?? 0));
  expect(await Promise.all(owners.map(earned))).toEqual(before);
  for (const one of owners) expect(await dataPayouts(one, answer)).toEqual([]);

  // Who asks without pasting it pays the author for the same words.
  says(BELL);
  const quoting = await ask('What about the fog bell of Kullen?');
  expect(placesOf(quoting)).toEqual(spansOf(await receiptOf(quoting)));
  expect(await dataPayouts(bob, quoting)).toHaveLength(1);
  expect(await dataPayouts(ada, quoting)).toEqual([]);
  expect((await app.admin.fees.check({})).holds).toBe(true);
});

test('a record that was withdrawn since is no longer cited', async () => {
  says(`${KEEPER} ${BELL}`);
  const answer = await ask('Keeper and bell of Kullen?');
  expect(answer.citations.map(({ record }) => record)).toEqual([KEEPER, BELL].map(sha256Hex));
  await ada.client.datanets.withdraw({
    ...{ datanetId, recordHash: sha256Hex(KEEPER), reason: 'It was a secret.' },
  });
  const { openledger } = await generation(answer.inference);
  expect(openledger.citations.map(({ record, snapshot }) => [record, snapshot])).toEqual([
    [sha256Hex(BELL), snapshotId],
  ]);
});
