import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize } from '@openledger/sdk';
import { beforeAll, expect, test } from 'vitest';
import { exampleReceipt } from '../../test/harness/example-receipt.ts';
import { verify } from './verify.ts';

const { bundle, trust, snapshots } = exampleReceipt();
const text = canonicalize(bundle);
let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-'));
  await writeFile(at('receipt.json'), text);
  await writeFile(at('tampered.json'), text.replace('"units":"1000003"', '"units":"1000004"'));
  await writeFile(at('trust.json'), JSON.stringify(trust));
  for (const [i, one] of snapshots.entries())
    await writeFile(at(`snapshot-${i}.json`), JSON.stringify(one));
});

async function run(...argv: string[]) {
  let printed = '';
  const out = { write: (words: string) => (printed += words) };
  const status = await verify([...argv, '--trust', at('trust.json')], out);
  return { status, printed, last: printed.trimEnd().split('\n').at(-1) };
}

test('says of an honest receipt what each check found, and ends well', async () => {
  const { status, printed, last } = await run(at('receipt.json'));
  expect(status).toBe(0);
  expect(last).toBe(
    'VERIFIED: 15 checks held. (--recompute also shows that nothing was left out.)',
  );
  expect(printed.match(/^✓/gm)).toHaveLength(15);
});

test('does not say that all was checked where texts were withdrawn', async () => {
  const records = bundle.records.map((one) => ({ ...one, text: null }));
  await writeFile(at('withdrawn.json'), canonicalize({ ...bundle, records }));
  const { status, last } = await run(at('withdrawn.json'));
  expect([status, last]).toEqual([
    0,
    'VERIFIED as far as the texts are there: 15 checks held, records withdrawn: 4.',
  ]);
});

test('names the check that a tampered receipt fails at, with status 1', async () => {
  const { status, printed, last } = await run(at('tampered.json'));
  expect(status).toBe(1);
  expect(last).toBe('NOT VERIFIED: the check "signature" failed.');
  expect(printed).toContain('✗ signature');
});

test('recomputes from snapshots, and cannot without them', async () => {
  const given = snapshots.flatMap((_, i) => ['--snapshot', at(`snapshot-${i}.json`)]);
  const { status, last } = await run(at('receipt.json'), '--recompute', ...given);
  expect([status, last]).toEqual([
    0,
    'VERIFIED: 20 checks held; recomputed from the texts, nothing was left out.',
  ]);
  const without = await run(at('receipt.json'), '--recompute');
  expect(without.last).toBe('NOT VERIFIED: the check "recompute-snapshot" failed.');
});

test('speaks JSON to machines', async () => {
  const { printed } = await run(at('tampered.json'), '--json');
  expect(JSON.parse(printed)).toMatchObject({ ok: false, failed: 'signature' });
});

test('says what is missing: the file, its name, the trust', async () => {
  await expect(run(at('nothing.json'))).rejects.toMatchObject({ code: 'not_found' });
  await expect(run()).rejects.toThrow('Say which file');
  await expect(run(at('receipt.json'), '--trust', at('receipt.json'))).rejects.toMatchObject({
    code: 'invalid_input',
  });
});
