import type { Draft, Id } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../../test/harness/datanets.ts';
import type { TestDatabase } from '../../../test/harness/postgres.ts';
import { linesOf } from '../../platform/lines.ts';
import { sql } from '../../platform/sql.ts';
import type { Datanets } from '../index.ts';
import { createQuoter } from './quote-drafts.ts';

let database: TestDatabase;
let datanets: Datanets;
let owner: Id<'party'>;

beforeAll(async () => {
  ({ database, datanets, owner } = await openTestDatanets());
});
afterAll(async () => {
  datanets.stop();
  await database.drop();
});

let made = 0;
const newDatanet = async () =>
  (await datanets.create({ name: `net-${++made}`, ownerId: owner })).id;
const draft = (text: string, rest: Partial<Draft> = {}): Draft => ({
  ...{ text, licence: 'MIT' },
  ...rest,
});
const contribute = async (datanetId: string, text: string) =>
  (await datanets.contribute({ datanetId, partyId: owner, draft: draft(text) })).recordHash;

/** Everything that the stage has stored. */
async function stored() {
  const [row] = await database.db.query(sql`
    select
      (select count(*) from datanets.records) as records,
      (select count(*) from datanets.contributions) as contributions,
      (select sum(records) from datanets.datanets) as sequences,
      (select count(*) from datanets.imports) as imports,
      (select count(*) from identity.parties) as parties`);
  return row;
}

/** So many words that stand in no other text. */
const words = (subject: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${subject}${String.fromCharCode(97 + i)}`).join(' ');

test('a copy owns nothing, half a copy its other half, a new text all of itself', async () => {
  const datanetId = await newDatanet();
  const known = words('kelp', 20);
  const hash = await contribute(datanetId, `${known} ${words('wrack', 20)}`);
  const quotes = await datanets.quote({
    datanetId,
    drafts: [
      draft(`${known} ${words('wrack', 20)}`),
      draft(known),
      draft(`${known} ${words('dulse', 20)}`),
      draft(words('laver', 25)),
    ],
  });
  expect(quotes.map(({ owned }) => owned)).toEqual([
    { ppm: 0, tokens: 40, basis: 'all' },
    { ppm: 0, tokens: 20, basis: 'all' },
    { ppm: 500_000, tokens: 40, basis: 'all' },
    { ppm: 1_000_000, tokens: 25, basis: 'all' },
  ]);
  expect(quotes.map(({ refusal }) => refusal?.reason)).toEqual(['duplicate', ...Array(3)]);
  expect(quotes[0].refusal?.message).toContain(hash);
});

test('what was accepted since the last quote counts, withdrawn text too', async () => {
  const datanetId = await newDatanet();
  const ask = async (text: string) =>
    (await datanets.quote({ datanetId, drafts: [draft(text)] }))[0];
  const text = sentenceAbout('limpet');
  expect(await ask(text)).toMatchObject({ refusal: undefined, owned: { ppm: 1_000_000 } });
  const recordHash = await contribute(datanetId, text);
  expect(await ask(text)).toMatchObject({ refusal: { reason: 'duplicate' }, owned: { ppm: 0 } });
  const caller = { partyId: owner, scopes: [] };
  await datanets.withdraw({ datanetId, recordHash, reason: 'a test', caller });
  expect(await ask(text)).toMatchObject({ refusal: { reason: 'withdrawn' }, owned: { ppm: 0 } });
});

test('a quote refuses what contributing refuses, in the same words, and stores nothing', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, sentenceAbout('whelk'));
  const gone = await contribute(datanetId, sentenceAbout('winkle'));
  const caller = { partyId: owner, scopes: [] };
  await datanets.withdraw({ datanetId, recordHash: gone, reason: 'a test', caller });
  const drafts: readonly Draft[] = [
    draft(sentenceAbout('cockle')),
    draft('too short'),
    draft(sentenceAbout('mussel'), { licence: 'unknown' }),
    draft(sentenceAbout('mussel'), { licence: 'Proprietary-1' }),
    draft(sentenceAbout('mussel'), { licence: undefined }),
    draft(`${sentenceAbout('mussel')}\u0000`),
    draft('- - - - - - - - - - - - - - - - - - - - - - - -'),
    draft(
      `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEpAIBAAKCAQEA'.repeat(8)}\n-----END RSA PRIVATE KEY-----`,
    ),
    draft(sentenceAbout('mussel'), { metadata: { note: 'a\u0000b' } }),
    draft(sentenceAbout('mussel'), { contributors: [{ identity: 'nonsense', weight: 1 }] }),
    draft(sentenceAbout('mussel'), { contributors: [{ identity: 'local:eve', weight: 1 }] }),
    draft(sentenceAbout('mussel'), { contributors: [{ identity: 'handle:eve', weight: 1 }] }),
    draft(sentenceAbout('scallop'), { authorship: [{ lines: 7, by: [] }] }),
    draft(sentenceAbout('whelk')),
    draft(sentenceAbout('winkle')),
    draft(sentenceAbout('cockle')),
    draft('x'.repeat(1_000_001)),
  ];
  const before = await stored();
  const quotes = await datanets.quote({ datanetId, drafts });
  expect(await stored()).toEqual(before);

  async function* lines() {
    for (const one of drafts) yield Buffer.from(`${JSON.stringify(one)}\n`);
  }
  const intake = await datanets.contributeMany({
    ...{ datanetId, partyId: owner },
    lines: linesOf(lines(), { maxLineBytes: 8e6 }),
  });
  expect(
    quotes.flatMap(({ refusal }, i) => (refusal ? [{ line: i + 1, ...refusal }] : [])),
  ).toEqual(intake.rejections);
  expect(new Set(intake.rejections.map(({ reason }) => reason)).size).toBe(8);
  expect(quotes.filter(({ refusal }) => !refusal)).toHaveLength(intake.accepted);
});

