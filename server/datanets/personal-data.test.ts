import { type Draft, type Id, OpenLedgerError, sha256Hex } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../test/harness/datanets.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import { linesOf } from '../platform/lines.ts';
import { sql } from '../platform/sql.ts';
import type { Datanets, NewDatanet } from './index.ts';

let database: TestDatabase;
let datanets: Datanets;
let owner: Id<'party'>;

beforeAll(async () => {
  ({ database, datanets, owner } = await openTestDatanets());
});
afterAll(() => database.drop());

const ADDRESS = 'inger@holm.kivik';
const NUMBER = '+46 70 123 45 67';

let named = 0;
const newDatanet = async (personalData?: NewDatanet['personalData']) =>
  (await datanets.create({ name: `people-${++named}`, ownerId: owner, personalData })).id;

const contribute = (datanetId: string, text: string, rest: Partial<Draft> = {}) =>
  datanets.contribute({ datanetId, partyId: owner, draft: { text, licence: 'MIT', ...rest } });

const letter = (subject: string) =>
  `${sentenceAbout(subject)}\nWrite to ${ADDRESS}\nor call ${NUMBER}.\n`;
const redactedLetter = (subject: string) =>
  `${sentenceAbout(subject)}\nWrite to [e-mail]\nor call [phone].\n`;

test('a datanet that says nothing keeps personal data, and says how much it has seen', async () => {
  const datanetId = await newDatanet();
  expect((await datanets.find(datanetId)).personalData).toBe('keep');
  const kept = await contribute(datanetId, letter('otter'));
  expect(kept).toMatchObject({
    recordHash: sha256Hex(letter('otter')),
    personalDataFound: { email: 1, phone: 1 },
  });
  expect((await contribute(datanetId, sentenceAbout('seal'))).personalDataFound).toBeUndefined();
});

test('a datanet that redacts stores nothing of what it found, in text or metadata', async () => {
  const datanetId = await newDatanet('redact');
  const metadata = { mail: ADDRESS, more: [{ phone: `Phone: ${NUMBER}`, page: 3 }] };
  const { recordHash, personalDataFound } = await contribute(datanetId, letter('otter'), {
    metadata,
  });
  expect(recordHash).toBe(sha256Hex(redactedLetter('otter')));
  expect(personalDataFound).toEqual({ email: 2, phone: 2 });
  const record = await datanets.recordByHash(datanetId, recordHash);
  expect(record.text).toBe(redactedLetter('otter'));
  expect(record.metadata).toEqual({
    mail: '[e-mail]',
    more: [{ phone: 'Phone: [phone]', page: 3 }],
  });
  const rows = await database.db.query<{ row: string }>(sql`
    select records::text || contributions::text as row
    from datanets.records
    join datanets.contributions on hash = record_hash
    where records.datanet_id = ${datanetId}`);
  expect(rows).toHaveLength(1);
  expect(rows[0].row).not.toContain('holm');
  expect(rows[0].row).not.toContain('123 45');
});

test('texts that differ in what is redacted alone are one', async () => {
  const datanetId = await newDatanet('redact');
  await contribute(datanetId, letter('otter'));
  await expect(
    contribute(datanetId, letter('otter').replace(ADDRESS, 'noor@holm.kivik')),
  ).rejects.toMatchObject({ details: { reason: 'duplicate' } });
});

test('lines keep their writers when what stands on them is redacted', async () => {
  const datanetId = await newDatanet('redact');
  const { recordHash } = await contribute(datanetId, letter('otter'), {
    contributors: [
      { identity: 'handle:inger', weight: 1 },
      { identity: 'handle:noor', weight: 1 },
    ],
    authorship: [
      { lines: 1, by: [0] },
      { lines: 2, by: [1] },
    ],
  });
  expect(recordHash).toBe(sha256Hex(redactedLetter('otter')));
});

test('a datanet that refuses names kind and line, and stores nothing', async () => {
  const datanetId = await newDatanet('refuse');
  const error = await contribute(datanetId, letter('otter')).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(OpenLedgerError);
  expect(error).toMatchObject({
    code: 'unprocessable',
    message: 'Line 2 of the text holds what looks like an e-mail address.',
    details: { reason: 'personal_data' },
  });
  await expect(
    contribute(datanetId, sentenceAbout('seal'), { metadata: { mail: ADDRESS } }),
  ).rejects.toMatchObject({ details: { reason: 'personal_data' } });
  await contribute(datanetId, `${sentenceAbout('seal')} Write to user@example.com.`);
  expect((await datanets.find(datanetId)).records).toBe(1);
});

test('an import adds up what was found in what it brought, and forgets it when it begins again', async () => {
  const datanetId = await newDatanet('redact');
  const { id: importId } = await datanets.openImport({
    datanetId,
    partyId: owner,
    name: 'letters',
  });
  const which = { datanetId, importId, partyId: owner };
  const send = async (from: number, ...texts: string[]) => {
    async function* bytes() {
      for (const text of texts) yield Buffer.from(`${JSON.stringify({ text, licence: 'MIT' })}\n`);
    }
    const lines = linesOf(bytes(), { maxLineBytes: 8e6 });
    return datanets.uploadImport({ ...which, from, lines });
  };
  const first = await send(0, letter('otter'), letter('otter'), sentenceAbout('seal'));
  expect(first.intake).toMatchObject({ accepted: 2, personalDataFound: { email: 1, phone: 1 } });
  const second = await send(3, `${sentenceAbout('heron')} Ask ${ADDRESS}.`);
  expect(second.intake.personalDataFound).toEqual({ email: 1 });
  expect(second.import.personalDataFound).toEqual({ email: 2, phone: 1 });
  expect((await datanets.restartImport(which)).personalDataFound).toEqual({});
});
