import { expect, test } from 'vitest';
import { exampleReceipt } from '../../test/harness/example-receipt.ts';
import { partsOf } from './explain-receipt.ts';

const { bundle } = exampleReceipt();
const names = {
  party: async (id: string) => `party ${Number.parseInt(id.slice(4), 16)}`,
  place: async ({ record }: { readonly record: string }) => `record ${record.slice(0, 4)}`,
};

test('the parts of a price are all of it, but for the rounding of each, the largest first', async () => {
  const parts = await partsOf(bundle, names);
  const sum = parts.reduce((all, { units }) => all + units, 0n);
  const price = BigInt(bundle.receipt.price.units);
  expect(sum <= price && price - sum <= BigInt(parts.length)).toBe(true);
  for (let i = 1; i < parts.length; i++) expect(parts[i - 1].units >= parts[i].units).toBe(true);
});

test('a passage is told by its words, its place, how it is known, and whose it is', async () => {
  const parts = await partsOf(bundle, names);
  const quoted = parts.filter(({ because }) => because.startsWith('"'));
  expect(quoted.map(({ to }) => to)).toContain('party 1');
  expect(quoted[0].because).toMatch(
    /^".*balances by construction.*" \(\d+ words\) stands in record [0-9a-f]{4}.*trace-1.*34 %/,
  );
  const withoutTexts = {
    ...bundle,
    disclosures: {},
    records: bundle.records.map((one) => ({ ...one, text: null })),
  };
  const told = await partsOf(withoutTexts, names);
  expect(told.map(({ units }) => units)).toEqual(parts.map(({ units }) => units));
  expect(told.some(({ because }) => because.includes('not shown'))).toBe(true);
});
