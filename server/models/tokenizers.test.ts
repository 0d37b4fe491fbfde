import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { putTokenizer } from '../../test/harness/tokenizer.ts';
import { silentLog } from '../platform/log.ts';
import { modelFolders } from './folders.ts';
import { createTokenizers, type Tokenizers } from './tokenizers.ts';

const warnings: object[] = [];
let folder: string;
let tokenizers: Tokenizers;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-tokenizers-'));
  tokenizers = createTokenizers({
    log: { ...silentLog, warn: (event, fields) => warnings.push({ event, ...fields }) },
    fileOf: modelFolders(folder).tokenizer,
  });
  await putTokenizer(folder, 'harbour');
});
afterAll(async () => {
  tokenizers.stop();
  await rm(folder, { recursive: true, force: true });
});

test('each text is counted by the tokenizer that is named', async () => {
  await tokenizers.assertUsable('harbour');
  expect(await tokenizers.count('harbour', ['boats', '', 'The harbour master'])).toEqual([
    ...[2, 0, 3],
  ]);
});

test('a tokenizer that is not there is not found, and counts nothing until it is put there', async () => {
  await expect(tokenizers.assertUsable('other')).rejects.toMatchObject({
    ...{ code: 'not_found', message: 'This server has no tokenizer other.' },
  });
  expect(await tokenizers.count('other', ['boats'])).toBeUndefined();
  expect(warnings).toMatchObject([{ event: 'models.tokens_not_counted', tokenizer: 'other' }]);
  await putTokenizer(folder, 'other');
  expect(await tokenizers.count('other', ['boats'])).toEqual([2]);
});

test.each([
  ['no JSON', '{'],
  ['no tokenizer', '{"model":{"type":"BPE"}}'],
])('a file that is %s cannot be used, and its folder is not told', async (_, content) => {
  await mkdir(join(folder, 'tokenizers'), { recursive: true });
  await writeFile(join(folder, 'tokenizers/broken.json'), content);
  const error = await tokenizers.assertUsable('broken').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'unprocessable' });
  expect(String(error)).not.toContain(folder);
});

test('a long text does not hold up a short one that comes after it', async () => {
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  await Promise.all([
    tokenizers.count('harbour', ['the harbour master '.repeat(50_000)]).then(note('long')),
    tokenizers.count('harbour', ['boats']).then(note('short')),
  ]);
  expect(order).toEqual(['short', 'long']);
});

test('what is under way when the process dies is not counted, and what comes after it is', async () => {
  const under = tokenizers.count('harbour', ['the harbour master '.repeat(50_000)]);
  tokenizers.stop();
  expect(await under).toBeUndefined();
  expect(await tokenizers.count('harbour', ['boats'])).toEqual([2]);
});
