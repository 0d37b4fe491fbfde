import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Id } from '@openledger/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { IntentRecord } from './intent.ts';
import { openIntentLog } from './intent-log.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-intents-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const progress = (units: bigint): IntentRecord => ({
  ...{ kind: 'progress', request: 'inf_1' as Id<'inference'>, units },
  usage: { promptTokens: 1, completionTokens: 2 },
});
const extended = (units: bigint): IntentRecord => ({
  ...{ kind: 'extended', request: 'inf_1' as Id<'inference'>, units },
});
const claimed: IntentRecord = {
  ...{ kind: 'claimed', request: 'inf_1' as Id<'inference'>, units: 3n },
  legs: [{ to: 'clearing:fees', amount: 3n }],
};
const segment = async () =>
  join(folder, (await readdir(folder)).find((n) => n.endsWith('.log')) ?? '');

test('what was appended is read again, amounts and all', async () => {
  const log = await openIntentLog(folder);
  expect(log.past).toEqual([]);
  log.append(progress(2n ** 200n));
  log.append(claimed);
  await Promise.all([log.durable(), log.durable()]);
  await log.close();
  const again = await openIntentLog(folder);
  expect(again.past).toEqual([progress(2n ** 200n), claimed]);
  await again.close();
});

test.each([
  ['half a line', '0123'],
  ['a line of which a part was not written', '01234567 {"kind":"started","token":1}\n'],
  ['a line without its end', ''],
])('a torn end is dropped: %s', async (_, torn) => {
  const log = await openIntentLog(folder);
  log.append(extended(1n));
  log.append(extended(2n));
  await log.close();
  const name = await segment();
  const text = await readFile(name, 'utf8');
  if (torn === '') await writeFile(name, text.slice(0, -1));
  else await appendFile(name, torn);
  const again = await openIntentLog(folder);
  expect(again.past).toEqual(torn === '' ? [extended(1n)] : [extended(1n), extended(2n)]);
  again.append(extended(3n));
  await again.close();
  const third = await openIntentLog(folder);
  expect(third.past.at(-1)).toEqual(extended(3n));
  await third.close();
});

test('a damaged line with good ones after it is named, and nothing is opened', async () => {
  const log = await openIntentLog(folder);
  for (const units of [1n, 2n, 3n]) log.append(extended(units));
  await log.close();
  const name = await segment();
  await writeFile(name, (await readFile(name, 'utf8')).replace('"2n"', '"9n"'));
  await expect(openIntentLog(folder)).rejects.toMatchObject({
    ...{ code: 'unprocessable', details: { line: 2 } },
  });
  await writeFile(name, (await readFile(name, 'utf8')).replace('"9n"', '"2n"'));
  const again = await openIntentLog(folder); // and the lock was given back
  expect(again.past).toHaveLength(3);
  await again.close();
});

test('compacting leaves one segment with what was said, and what is appended after it', async () => {
  const log = await openIntentLog(folder, { compactBytes: 300 });
  for (; !log.isLarge(); await log.durable()) log.append(progress(1n));
  log.compact([progress(7n)]);
  log.append(progress(8n));
  await log.close();
  expect((await readdir(folder)).filter((name) => name.endsWith('.log'))).toHaveLength(1);
  const again = await openIntentLog(folder);
  expect(again.past).toEqual([progress(7n), progress(8n)]);
  await again.close();
});

test('of what a request earns within a turn the last is written, in its order among what else was appended', async () => {
  const log = await openIntentLog(folder);
  for (const record of [progress(1n), extended(9n), progress(2n), progress(3n)]) log.append(record);
  await log.durable();
  log.append(progress(4n));
  await log.close();
  const again = await openIntentLog(folder);
  expect(again.past).toEqual([extended(9n), progress(3n), progress(4n)]);
  await again.close();
});

test('a row is read again as it was, whatever stands in it', async () => {
  const kept: IntentRecord = {
    ...{ kind: 'kept', number: 1, request: 'inf_1' as Id<'inference'> },
    row: JSON.stringify({ units: '3', text: 'a\tb\n\u2028', amount: null }),
  };
  const log = await openIntentLog(folder);
  log.append(kept);
  await log.close();
  const again = await openIntentLog(folder);
  expect(again.past).toEqual([kept]);
  await again.close();
});

test('a folder has one process; the claim of one that died is no claim', async () => {
  const log = await openIntentLog(folder);
  await expect(openIntentLog(folder)).rejects.toMatchObject({ code: 'unavailable' });
  await log.close();
  await writeFile(join(folder, 'lock'), '999999999 1');
  const again = await openIntentLog(folder);
  await again.close();
  expect(() => again.append(claimed)).toThrow('closed');
});
