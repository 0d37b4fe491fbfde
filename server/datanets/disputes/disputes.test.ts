import {
  type EntitlementVector,
  type Id,
  type OpenLedgerError,
  WEIGHT_ONE,
} from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets } from '../../../test/harness/datanets.ts';
import { sql } from '../../platform/sql.ts';
import type { Datanets } from '../index.ts';

let open: Awaited<ReturnType<typeof openTestDatanets>>;
let datanets: Datanets;
beforeAll(async () => {
  open = await openTestDatanets();
  datanets = open.datanets;
});
afterAll(() => open.database.drop());

let named = 0;
async function begin() {
  const people = await Promise.all(
    ['ann', 'ben', 'cat'].map(async (name) => {
      const party = await open.identity.registerParty({ identity: `handle:${name}-${++named}` });
      return party.id;
    }),
  );
  const { id } = await datanets.create({ name: `disputed-${++named}`, ownerId: open.owner });
  const [ann, ben, cat] = people;
  return { datanetId: id, ann, ben, cat };
}

const WORDS =
  'garden water stone wall summer rain clay jar root leaf bird morning evening shadow path gate ladder apple pear fig quince frost wind cloud soil seed spade rake basket twine'.split(
    ' ',
  );
/** Sentences without an end of words, the same for the same seed. */
const prose = (seed: number, words = 120) =>
  Array.from({ length: words }, (_, i) => {
    const word = WORDS[(seed * 7919 + i * i * 31 + i * seed) % WORDS.length];
    return i % 12 === 11 ? `${word}${i}.` : word;
  }).join(' ');
const changed = (text: string) =>
  text
    .split(' ')
    .map((word, i) => (i % 7 === 6 ? `other${i}` : word))
    .join(' ');

const contribute = (datanetId: Id<'datanet'>, partyId: Id<'party'>, text: string) =>
  datanets.contribute({ datanetId, partyId, draft: { text, licence: 'MIT' } });

/** Owners by record, in the snapshot that is sealed now. */
async function sealed(datanetId: Id<'datanet'>): Promise<ReadonlyMap<string, EntitlementVector>> {
  const { id } = await datanets.seal(datanetId);
  const owners = new Map<string, EntitlementVector>();
  for await (const record of datanets.snapshotRecords(id)) {
    owners.set(record.recordHash, record.owners);
  }
  return owners;
}
const weightOf = (owners: EntitlementVector | undefined, party: string) =>
  owners?.find((one) => one.party === party)?.weight ?? 0n;
const all = (party: string) => [{ party, weight: WEIGHT_ONE }];
const caller = (partyId: Id<'party'>) => ({ partyId, scopes: ['contribute' as const] });
const code = (wanted: string) => (error: OpenLedgerError) => error.code === wanted;

test('a text with every seventh word changed earns into escrow, and by decision for whom it was taken from', async () => {
  const { datanetId, ann, ben } = await begin();
  await contribute(datanetId, ann, prose(3));
  const copy = await contribute(datanetId, ben, changed(prose(3)));
  const honest = await contribute(datanetId, ben, prose(50));
  const first = await sealed(datanetId);
  const [dispute, ...others] = await datanets.listDisputes({ datanetId, limit: 10 });
  expect(others).toEqual([]);
  expect(dispute).toMatchObject({
    ...{ recordHash: copy.recordHash, kind: 'near_duplicate', state: 'open' },
  });
  const escrowed = weightOf(first.get(copy.recordHash), dispute.escrowId);
  expect(escrowed).toBeGreaterThan((WEIGHT_ONE * 9n) / 10n);
  expect(first.get(honest.recordHash)).toEqual(all(ben));

  const wish = { disputeId: dispute.id, decision: 'uphold' as const, reason: 'It is a copy.' };
  await expect(datanets.closeDispute({ ...wish, caller: caller(ann) })).rejects.toSatisfy(
    code('forbidden'),
  );
  const closed = await datanets.closeDispute({ ...wish, caller: caller(open.owner) });
  expect(closed).toMatchObject({ state: 'upheld', closedBy: open.owner });
  expect(await datanets.heirsOf([dispute.escrowId])).toEqual(
    new Map([[dispute.escrowId, all(ann)]]),
  );
  const second = await sealed(datanetId);
  expect(weightOf(second.get(copy.recordHash), ann)).toBe(escrowed);
  expect(await datanets.listDisputes({ datanetId, limit: 10 })).toHaveLength(1);
  const again = { ...wish, decision: 'dismiss' as const, caller: caller(open.owner) };
  await expect(datanets.closeDispute(again)).rejects.toSatisfy(code('conflict'));
});

