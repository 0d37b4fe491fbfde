import { COMMONS, type Draft, type Id, WEIGHT_ONE } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../test/harness/datanets.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import type { Datanets, QualityReport, SnapshotRecord } from './index.ts';
import { scoreQuality } from './quality.ts';

let database: TestDatabase;
let datanets: Datanets;
let owner: Id<'party'>;
let named = 0;

beforeAll(async () => {
  ({ database, datanets, owner } = await openTestDatanets());
});
afterAll(() => database.drop());

const newDatanet = async () =>
  (await datanets.create({ name: `graded-${++named}`, ownerId: owner })).id;

const contribute = async (datanetId: string, text: string, rest: Partial<Draft> = {}) => {
  const draft = { text, licence: 'MIT', ...rest };
  return (await datanets.contribute({ datanetId, partyId: owner, draft })).recordHash;
};

/** Lines that say themselves again and again, so that the quality falls. */
const echoing = (subject: string, times: number) =>
  [sentenceAbout(subject), ...Array(times).fill(`The ${subject} again.`)].join('\n');

const byName = (names: readonly string[]) =>
  [...new Set(names)]
    .map((name) => ({ name, records: names.filter((one) => one === name).length }))
    .sort((a, b) => b.records - a.records || (a.name < b.name ? -1 : 1));

/** The report as its documentation says it, from the records as everybody reads them. */
async function reportByScan(snapshotId: string): Promise<Partial<QualityReport>> {
  const all: SnapshotRecord[] = [];
  for await (const record of datanets.snapshotRecords(snapshotId)) all.push(record);
  const live = all.filter(({ withdrawn }) => !withdrawn);
  const sum = (numbers: readonly bigint[]) => numbers.reduce((a, b) => a + b, 0n);
  const information = sum(live.map((record) => record.information));
  const owned = sum(live.map((record) => record.owned.information));
  const unpaid = sum(
    live.flatMap((record) =>
      record.owners
        .filter(({ party }) => party === COMMONS)
        .map(({ weight }) => weight * record.information),
    ),
  );
  const sorted = live.map(({ quality }) => quality).sort((a, b) => a - b);
  const parts = live.map(({ text }) => scoreQuality(text));
  const mean = (values: readonly number[]) =>
    Math.floor(values.reduce((a, b) => a + b, 0) / values.length);
  return {
    records: live.length,
    withdrawn: all.length - live.length,
    information,
    ownedPpm: Number((owned * 1_000_000n) / information),
    unpaidPpm: Number((unpaid * 1_000_000n) / (information * WEIGHT_ONE)),
    repeating: live.filter((one) => one.owned.information === 0n && one.information > 0n).length,
    quality: {
      mean: mean(sorted),
      deciles: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(
        (tenths) => sorted[Math.max(0, Math.ceil((tenths * sorted.length) / 10) - 1)],
      ),
    },
    parts: {
      every: 1,
      records: live.length,
      means: {
        language: mean(parts.map(({ language }) => language)),
        structure: mean(parts.map(({ structure }) => structure)),
        compression: mean(parts.map(({ compression }) => compression)),
        repetition: mean(parts.map(({ repetition }) => repetition)),
      },
    },
    licences: byName(live.map(({ licence }) => licence)),
    lowest: live
      .map(({ recordHash, quality, text }) => {
        const { ppm: _, ...rest } = scoreQuality(text);
        return { recordHash, quality, parts: rest };
      })
      .sort((a, b) => a.quality - b.quality || (a.recordHash < b.recordHash ? -1 : 1))
      .slice(0, 10),
  };
}

test('the report of a snapshot is what a reader of its records can count', async () => {
  const datanetId = await newDatanet();
  for (let i = 0; i < 13; i++) {
    await contribute(datanetId, echoing(`animal${i}`, i), {
      licence: i % 3 === 0 ? 'CC0-1.0' : 'MIT',
      metadata: i % 2 === 0 ? { language: i < 6 ? 'EN' : 'sv' } : {},
    });
  }
  // Says again what stands in two others: nothing of it is its own.
  await contribute(datanetId, `${sentenceAbout('animal3')}\n${sentenceAbout('animal4')}`);
  const dropped = await contribute(datanetId, sentenceAbout('wolf'));
  const { id, poolVersion } = await datanets.seal(datanetId);

  const report = await datanets.reportQuality(id);
  expect(report).toMatchObject({ snapshotId: id, poolVersion, ...(await reportByScan(id)) });
  expect(report).toMatchObject({ records: 15, withdrawn: 0, repeating: 1, openDisputes: 0 });
  expect(report.versions).toEqual([{ name: 'quality-1', records: 15 }]);
  expect(report.languages).toEqual([
    { name: 'sv', records: 4 },
    { name: 'en', records: 3 },
  ]);
  expect(report.lowest[0].quality).toBeLessThan(report.lowest[9].quality);

  const caller = { partyId: owner, scopes: [] };
  await datanets.withdraw({ datanetId, recordHash: dropped, reason: 'a test', caller });
  const after = await datanets.reportQuality(id);
  expect(after).toMatchObject({ poolVersion: poolVersion + 1, ...(await reportByScan(id)) });
  expect(after).toMatchObject({ records: 14, withdrawn: 1 });
});

