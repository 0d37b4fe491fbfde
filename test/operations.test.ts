/** Walks every operation of the table: without a key, with a wrong scope, and as another party. New rows are covered by themselves. */
import {
  api,
  createClient,
  type Field,
  fieldsOf,
  idPrefixes,
  type Operation,
  pathParameters,
  scopes,
} from '@openledger/sdk';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { startTestApp, type TestApp } from './harness/app.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';

const rows = Object.entries(api).flatMap(([noun, operations]) =>
  Object.entries<Operation>(operations).map(([verb, operation]) => ({
    name: `${noun}.${verb}`,
    operation,
  })),
);

/** Beside ids: members of an input that name what has an owner. */
const namedThings = new Set(['account', 'operator', 'recordHash']);

/** What names somebody's thing and is for everybody to see or do all the same, each with its reason. */
const forEverybody: Readonly<Record<string, string>> = {
  'identity.getParty': 'who is who is public; hints are not',
  'gateway.getScorecard':
    'whoever chooses an operator sees how it did; no call and no payer is named',
  'fees.earnings': 'who earned is public: receipts say it too',
  'fees.payouts': 'who earned is public: receipts say it too',
  'attribution.count': 'snapshots are public',
  'datanets.get': 'datanets are public',
  'datanets.contribute': 'anybody may contribute',
  'datanets.contributeMany': 'anybody may contribute',
  'datanets.quote': 'anybody may ask before he contributes; datanets are public',
  'datanets.openImport': 'anybody may contribute; the import is his own',
  'datanets.listRecords': 'datanets are public',
  'datanets.getRecord': 'datanets are public',
  'datanets.listSnapshots': 'snapshots are public',
  'datanets.getSnapshot': 'snapshots are public',
  'datanets.exportSnapshot': 'verifiers need it',
  'datanets.diffSnapshots': 'snapshots are public',
  'datanets.snapshotLicences': 'snapshots are public',
  'datanets.snapshotQuality': 'snapshots are public',
  'datanets.describeSnapshot': 'snapshots are public',
  'datanets.listSnapshotRecords': 'snapshots are public',
  'datanets.proveRecord': 'verifiers need it',
  'datanets.retrieve': 'datanets are public',
  'datanets.branchSnapshot': 'snapshots are public',
  'datanets.openDispute': 'anybody may say that a record is his',
  'datanets.listDisputes': 'disputes are public',
  'bounties.open': 'anybody may pay for refining a public datanet',
  'bounties.list': 'bounties are public',
  'bounties.get': 'bounties are public',
  'bounties.run': 'anybody may refine for a bounty',
  'bounties.submit': 'anybody may refine for a bounty',
  'bounties.listSubmissions': 'what is decided is public, the rest is not in it',
  'reviews.rules': 'how a datanet decides is public',
  'reviews.listReviewers': 'who reviews is public',
  'reviews.reputation': 'how right a reviewer was is public',
  'datanets.context': 'this datanet is open; test/access.test.ts has those that are not',
  'access.get': 'how a datanet is read is public; of requests it shows the asker his own',
};

/** What there is no use in asking of somebody's thing, and is answered so. */
const inVain: Readonly<Record<string, { readonly status: number; readonly because: string }>> = {
  'bounties.runModel': {
    status: 402,
    because: 'anybody may enter, and pays for the model he runs',
  },
  'access.request': { status: 409, because: 'the datanet is open: there is nothing to ask for' },
};

type Belongings = {
  /** Ids by their prefix. */
  readonly ids: Readonly<Record<string, string>>;
  readonly operator: string;
  readonly recordHash: string;
  readonly terms: string;
};

let app: TestApp;
const clientOf = (apiKey: string) => createClient({ baseUrl: app.baseUrl, apiKey });
let operator: TestOperator;
let owner: Belongings;
/** The other party's keys: one with every scope but `admin`, and for each scope one that lacks it. */
let strangersKey: string;
const keyWithout = new Map<string, string>();

beforeAll(async () => {
  operator = await startOperator();
  operator.plays((call) => {
    call.text('A sentence that nobody has contributed.');
    call.finish({ prompt: 4, completion: 6 });
  });
  app = await startTestApp();
  owner = await acquireBelongings();
  const stranger = await app.admin.identity.createParty({ identity: 'handle:stranger' });
  const makeKey = async (lacking: string) => {
    const held = scopes.filter((scope) => scope !== 'admin' && scope !== lacking);
    const order = { partyId: stranger.id, label: `without ${lacking}`, scopes: held };
    return (await app.admin.identity.createKey(order)).secret;
  };
  for (const scope of scopes) keyWithout.set(scope, await makeKey(scope));
  strangersKey = keyWithout.get('admin')!;
});
afterAll(async () => {
  await app?.end();
  await operator?.close();
});

