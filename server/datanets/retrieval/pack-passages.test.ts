import { cutWords } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { packPassages } from './pack-passages.ts';
import type { RetrievedRecord } from './retrieve.ts';

const record = (
  name: string,
  text: string,
  rest: Partial<RetrievedRecord> = {},
): RetrievedRecord => ({
  ...{ recordHash: name, snapshotId: 'snp_1', documentHash: `of ${name}`, position: 0, text },
  ...{ score: 1, source: { kind: 'api' }, licence: 'MIT', purposes: undefined, contributors: [] },
  ...rest,
});
const about = (subject: string) =>
  `The ${subject} is told of in this sentence; ${subject} and ${subject} again, ${subject.length} letters.`;
const all = { tokenBudget: 1000, purposes: ['retrieve'] as const };
const names = (records: readonly { readonly recordHash: string }[]) =>
  records.map(({ recordHash }) => recordHash);

test('keeps to the budget, counts what it packed, and says where each passage stands', () => {
  const found = ['heron', 'ibis', 'jay'].map((name) => record(name, ` ${about(name)}\n`));
  const { text, tokens, passages, leftOut } = packPassages(found, { ...all, tokenBudget: 50 });
  expect(tokens).toBe(cutWords(text).count);
  expect(tokens).toBeLessThanOrEqual(50);
  expect(names(passages)).toEqual(['heron', 'ibis']);
  expect(passages.map(({ start, end }) => text.slice(start, end))).toEqual(
    ['heron', 'ibis'].map(about),
  );
  expect(leftOut).toEqual([{ recordHash: 'jay', reason: 'budget' }]);
});

test('puts passages of one document together, in its order, where the nearest of them stood', () => {
  const found = [
    record('b', about('bee'), { documentHash: 'x', position: 8 }),
    record('c', about('cat')),
    record('a', about('ant'), { documentHash: 'x', position: 7 }),
  ];
  expect(names(packPassages(found, all).passages)).toEqual(['a', 'b', 'c']);
});

test('says nothing twice', () => {
  const found = [record('a', about('eel')), record('b', `${about('eel')} Indeed.`)];
  expect(packPassages(found, all)).toMatchObject({
    passages: [{ recordHash: 'a' }],
    leftOut: [{ recordHash: 'b', reason: 'duplicate', because: 'a' }],
  });
});

test('leaves out what cannot stand beside a nearer passage, by the licences of both', () => {
  const found = [
    record('a', about('elk'), { licence: 'CC-BY-SA-4.0' }),
    record('b', about('fox'), { licence: 'ODbL-1.0' }),
    record('c', about('gnu')),
  ];
  const { passages, leftOut } = packPassages(found, all);
  expect(names(passages)).toEqual(['a', 'c']);
  expect(leftOut).toEqual([{ recordHash: 'b', reason: 'licence', because: 'a' }]);
});

test('of nothing it makes an empty context', () => {
  expect(packPassages([], all)).toEqual({ text: '', tokens: 0, passages: [], leftOut: [] });
});
