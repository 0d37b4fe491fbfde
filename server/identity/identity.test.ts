import { randomBytes } from 'node:crypto';
import { addressOf, type Id, type Scope, signPersonal } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { sql } from '../platform/sql.ts';
import { type Caller, createIdentity, type Identity, type KeyOrder } from './index.ts';

let database: TestDatabase;
let identity: Identity;
let now = new Date('2026-01-01T00:00:00Z');
const clock = { now: () => now };

beforeAll(async () => {
  database = await createTestDatabase();
  identity = createIdentity({ db: database.db, clock });
});
afterAll(() => database.drop());

let count = 0;
const newParty = () => identity.registerParty({ identity: `handle:person ${++count}` });
const adminCaller = async (): Promise<Caller> => {
  const { id: partyId } = await newParty();
  return callerWith({ partyId, scopes: ['admin'] });
};
const callerWith = (part: { partyId: Id<'party'>; scopes: readonly Scope[] }): Caller => ({
  keyId: undefined as never, // made by nobody: the column may be null
  limitUnits: undefined,
  limits: undefined,
  models: undefined,
  expiresAt: undefined,
  ...part,
});
const newKey = async (scopes: readonly Scope[], more = {}) => {
  const { id: partyId } = await newParty();
  return identity.createKey(await adminCaller(), { partyId, label: 'test', scopes, ...more });
};
const newWallet = () => {
  const secret = randomBytes(32);
  return { address: addressOf(secret), sign: (text: string) => signPersonal(text, secret) };
};
type Signer = ReturnType<typeof newWallet>;
const bind = async (partyId: Id<'party'>, wallet: Signer, replaced?: Signer) => {
  const { id, message } = await identity.requestChallenge({ partyId, address: wallet.address });
  return identity.bindWallet({
    partyId,
    challengeId: id,
    signature: wallet.sign(message),
    replacedSignature: replaced?.sign(message),
  });
};

test('an identity is one party, however often, by whom and in what spelling it is named', async () => {
  const address = newWallet().address;
  const mentions = [
    { identity: 'npm-package:left-pad', hints: { author: 'A' } },
    { identity: 'npm-package:left-pad', hints: { author: 'B' } },
    { identity: 'github:Octocat' },
    { identity: 'github:octocat' },
    { identity: 'handle:Ann' },
    { identity: 'handle:ann' },
    { identity: `eip155:${address}` },
  ];
  const race = await Promise.all(
    [mentions, [...mentions].reverse()].map((some) =>
      database.db.transaction((tx) => identity.resolveParties(tx, some)),
    ),
  );
  for (const [text, id] of race[0]) expect(race[1].get(text)).toBe(id);
  expect(race[0].get('github:Octocat')).toBe(race[0].get('github:octocat'));
  expect(race[0].get('handle:Ann')).not.toBe(race[0].get('handle:ann'));
  const [leftPad] = await identity.listParties({ identity: 'npm-package:left-pad', limit: 2 });
  expect(leftPad.kind).toBe('npm-package');
  expect(leftPad.wallet).toBeUndefined();
  const ids = [...race[0].values()];
  expect(await identity.walletsOf(ids)).toEqual(
    new Map([[race[0].get(`eip155:${address}`), address]]),
  );
});

test('a later mention cannot rewrite what the first one said', async () => {
  const first = await identity.registerParty({
    identity: 'npm-package:tiny',
    displayName: 'Tiny',
    hints: { author: 'right' },
  });
  const again = await identity.registerParty({
    identity: 'npm-package:tiny',
    displayName: 'Evil',
    hints: { author: 'wrong' },
  });
  expect(again).toEqual(first);
  expect(again.hints).toEqual({ author: 'right' });
});

test.each([
  'left-pad',
  'constructor:x',
  'npm-package:',
  'npm-package:../x',
  'npm-package:a b',
  'git:abc',
  'handle:a\u0000b',
  'handle: ann',
  'handle:e\u0301',
  'eip155:0x12',
  'eip155:0xFB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
  'local:admin',
])('refuses %j as an identity to import', async (text) => {
  await expect(
    database.db.transaction((tx) => identity.resolveParty(tx, { identity: text })),
  ).rejects.toMatchObject({ code: 'invalid_input' });
});

test('a key is known by its secret, which is stored nowhere', async () => {
  const { key, secret } = await newKey(['infer'], { limitUnits: 10n ** 20n, models: ['base'] });
  expect(secret).toMatch(/^ol_[\w-]{43}$/);
  expect(await identity.authenticate(secret)).toEqual({
    keyId: key.id,
    partyId: key.partyId,
    scopes: ['infer'],
    limitUnits: 10n ** 20n,
    limits: undefined,
    models: ['base'],
    expiresAt: undefined,
  });
  const [row] = await database.db.query<{ text: string }>(
    sql`select row_to_json(k)::text as text from identity.keys k where id = ${key.id}`,
  );
  expect(row.text).not.toContain(secret.slice(10));
  for (const wrong of [
    '',
    'ol_',
    `${secret}x`,
    secret.replace(/.$/, (c) => (c === 'A' ? 'E' : 'A')),
  ]) {
    expect(await identity.authenticate(wrong)).toBeUndefined();
  }
});