test.each(rows)('$name asks for a key with its scope', async ({ operation }) => {
  const statusWith = async (key: string | undefined) => (await ask(operation, {}, key)).status;
  if (operation.scope === 'public') {
    expect(await statusWith(undefined)).not.toBe(401);
    return;
  }
  expect(await statusWith(undefined)).toBe(401);
  expect(await statusWith(`ol_${'x'.repeat(43)}`)).toBe(401);
  expect(await statusWith(keyWithout.get(operation.scope))).toBe(403);
});

const naming = rows.filter(({ operation }) => namesSomething(operation));
const lists = rows.filter(
  ({ operation }) => operation.method === 'GET' && !namesSomething(operation),
);

test.each(naming)("$name leaves another party's things alone", async ({ name, operation }) => {
  const { status, text } = await ask(operation, sampleInput(operation), strangersKey);
  const told = `${status} ${text.slice(0, 300)}`;
  if (Object.hasOwn(forEverybody, name)) {
    expect(status, told).toBeLessThan(300);
  } else if (Object.hasOwn(inVain, name)) {
    expect(status, told).toBe(inVain[name].status);
  } else {
    expect([403, 404], told).toContain(status);
  }
});

test.each(lists)("$name shows nothing of another party's", async ({ operation }) => {
  if (operation.scope === 'admin') return; // refused above
  const { status, text } = await ask(operation, sampleInput(operation), strangersKey);
  expect(status, text.slice(0, 300)).toBe(200);
  for (const kind of [
    'key',
    'challenge',
    'claim',
    'agent',
    'inference',
    'receipt',
    'transaction',
    'submission',
  ] as const) {
    expect(text).not.toContain(owner.ids[idPrefixes[kind]]);
  }
});

test('every exception names an operation that there is', () => {
  const names = naming.map(({ name }) => name);
  for (const name of Object.keys({ ...forEverybody, ...inVain })) expect(names).toContain(name);
});

/** Calls an operation with raw input, as any client could. */
async function ask(
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
  key: string | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  const inPath = pathParameters(operation.path);
  const path = inPath.reduce(
    (filled, name) => filled.replace(`:${name}`, String(input[name] ?? 'x')),
    operation.path as string,
  );
  const rest = Object.entries(input).filter(([name]) => !inPath.includes(name));
  const takesJson = operation.method === 'POST' && operation.body === undefined;
  const query = takesJson ? '' : `?${new URLSearchParams(rest.map(([n, v]) => [n, String(v)]))}`;
  const response = await fetch(`${app.baseUrl}${path}${query}`, {
    method: operation.method,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    body: takesJson ? JSON.stringify(Object.fromEntries(rest)) : undefined,
  });
  return { status: response.status, text: await response.text() };
}

function namesSomething(operation: Operation): boolean {
  const names = fieldsOf(operation).map(({ name }) => name);
  return names.some((name) => idPrefixOf(operation, name) || namedThings.has(name));
}

function idPrefixOf(operation: Operation, name: string): string | undefined {
  const schema = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' });
  const property = schema.properties?.[name];
  const pattern = typeof property === 'object' ? property.pattern : undefined;
  return /^\^([a-z]+)_/.exec(pattern ?? '')?.[1];
}

/** What is needed, and whatever names something: all of it the owner's. */
function sampleInput(operation: Operation): Record<string, unknown> {
  const input = fieldsOf(operation).flatMap(({ name, type, required, choices }) => {
    const prefix = idPrefixOf(operation, name);
    if (prefix) return [[name, owner.ids[prefix] ?? `${prefix}_${'0'.repeat(32)}`]];
    if (!required && !namedThings.has(name) && !Object.hasOwn(samples(), name)) return [];
    return [[name, samples()[name] ?? sampleOf(type, choices)]];
  });
  return Object.fromEntries(input);
}

const sampleOf = (type: Field['type'], choices: Field['choices']): unknown => {
  if (choices) return type === 'text' ? choices[0] : [choices[0]];
  return type === 'number' ? 0 : 'sample';
};