test('a dismissed proposal gives the text back, with what it earned', async () => {
  const { datanetId, ann, ben } = await begin();
  await contribute(datanetId, ann, prose(4));
  await sealed(datanetId);
  const copy = await contribute(datanetId, ben, changed(prose(4)));
  expect(weightOf((await sealed(datanetId)).get(copy.recordHash), ben)).toBeLessThan(
    WEIGHT_ONE / 10n,
  );
  const [{ id, escrowId }] = await datanets.listDisputes({ datanetId, state: 'open', limit: 10 });
  // Ann alone owned the earlier text, so she may give way.
  const wish = { disputeId: id, decision: 'dismiss' as const, reason: 'We wrote it together.' };
  await datanets.closeDispute({ ...wish, caller: caller(ann) });
  expect(await datanets.heirsOf([escrowId])).toEqual(new Map([[escrowId, all(ben)]]));
  expect((await sealed(datanetId)).get(copy.recordHash)).toEqual(all(ben));
});

test('who proves that he had a text before owns it from the next seal on, and so every copy of it', async () => {
  const { datanetId, ann, ben, cat } = await begin();
  const stolen = await contribute(datanetId, ben, prose(5));
  const copy = await contribute(
    datanetId,
    cat,
    `${prose(5)} And some words of my own at the end of it.`,
  );
  expect((await sealed(datanetId)).get(stolen.recordHash)).toEqual(all(ben));
  const proof = {
    datanetId,
    recordHash: stolen.recordHash,
    claimantId: ann,
    evidence: 'A commit.',
  };
  const { id, escrowId } = await datanets.openDispute(proof);
  expect(await datanets.openDispute(proof)).toMatchObject({ id, kind: 'earlier_proof' });
  const disputed = await sealed(datanetId);
  expect(disputed.get(stolen.recordHash)).toEqual(all(escrowId));
  expect(weightOf(disputed.get(copy.recordHash), escrowId)).toBeGreaterThan(WEIGHT_ONE / 2n);
  expect(await datanets.heirsOf([escrowId])).toEqual(new Map());
  await datanets.closeDispute({
    ...{
      disputeId: id,
      decision: 'uphold',
      reason: 'The commit is older.',
      caller: caller(open.owner),
    },
  });
  const decided = await sealed(datanetId);
  expect(decided.get(stolen.recordHash)).toEqual(all(ann));
  const assured = await datanets.recordByHash(datanetId, stolen.recordHash);
  expect(assured.assurance).toBe('proved');
  const copied = await datanets.recordByHash(datanetId, copy.recordHash);
  expect(copied.assurance).toBe('self_declared');
  expect(weightOf(decided.get(copy.recordHash), ann)).toBeGreaterThan(WEIGHT_ONE / 2n);
  expect(weightOf(decided.get(copy.recordHash), ben)).toBe(0n);
});

test('nobody disputes what is his own, unknown, withdrawn or long accepted', async () => {
  const { datanetId, ann, ben } = await begin();
  const { recordHash } = await contribute(datanetId, ann, prose(6));
  const proof = { datanetId, recordHash, claimantId: ben, evidence: 'A letter.' };
  const refused = (order: typeof proof, wanted: string) =>
    expect(datanets.openDispute(order)).rejects.toSatisfy(code(wanted));
  await refused({ ...proof, claimantId: ann }, 'conflict');
  await refused({ ...proof, recordHash: '0'.repeat(64) }, 'not_found');
  await open.database.db.transaction((tx) =>
    tx.query(sql`
      update datanets.contributions
      set created_at = created_at - interval '31 days'
      where record_hash = ${recordHash}`),
  );
  await refused(proof, 'unprocessable');
  await datanets.withdraw({ datanetId, recordHash, reason: 'Mine.', caller: caller(ann) });
  await refused(proof, 'unprocessable');
});

test('copies inside one import, of oneself and of what was withdrawn are not proposed', async () => {
  const { datanetId, ann, ben } = await begin();
  await contribute(datanetId, ann, prose(8));
  await contribute(datanetId, ann, changed(prose(8)));
  const { id: importId } = await datanets.openImport({ datanetId, partyId: ben, name: 'both' });
  const drafts = [prose(9), changed(prose(9))].map((text, i) => ({
    ...{ text, licence: 'MIT' },
    contributors: [{ identity: `handle:writer ${i}`, weight: 1 }],
  }));
  async function* lines() {
    for (const [i, draft] of drafts.entries()) yield { number: i + 1, text: JSON.stringify(draft) };
  }
  await datanets.uploadImport({ datanetId, partyId: ben, importId, from: 0, lines: lines() });
  const gone = await contribute(datanetId, ann, prose(10));
  await datanets.withdraw({
    ...{ datanetId, recordHash: gone.recordHash, reason: 'Mine.', caller: caller(ann) },
  });
  await sealed(datanetId);
  expect(await datanets.listDisputes({ datanetId, limit: 10 })).toEqual([]);
});
