import {
  entitlementOf,
  faultOfEntitlement,
  refinedEntitlement,
  WEIGHT_ONE,
} from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Contribution, type DatanetLineage, sealedRecords } from './claims.ts';

/** A document: who wrote it, in which import it came, and the blocks of text it consists of. */
type Document = {
  readonly author: string;
  readonly arrival: string;
  readonly blocks: readonly string[];
};
const document: fc.Arbitrary<Document> = fc.record({
  author: fc.constantFrom('ann', 'ben', 'cat', 'dan'),
  arrival: fc.constantFrom('import 1', 'import 2', 'import 3'),
  blocks: fc.array(fc.constantFrom('p', 'q', 'r', 's', 't'), { minLength: 1, maxLength: 4 }),
});
const documents = fc.array(document, { minLength: 1, maxLength: 8 });

const PPM = 10_000;
const ownersOf = (party: string) => entitlementOf([{ party, weight: 1n }]);

/** Each document is cut into its blocks by one refiner. */
function lineageOf(list: readonly Document[], withdrawn: readonly string[] = []): DatanetLineage {
  const contributions: Contribution[] = list.map(({ author, arrival }, i) => ({
    ...{ hash: `document ${i}`, sequence: BigInt(i), arrival, owners: ownersOf(author) },
    acceptedAt: new Date(0),
    ...{ licence: 'MIT', source: { kind: 'directory', path: `${i}.md` } },
  }));
  const edges = list.flatMap(({ blocks }, i) =>
    blocks.map((child, position) => ({
      ...{
        parent: `document ${i}`,
        child,
        refiner: 'refiner',
        ppm: PPM,
        lines: [position * 3 + 1],
      },
    })),
  );
  return {
    contributions,
    edges,
    replaced: new Set(contributions.map(({ hash }) => hash)),
    withdrawn: new Set(withdrawn),
  };
}

/** By the rule itself: the earliest document with the block, and those of its import, share alike. */
function ownersByRule(list: readonly Document[], block: string) {
  const first = list.findIndex(({ blocks }) => blocks.includes(block));
  const equal = list.filter(
    ({ blocks, arrival }) => blocks.includes(block) && arrival === list[first].arrival,
  );
  const claims = equal.flatMap(({ author }) =>
    refinedEntitlement(ownersOf(author), { refiner: 'refiner', ppm: PPM }),
  );
  return { first, owners: equal.length === 1 ? claims : entitlementOf(claims) };
}

test('each block belongs to its first import, shared inside it, the refiner keeping his part', () => {
  fc.assert(
    fc.property(documents, (list) => {
      const sealed = sealedRecords(lineageOf(list));
      expect(sealed.map(({ hash }) => hash)).toEqual([
        ...new Set(list.flatMap(({ blocks }) => blocks)),
      ]);
      for (const { hash, owners, document: origin, source } of sealed) {
        const rule = ownersByRule(list, hash);
        expect(owners).toEqual(rule.owners);
        expect(faultOfEntitlement(owners)).toBeUndefined();
        expect(origin).toBe(`document ${rule.first}`);
        expect(source.line).toBe(list[rule.first].blocks.indexOf(hash) * 3 + 1);
      }
    }),
  );
});

test('copying what is there, whole or in parts, takes nothing from anybody', () => {
  fc.assert(
    fc.property(documents, fc.array(document, { maxLength: 4 }), (list, copies) => {
      const known = new Set(list.flatMap(({ blocks }) => blocks));
      const later = copies.map((copy) => ({ ...copy, author: 'thief', arrival: 'import 9' }));
      const before = new Map(sealedRecords(lineageOf(list)).map((one) => [one.hash, one]));
      const after = sealedRecords(lineageOf([...list, ...later]));
      for (const one of after) if (known.has(one.hash)) expect(one).toEqual(before.get(one.hash));
    }),
  );
});

test('a withdrawn block is not sealed, and leaves the others as they were', () => {
  fc.assert(
    fc.property(documents, (list) => {
      const sealed = sealedRecords(lineageOf(list));
      const [gone] = sealed;
      expect(sealedRecords(lineageOf(list, [gone.hash]))).toEqual(sealed.slice(1));
    }),
  );
});

test('refinements of refinements keep the whole, and find their line in the first file', () => {
  const [contribution] = lineageOf([{ author: 'ann', arrival: 'x', blocks: ['p'] }]).contributions;
  const step = { refiner: 'refiner', ppm: 20_000 };
  const [sealed] = sealedRecords({
    contributions: [contribution],
    edges: [
      { ...step, parent: contribution.hash, child: 'clean', lines: [1, 4, 9] },
      { ...step, parent: 'clean', child: 'chunk', lines: [3] },
    ],
    replaced: new Set([contribution.hash, 'clean']),
    withdrawn: new Set(),
  });
  expect(sealed.source.line).toBe(9);
  const once = (WEIGHT_ONE * 20_000n) / 1_000_000n;
  const passed = refinedEntitlement(refinedEntitlement(ownersOf('ann'), step), step);
  expect(sealed.owners).toEqual(passed);
  expect(sealed.owners.find(({ party }) => party === 'refiner')?.weight).toBeGreaterThan(once);
});