test('a revoked key stops at once, and with it the keys that it made', async () => {
  const { key, secret } = await newKey(['read', 'manage']);
  const caller = (await identity.authenticate(secret))!;
  const child = await identity.createKey(caller, {
    partyId: key.partyId,
    label: 'child',
    scopes: ['read'],
  });
  expect(await identity.authenticate(child.secret)).toBeDefined();
  const revoked = await identity.revokeKey(caller, key.id);
  expect(revoked.revokedAt).toEqual(now);
  expect(await identity.authenticate(secret)).toBeUndefined();
  expect(await identity.authenticate(child.secret)).toBeUndefined();
});

test('another process learns of a revocation within two seconds', async () => {
  const other = createIdentity({ db: database.db, clock });
  const { key, secret } = await newKey(['read']);
  expect(await other.authenticate(secret)).toBeDefined();
  await identity.revokeKey(await adminCaller(), key.id);
  now = new Date(now.getTime() + 2000);
  expect(await other.authenticate(secret)).toBeUndefined();
});

test('a key ends when it says, remembered or not', async () => {
  const expiresAt = new Date(now.getTime() + 1000);
  const { secret } = await newKey(['read'], { expiresAt });
  expect(await identity.authenticate(secret)).toBeDefined();
  now = expiresAt;
  expect(await identity.authenticate(secret)).toBeUndefined();
  await expect(newKey(['read'], { expiresAt })).rejects.toMatchObject({ code: 'invalid_input' });
});

test('a key hands on no more than it has', async () => {
  const { key, secret } = await newKey(['read', 'manage']);
  const caller = (await identity.authenticate(secret))!;
  const own = { partyId: key.partyId, label: 'x' };
  const stranger = await newParty();
  for (const order of [
    { ...own, scopes: ['admin'] as const },
    { ...own, scopes: ['read', 'infer'] as const },
    { ...own, partyId: stranger.id, scopes: ['read'] as const },
  ]) {
    await expect(identity.createKey(caller, order)).rejects.toMatchObject({ code: 'forbidden' });
  }
});

test.each<Partial<KeyOrder>>([
  { limitUnits: 1n },
  { limits: { dailyUnits: 1n } },
  { limits: { modelUnits: { base: 1n } } },
  { limits: { requestsPerMinute: 1 } },
  { limits: { tokensPerMinute: 1 } },
  { models: ['base'] },
  { expiresAt: new Date('2040-01-01') },
])('a key that is limited by %o makes no keys', async (limit) => {
  const { key, secret } = await newKey(['infer', 'manage'], limit);
  const caller = (await identity.authenticate(secret))!;
  const order = { partyId: key.partyId, label: 'x', scopes: ['infer'] as const };
  await expect(identity.createKey(caller, order)).rejects.toMatchObject({
    ...{ code: 'forbidden', message: 'A limited key makes no keys.' },
  });
});

test('a key has the limits that it was ordered with, of amounts beyond any number, and none that it was not', async () => {
  const limits = {
    dailyUnits: 10n ** 30n,
    modelUnits: { base: 10n ** 40n, __proto__x: 0n, 'remote/m:a@1': 7n },
    ...{ requestsPerMinute: 60, tokensPerMinute: 1_000_000_000 },
  };
  const { key, secret } = await newKey(['infer'], { limits });
  expect(key.limits).toEqual(limits);
  expect((await identity.authenticate(secret))?.limits).toEqual(limits);
  const part = await newKey(['infer'], { limits: { requestsPerMinute: 1 } });
  expect((await identity.authenticate(part.secret))?.limits).toEqual({ requestsPerMinute: 1 });
});

test("another party's keys cannot be seen or revoked", async () => {
  const mine = await newKey(['manage']);
  const theirs = await newKey(['manage']);
  const caller = (await identity.authenticate(mine.secret))!;
  await expect(identity.revokeKey(caller, theirs.key.id)).rejects.toMatchObject({
    code: 'not_found',
  });
  await expect(
    identity.listKeys(caller, { partyId: theirs.key.partyId, limit: 10 }),
  ).rejects.toMatchObject({ code: 'forbidden' });
  expect(await identity.authenticate(theirs.secret)).toBeDefined();
});

test('the first admin key is made once, by whichever process is first', async () => {
  const fresh = await createTestDatabase();
  const installations = [1, 2, 3].map(() => createIdentity({ db: fresh.db, clock }));
  const made = await Promise.all(installations.map((one) => one.ensureAdminKey()));
  const keys = made.filter((key) => key !== undefined);
  expect(keys).toHaveLength(1);
  expect(await installations[0].authenticate(keys[0].secret)).toMatchObject({ scopes: ['admin'] });
  await fresh.drop();
});