/** By the member's name, where not any text will do. */
const samples = (): Readonly<Record<string, unknown>> => ({
  account: `${owner.ids.pty}:available`,
  digest: '0'.repeat(64),
  model: 'canned/model',
  operator: owner.operator,
  recordHash: owner.recordHash,
  terms: owner.terms,
  signature: `0x${'11'.repeat(64)}1b`,
  text: 'A text of the stranger, long enough to be a record of some worth to somebody who reads it.',
  licence: 'MIT',
  drafts: [{ text: OWNED_TEXT, licence: 'MIT' }],
  decision: 'uphold',
  promptUnits: '1',
  completionUnits: '1',
  maxTokens: 10,
  rewardUnits: '0',
  targetPpm: 1000,
  submitSeconds: 60,
  quorum: 1,
  thresholdPpm: 500_000,
  minimumReputationPpm: 0,
  accept: true,
  questions: [{ question: 'Who wrote about ledgers?', documents: [owner.recordHash] }],
  work: [{ parent: owner.recordHash, texts: [`${OWNED_TEXT} It is about ledgers.`] }],
});

const OWNED_TEXT =
  'The owner wrote this passage about ledgers, records and receipts, and wants to be paid for it when it is used.';

/** One of everything that a party can have. */
async function acquireBelongings(): Promise<Belongings> {
  const party = await app.admin.identity.createParty({ identity: 'handle:owner' });
  const held = scopes.filter((scope) => scope !== 'admin');
  const order = { partyId: party.id, label: 'owner', scopes: held };
  const { secret, key } = await app.admin.identity.createKey(order);
  const client = clientOf(secret);

  const { challengeId } = await client.identity.requestChallenge({
    address: `0x${'1'.repeat(40)}`,
  });
  await app.admin.identity.createParty({ identity: 'npm-package:unclaimed' });
  const claim = await client.identity.requestClaim({
    identity: 'npm-package:unclaimed',
    evidence: 'e',
  });
  const { agent } = await client.agents.create({ name: 'agent', limitUnits: '1' });

  const datanet = await client.datanets.create({ name: 'owned' });
  const { contributionId, recordHash } = await client.datanets.contribute({
    datanetId: datanet.id,
    text: OWNED_TEXT,
    licence: 'MIT',
  });
  const opened = await client.datanets.openImport({ datanetId: datanet.id, name: 'import' });
  const snapshot = await client.datanets.seal({ datanetId: datanet.id });
  const bounty = await client.bounties.open({
    ...{ datanetId: datanet.id, kind: 'annotate', rewardUnits: '0', targetPpm: 1000 },
    submitSeconds: 3600,
    questions: [{ question: 'Who wrote about ledgers?', documents: [recordHash] }],
  });
  const pending = { bountyId: bounty.id, pipeline: ['tag-1' as const] };
  const submission = await client.bounties.run(pending);

  const { inferenceId, receiptId, transactionId } = await callOnce(secret);
  const [terms] = (await client.gateway.listTerms({ model: 'canned/model' })).items;
  return {
    ids: {
      pty: party.id,
      key: key.id,
      chl: challengeId,
      clm: claim.id,
      agt: agent.id,
      dn: datanet.id,
      con: contributionId,
      imp: opened.id,
      snp: snapshot.id,
      bnt: bounty.id,
      sbm: submission.id,
      inf: inferenceId,
      rct: receiptId,
      txn: transactionId,
    },
    operator: 'canned',
    recordHash,
    terms: terms.hash,
  };
}

/** A paid call, with all that it leaves behind. */
async function callOnce(secret: string) {
  const client = clientOf(secret);
  await client.settlement.faucet({ units: (100n * 10n ** 18n).toString() });
  await client.gateway.registerOperator({ name: 'canned', baseUrl: operator.baseUrl });
  await client.models.registerExternal({
    name: 'canned/model',
    operator: 'canned',
    operatorModel: 'model',
    promptUnits: '1000',
    completionUnits: '1000',
    maxTokens: 100,
  });
  const response = await fetch(`${app.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'canned/model',
      messages: [{ role: 'user', content: 'Say something.' }],
    }),
  });
  expect(response.status, await response.clone().text()).toBe(200);
  const [receipt] = await vi.waitFor(
    async () => {
      const { items } = await client.receipts.list();
      expect(items).toHaveLength(1);
      return items;
    },
    { timeout: 15_000, interval: 100 },
  );
  const { partyId } = (await client.identity.whoami()).key;
  const [entry] = (await client.ledger.statement({ account: `${partyId}:available` })).items;
  return {
    inferenceId: receipt.inference,
    receiptId: receipt.id,
    transactionId: entry.transactionId,
  };
}