const LONG =
  'the harbour master counts every boat that passes the old stone pier at dusk and writes its name its cargo and its last port into a heavy book which nobody but him has opened since the winter when the lighthouse burned and the keeper walked home over the ice with a lamp and two frightened goats';

test('names the sealed record that a draft is nearly, and the nearest ones', async () => {
  const datanetId = await newDatanet();
  const hash = await contribute(datanetId, LONG);
  await contribute(datanetId, sentenceAbout('sandpiper'));
  await datanets.seal(datanetId);
  const altered = LONG.split(' ').map((word, i) => (i % 7 === 6 ? `${word}er` : word));
  const [near, far] = await datanets.quote({
    datanetId,
    drafts: [draft(altered.join(' ')), draft(sentenceAbout('barometer'))],
  });
  expect(near.nearDuplicate?.recordHash).toBe(hash);
  expect(near.nearDuplicate?.similarityPpm).toBeGreaterThan(500_000);
  expect(near.owned?.ppm).toBe(1_000_000);
  expect(near.nearest[0]).toBe(hash);
  expect(far.nearDuplicate).toBeUndefined();
});

test('a datanet of too many tokens is compared by its nearest records, and says so', async () => {
  const datanetId = await newDatanet();
  const quote = createQuoter({ reader: database.db, retrieve: datanets.retrieve, mostTokens: 50 });
  const ask = async (text: string) => (await quote({ datanetId, drafts: [draft(text)] }))[0].owned;
  await contribute(datanetId, LONG);
  expect(await ask(LONG)).toBeUndefined(); // nothing is sealed: nothing to look for near ones in
  await datanets.seal(datanetId);
  expect(await ask(`${LONG} ${words('dulse', 8)}`)).toMatchObject({ basis: 'nearest' });
  const { ppm } = (await ask(LONG))!;
  expect(ppm).toBe(0);
});

test('of several datanets that are too many together, each is still compared with all', async () => {
  const quote = createQuoter({ reader: database.db, retrieve: datanets.retrieve, mostTokens: 60 });
  const ids = [await newDatanet(), await newDatanet(), await newDatanet()];
  const texts = ids.map((_, i) => words(`gull${'xyz'[i]}`, 24));
  for (const [i, id] of ids.entries()) await contribute(id, texts[i]);
  for (const round of [0, 1]) {
    const quotes = await Promise.all(
      ids.map((datanetId, i) =>
        quote({ datanetId, drafts: texts.map((one) => draft(one)) }).then(
          (all) => all[(i + round) % 3],
        ),
      ),
    );
    for (const { owned } of quotes) {
      expect(owned).toEqual({ ppm: round === 0 ? 0 : 1_000_000, tokens: 24, basis: 'all' });
    }
  }
});

test('a datanet that is not there has no quotes', async () => {
  const datanetId = `dn_${'0'.repeat(32)}`;
  await expect(datanets.quote({ datanetId, drafts: [] })).rejects.toMatchObject({
    code: 'not_found',
  });
});