test('a wallet is bound by its signature and replaced only with the old one, each challenge once', async () => {
  const { id: partyId } = await newParty();
  const [first, second, thief] = [newWallet(), newWallet(), newWallet()];
  expect((await bind(partyId, first)).wallet).toBe(first.address);

  const challenge = await identity.requestChallenge({ partyId, address: second.address });
  expect(challenge.replaces).toBe(first.address);
  const signed = { partyId, challengeId: challenge.id, signature: second.sign(challenge.message) };
  await expect(identity.bindWallet(signed)).rejects.toMatchObject({ code: 'forbidden' });
  await expect(
    identity.bindWallet({ ...signed, replacedSignature: thief.sign(challenge.message) }),
  ).rejects.toMatchObject({ code: 'forbidden' });
  await expect(
    identity.bindWallet({ ...signed, signature: thief.sign(challenge.message) }),
  ).rejects.toMatchObject({ code: 'forbidden' });
  const whole = { ...signed, replacedSignature: first.sign(challenge.message) };
  const stranger = await newParty();
  await expect(identity.bindWallet({ ...whole, partyId: stranger.id })).rejects.toMatchObject({
    code: 'not_found',
  });
  expect((await identity.bindWallet(whole)).wallet).toBe(second.address);
  await expect(identity.bindWallet(whole)).rejects.toMatchObject({ code: 'conflict' });
});

test('a challenge that expired or was overtaken binds nothing', async () => {
  const { id: partyId } = await newParty();
  const [slow, quick] = [newWallet(), newWallet()];
  const challenge = await identity.requestChallenge({ partyId, address: slow.address });
  await bind(partyId, quick);
  const proof = { partyId, challengeId: challenge.id, signature: slow.sign(challenge.message) };
  await expect(identity.bindWallet(proof)).rejects.toMatchObject({ code: 'conflict' });

  const late = await identity.requestChallenge({ partyId, address: slow.address });
  now = new Date(now.getTime() + 10 * 60_000);
  await expect(
    identity.bindWallet({
      partyId,
      challengeId: late.id,
      signature: slow.sign(late.message),
      replacedSignature: quick.sign(late.message),
    }),
  ).rejects.toMatchObject({ code: 'conflict', message: 'The challenge has expired.' });
});

test('an attested claim sends the earnings to the claimant, and the two stay two parties', async () => {
  const unclaimed = await identity.registerParty({ identity: 'npm-package:claimed-one' });
  const [claimant, rival, attester] = [await newParty(), await newParty(), await newParty()];
  const request = { identity: unclaimed.identity, evidence: 'the package.json names me' };
  const claim = await identity.requestClaim({ ...request, claimantId: claimant.id });
  const other = await identity.requestClaim({ ...request, claimantId: rival.id });
  const attest = (claimId: Id<'claim'>, attesterId: Id<'party'>) =>
    identity.attestClaim({ claimId, attesterId, statement: 'seen' });

  await expect(attest(claim.id, attester.id)).rejects.toMatchObject({ code: 'unprocessable' });
  const [old, fresh] = [newWallet(), newWallet()];
  await bind(claimant.id, old);
  await expect(attest(claim.id, claimant.id)).rejects.toMatchObject({ code: 'forbidden' });
  expect(await attest(claim.id, attester.id)).toMatchObject({
    state: 'granted',
    attestations: [{ attesterId: attester.id, statement: 'seen', at: now }],
  });
  await expect(attest(other.id, attester.id)).rejects.toMatchObject({ code: 'conflict' });
  await expect(identity.requestClaim({ ...request, claimantId: rival.id })).rejects.toMatchObject({
    code: 'conflict',
  });

  const held = await identity.findParty(unclaimed.id);
  expect(held).toMatchObject({
    identity: unclaimed.identity,
    holderId: claimant.id,
    wallet: old.address,
  });
  await bind(claimant.id, fresh, old);
  expect(await identity.walletsOf([unclaimed.id])).toEqual(
    new Map([[unclaimed.id, fresh.address]]),
  );
});

test('two attesters are needed where two are asked for, and one cannot be both', async () => {
  const strict = createIdentity({ db: database.db, clock, attestersNeeded: 2 });
  await strict.registerParty({ identity: 'npm-package:needs-two' });
  const [claimant, first, second] = [await newParty(), await newParty(), await newParty()];
  await bind(claimant.id, newWallet());
  const { id } = await strict.requestClaim({
    claimantId: claimant.id,
    identity: 'npm-package:needs-two',
    evidence: 'e',
  });
  const attest = (attesterId: Id<'party'>) =>
    strict.attestClaim({ claimId: id, attesterId, statement: 's' });
  expect((await attest(first.id)).state).toBe('open');
  await expect(attest(first.id)).rejects.toMatchObject({ code: 'conflict' });
  expect((await attest(second.id)).state).toBe('granted');
});

test('what has a wallet of its own, or is the installation, cannot be claimed', async () => {
  const { address } = newWallet();
  await identity.registerParty({ identity: `eip155:${address}` });
  await identity.ensureAdminKey();
  const { id: claimantId } = await newParty();
  for (const [text, code] of [
    [`eip155:${address}`, 'conflict'],
    ['local:admin', 'conflict'],
    ['handle:nobody at all', 'not_found'],
  ]) {
    await expect(
      identity.requestClaim({ claimantId, identity: text, evidence: 'e' }),
    ).rejects.toMatchObject({ code });
  }
});