test('what a crowd brought counts as unpaid, and not as owned', async () => {
  const datanetId = await newDatanet();
  const boilerplate =
    'This page may be copied by whoever names the society of birds and its writers.';
  for (let i = 0; i < 20; i++) {
    await contribute(datanetId, `${sentenceAbout(`bird${i}`)}\n\n${boilerplate}`, {
      contributors: [{ identity: `handle:writer${i}`, weight: 1 }],
    });
  }
  const { id } = await datanets.seal(datanetId);
  const report = await datanets.reportQuality(id);
  expect(report).toMatchObject(await reportByScan(id));
  expect(report.unpaidPpm).toBeGreaterThan(10_000);
  expect(report.ownedPpm + report.unpaidPpm).toBeLessThanOrEqual(1_000_000);
});

test('open disputes over what a snapshot was made of are counted until they are closed', async () => {
  const datanetId = await newDatanet();
  const recordHash = await contribute(datanetId, sentenceAbout('fox'), {
    contributors: [{ identity: 'handle:finn', weight: 1 }],
  });
  const { id } = await datanets.seal(datanetId);
  const dispute = await datanets.openDispute({
    ...{ datanetId, recordHash, claimantId: owner, evidence: 'My diary.' },
  });
  expect((await datanets.reportQuality(id)).openDisputes).toBe(1);
  const caller = { partyId: owner, scopes: [] };
  await datanets.closeDispute({
    ...{ disputeId: dispute.id, decision: 'dismiss', reason: 'No diary.', caller },
  });
  expect((await datanets.reportQuality(id)).openDisputes).toBe(0);
});

test('a snapshot of which all is withdrawn reports nothing, and does not fail', async () => {
  const datanetId = await newDatanet();
  const recordHash = await contribute(datanetId, sentenceAbout('eel'));
  const { id } = await datanets.seal(datanetId);
  const caller = { partyId: owner, scopes: [] };
  await datanets.withdraw({ datanetId, recordHash, reason: 'a test', caller });
  expect(await datanets.reportQuality(id)).toMatchObject({
    ...{ records: 0, withdrawn: 1, information: 0n, ownedPpm: 0, unpaidPpm: 0, repeating: 0 },
    ...{ quality: undefined, parts: undefined, licences: [], languages: [], lowest: [] },
  });
});

test('of many records every n-th is scored again, and always the same ones', async () => {
  const datanetId = await newDatanet();
  async function* lines() {
    for (let number = 1; number <= 1201; number++) {
      yield {
        number,
        text: JSON.stringify({ text: echoing(`thing${number}`, 2), licence: 'MIT' }),
      };
    }
  }
  await datanets.contributeMany({ datanetId, partyId: owner, lines: lines() });
  const { id } = await datanets.seal(datanetId);
  const { records, parts } = await datanets.reportQuality(id);
  expect(records).toBe(1201);
  expect(parts).toMatchObject({ every: 3, records: 401 });
  expect((await datanets.reportQuality(id)).parts).toEqual(parts);
});

test('a record shows the parts that its quality is made of, until it is withdrawn', async () => {
  const datanetId = await newDatanet();
  const text = echoing('heron', 5);
  const recordHash = await contribute(datanetId, text);
  const { ppm, ...parts } = scoreQuality(text);
  const record = await datanets.recordByHash(datanetId, recordHash);
  expect(record).toMatchObject({ quality: ppm, qualityVersion: 'quality-1', qualityParts: parts });
  const caller = { partyId: owner, scopes: [] };
  await datanets.withdraw({ datanetId, recordHash, reason: 'a test', caller });
  expect((await datanets.recordByHash(datanetId, recordHash)).qualityParts).toBeUndefined();
});
