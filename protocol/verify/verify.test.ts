import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exampleReceipt } from '../../test/harness/example-receipt.ts';
import { utf8 } from '../bytes.ts';
import { canonicalize } from '../canonical.ts';
import type { InferenceReceipt } from '../receipt.ts';
import { poolName, type SnapshotExport } from '../snapshot.ts';
import { type Terms, termsHash } from '../terms.ts';
import { type Bundle, MAX_BUNDLE_BYTES } from './bundle.ts';
import { checkNames } from './check.ts';
import { recompute } from './recompute.ts';
import { firstFailure, verifyBundle } from './verify-bundle.ts';

const example = exampleReceipt();
const { bundle, trust, snapshots } = example;
const text = canonicalize(bundle);

const failureOf = (changed: Bundle | string | Uint8Array, by = trust) =>
  firstFailure(
    verifyBundle(
      typeof changed === 'string' || changed instanceof Uint8Array
        ? changed
        : canonicalize(changed),
      by,
    ),
  )?.check;

test('an honest receipt passes every check, in the order they are named', () => {
  const results = verifyBundle(text, trust);
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  expect(results.map(({ check }) => check)).toEqual(
    checkNames.filter((name) => !name.startsWith('recompute')),
  );
});

test('the example has what makes evidence hard: overlaps, an echo, commons, shared owners', () => {
  const spans = bundle.receipt.attribution?.spans ?? [];
  expect(spans.some(({ commons }) => commons)).toBe(true);
  expect(spans.some(({ information }) => information.includes(0))).toBe(true);
  expect(spans.some((span, i) => i > 0 && span.start < spans[i - 1].end)).toBe(true);
  expect(bundle.receipt.shares.length).toBeGreaterThan(3);
});

test('changing any single byte of a bundle fails a named check, whatever the byte becomes', () => {
  const bytes = utf8(text);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const changed = Uint8Array.from(bytes);
      changed[at] ^= mask;
      expect(checkNames).toContain(failureOf(changed));
    }),
    { numRuns: 1000 },
  );
});

test('at every byte of the receipt, the flipped bit is noticed', () => {
  const bytes = utf8(text);
  const receipt = canonicalize(bundle.receipt);
  const from = utf8(text.slice(0, text.indexOf(receipt))).length;
  const found = new Set<string | undefined>();
  for (let at = from; at < from + utf8(receipt).length; at++) {
    const changed = Uint8Array.from(bytes);
    changed[at] ^= 1 << (at % 8);
    found.add(failureOf(changed));
  }
  expect([...found].sort()).toEqual(['canonical', 'schema', 'signature']);
});

test.each([
  ['white space', text.replace(':', ': ')],
  ['a line at the end', `${text}\n`],
  ['a byte order mark', `\ufeff${text}`],
  ['a member twice', text.replace('{"anchor":', '{"anchor":null,"anchor":')],
  [
    'members in another order',
    JSON.stringify(Object.fromEntries(Object.entries(bundle).reverse())),
  ],
  ['an escape that need not be', text.replace('ledger', '\\u006cedger')],
  ['a number written otherwise', text.replace('"epoch":3', '"epoch":3.0')],
])('refuses %s as not canonical', (_, changed) => {
  expect(changed).not.toBe(text);
  expect(failureOf(changed)).toBe('canonical');
});

test('refuses a file that no honest bundle is as large as, before it reads it', () => {
  const [result] = verifyBundle(new Uint8Array(MAX_BUNDLE_BYTES + 1), trust);
  expect(result).toMatchObject({ check: 'canonical', ok: false });
  expect(result.detail).toContain('larger than');
});

test('refuses nesting that would exhaust the stack', () => {
  expect(failureOf('['.repeat(200_000) + ']'.repeat(200_000))).toBe('canonical');
});

test('refuses what the format does not know', () => {
  expect(failureOf(canonicalize({ ...bundle, extra: 1 }))).toBe('schema');
  expect(failureOf('null')).toBe('schema');
});

const otherHash = 'ab'.repeat(32);

test.each<[string, string, (honest: Bundle) => Bundle]>([
  [
    'signature',
    "another receipt's time",
    (b) => ({ ...b, receipt: { ...b.receipt, servedAt: '2026-01-03T00:00:00.000Z' } }),
  ],
  [
    'inclusion',
    'another place in the log',
    (b) => ({ ...b, inclusion: { ...b.inclusion, index: 3 } }),
  ],
  [
    'checkpoint',
    'another size',
    (b) => ({ ...b, checkpoint: b.checkpoint.replace('\n5\n', '\n6\n') }),
  ],
  [
    'checkpoint',
    'another origin',
    (b) => ({ ...b, checkpoint: b.checkpoint.replace('log.example', 'log.examples') }),
  ],
  [
    'anchor',
    'a root that nobody anchored',
    (b) => ({ ...b, anchor: b.anchor && { ...b.anchor, root: otherHash } }),
  ],
  [
    'anchor',
    'no proof of growth',
    (b) => ({ ...b, anchor: b.anchor && { ...b.anchor, consistency: [] } }),
  ],
  [
    'policy',
    'another policy',
    (b) => ({ ...b, policy: { ...b.policy, trace: { ...b.policy.trace, minWords: 5 } } }),
  ],
  [
    'snapshot',
    'another manifest',
    (b) => ({ ...b, snapshots: b.snapshots.map((one) => ({ ...one, sequence: 2 })) }),
  ],
  ['snapshot', 'no manifests', (b) => ({ ...b, snapshots: [] })],
  ['record', 'a record left out', (b) => ({ ...b, records: b.records.slice(1) })],
  [
    'record',
    'other owners',
    (b) => ({ ...b, records: b.records.map((one) => ({ ...one, owners: b.records[1].owners })) }),
  ],
  [
    'record',
    'words that are somebody else’s',
    (b) => ({
      ...b,
      records: b.records.map((one) => ({
        ...one,
        map: one.map.map(({ words }) => ({ words, owners: b.records[1].owners })),
      })),
    }),
  ],
  [
    'record',
    'another word given to an owner',
    (b) => ({
      ...b,
      records: b.records.map((one) => ({
        ...one,
        map: one.map.map((run, i) => (i === 0 ? { ...run, words: run.words + 1 } : run)),
      })),
    }),
  ],
  [
    'record',
    'another text',
    (b) => ({ ...b, records: b.records.map((one) => ({ ...one, text: `${one.text}!` })) }),
  ],
  ['channels', 'no proof of the draw', (b) => ({ ...b, draw: undefined })],
  ['channels', 'another proof of the draw', (b) => ({ ...b, draw: { consistency: [] } })],
  [
    'output',
    'another output',
    (b) => ({ ...b, disclosures: { output: { salt: otherHash, text: 'Never said.' } } }),
  ],
  [
    'output',
    'another request',
    (b) => ({ ...b, disclosures: { request: { salt: otherHash, text: '{}' } } }),
  ],
  [
    'price',
    'other terms than those named',
    (b) => ({ ...b, terms: b.terms && { ...b.terms, since: '2026-01-01T00:00:00.001Z' } }),
  ],
])('%s fails on %s', (check, _, change) => {
  expect(failureOf(change(bundle))).toBe(check);
});

test('believes only whom it was told to believe', () => {
  const [logKey] = exampleReceipt().trust.logKeys;
  const stranger = logKey.replace('log.example', 'log.example');
  expect(failureOf(text, { ...trust, signers: [`0x${'00'.repeat(20)}`] })).toBe('signature');
  expect(failureOf(text, { ...trust, anchors: undefined })).toBe('anchor');
  expect(failureOf(text, { ...trust, logKeys: [OTHER_LOG] })).toBe('checkpoint');
  expect(failureOf(text, { ...trust, logKeys: [OTHER_LOG, stranger] })).toBe(undefined);
});

/** The key of another log: the Go checksum database's, which is published in this form. */
const OTHER_LOG = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';

/** A signer lies and signs it: everything about the log is right, and still it is found. */
const lies: [string, string, (honest: InferenceReceipt) => InferenceReceipt][] = [
  [
    'arithmetic',
    'moves shares to himself',
    (r) => ({ ...r, shares: [{ to: r.parties.builder, weight: (2n ** 64n).toString() }] }),
  ],
  [
    'arithmetic',
    'inflates the grounded fraction',
    (r) => withEvidence(r, { groundedPpm: 999_999 }),
  ],
  [
    'arithmetic',
    'overstates what is covered',
    (r) => withEvidence(r, { information: { total: 1, covered: 2 } }),
  ],
  ['arithmetic', 'pays an echo', (r) => withSpans(r, (span) => ({ ...span, echo: true }))],
  [
    'arithmetic',
    'shares without an attribution',
    (r) => ({ ...r, attribution: null, channels: null }),
  ],
  ['policy', 'counts shorter passages than the policy', (r) => withEvidence(r, { minWords: 1 })],
  [
    'snapshot',
    "names a pool that is not the snapshot's",
    (r) => ({ ...r, snapshots: r.snapshots.map((one) => ({ ...one, pool: r.snapshots[0].pool })) }),
  ],
  [
    'snapshot',
    'pays a pool of context from which nothing was retrieved',
    (r) => ({ ...r, retrieved: [] }),
  ],
  [
    'snapshot',
    'hides that he retrieved from a snapshot',
    (r) => ({ ...r, snapshots: r.snapshots.filter(({ role }) => role !== 'context') }),
  ],
  [
    'snapshot',
    'names the snapshots in an order of his own',
    (r) => ({ ...r, snapshots: r.snapshots.toReversed() }),
  ],
  [
    'snapshot',
    'names two versions of one pool',
    (r) => ({
      ...r,
      snapshots: r.snapshots.map((one, i) =>
        i === 2 ? { ...one, pool: poolName(one.snapshot, 2) } : one,
      ),
    }),
  ],
  [
    'schema',
    'numbers the words of the passages against their order',
    (r) => withSpans(r, (span) => ({ ...span, firstWord: 40 - span.firstWord })),
  ],
  [
    'schema',
    'issues a second receipt for an inference',
    (r) => ({ ...r, id: `rct_${'5'.repeat(32)}` }),
  ],
  [
    'record',
    'cites a place where the passage does not stand',
    (r) =>
      withSpans(r, (span) => ({
        ...span,
        records: span.records.map((one) => ({ ...one, start: one.start + 1, end: one.end + 1 })),
      })),
  ],
  [
    'record',
    'numbers the first word of a passage in its record wrongly',
    (r) =>
      withSpans(r, (span) => ({
        ...span,
        records: span.records.map((one) => ({ ...one, firstWord: one.firstWord + 1 })),
      })),
  ],
  [
    'record',
    'cites a record from another snapshot',
    (r) =>
      withSpans(r, (span) => ({
        ...span,
        records: span.records.map((one) => ({ ...one, snapshot: r.snapshots[0].snapshot })),
      })),
  ],
  [
    'output',
    'counts the words wrongly',
    (r) => withSpans(r, (span) => ({ ...span, firstWord: span.firstWord + 1 })),
  ],
  ['channels', 'counts fewer passes than measuring takes', (r) => withDraw(r, { passes: 3 })],
  ['channels', 'calls likelier what he measured', (r) => withDraw(r, { ppm: 600_000 })],
  [
    'channels',
    'draws by a head of another log',
    (r) => withDraw(r, { checkpoint: { size: 2, root: otherHash } }),
  ],
  [
    'channels',
    'draws by a head that he could choose after the receipt',
    (r) => withDraw(r, { checkpoint: { size: 4, root: otherHash } }),
  ],
  [
    'channels',
    'keeps the scores to himself',
    (r) => ({ ...r, channels: r.channels && { ...r.channels, scores: null } }),
  ],
  [
    'channels',
    'leaves the adapter out of the game',
    (r) => withScores(r, ({ game }) => ({ game: { ...game, adapter: null } })),
  ],
  [
    'channels',
    'scores the context in the game and for its owners in two ways',
    (r) => withScores(r, ({ game }) => ({ game: { ...game, both: -1 } })),
  ],
  [
    'channels',
    'measures a record that was not in the prompt',
    (r) =>
      withScores(r, ({ context, influence }) => ({
        context: context && {
          ...context,
          owners: [{ records: [named(influence?.groups[0].records[0])] }],
        },
      })),
  ],
  [
    'channels',
    'counts one owner of context as two',
    (r) =>
      withScores(r, ({ context }) => ({
        context: context && {
          ...context,
          owners: [context.owners[0], context.owners[0]],
          scores: [context.scores[0], 0, 0, context.scores[1]],
        },
      })),
  ],
  [
    'channels',
    'says that the adapter learned from a record of the base',
    (r) =>
      withScores(r, ({ influence }) => ({
        influence: influence && {
          ...influence,
          groups: [{ score: 1, rest: 0, records: [{ ...baseRecordOf(r), score: 1 }] }],
        },
      })),
  ],
  [
    'arithmetic',
    'raises the score of a group after sharing',
    (r) =>
      withScores(r, ({ influence }) => ({
        influence: influence && {
          ...influence,
          groups: influence.groups.map((group) => ({ ...group, score: 4_000_000 })),
        },
      })),
  ],
  [
    'arithmetic',
    'says that the context was worth more than he measured',
    (r) =>
      withScores(r, ({ game, context }) => ({
        game: { ...game, both: -1 },
        context: context && { ...context, scores: [context.scores[0], -1] },
      })),
  ],
  [
    'price',
    'counts a token read as one written',
    (r) => ({ ...r, usage: { promptTokens: 12, completionTokens: 31 } }),
  ],
  ['price', 'calls it another price a token', (r) => pricedAs(r, { promptUnits: '0' })],
  ['price', 'gives a discount in secret', (r) => pricedAs(r, { ppm: 1_000_000 })],
  ['price', 'names other terms than there are', (r) => pricedAs(r, { hash: otherHash })],
  [
    'price',
    'gives an answer again at the whole price, unsaid',
    (r) => ({ ...r, cachedFrom: `rct_${'0'.repeat(32)}` }),
  ],
  [
    'split',
    'takes from the data leg',
    (r) => ({ ...r, legs: moveUnits(r.legs, 'data', 'operator') }),
  ],
  [
    'split',
    'pays another account',
    (r) => ({ ...r, legs: r.legs.map((leg) => ({ ...leg, account: 'treasury:protocol' })) }),
  ],
  [
    'split',
    'loses a unit',
    (r) => ({
      ...r,
      legs: r.legs.map((leg) => (leg.role === 'data' ? { ...leg, units: '1' } : leg)),
    }),
  ],
  [
    'split',
    "keeps the base model's floor",
    (r) => ({ ...r, parties: { ...r.parties, base: null }, legs: withoutFloor(r.legs) }),
  ],
  [
    'conservation',
    'names no transaction',
    (r) => ({ ...r, ledger: { ...r.ledger, transaction: null } }),
  ],
];

const pricedAs = (
  r: InferenceReceipt,
  by: Partial<NonNullable<InferenceReceipt['price']['terms']>>,
): InferenceReceipt => ({
  ...r,
  price: { ...r.price, terms: r.price.terms && { ...r.price.terms, ...by } },
});

test.each(lies)('%s fails when a signer %s', (check, _, lie) => {
  const lying = exampleReceipt(lie);
  expect(failureOf(lying.bundle, lying.trust)).toBe(check);
});

test('an old receipt, which names no terms, still verifies; a bundle has none to show of it', () => {
  const old = exampleReceipt((r) => ({ ...r, price: { asset: 'OPEN', units: r.price.units } }));
  expect(failureOf(old.bundle, old.trust)).toBe(undefined);
  expect(failureOf({ ...old.bundle, terms: bundle.terms }, old.trust)).toBe('price');
});

test('a receipt whose bundle does not show the terms is checked by what it says of them', () => {
  expect(failureOf({ ...bundle, terms: undefined })).toBe(undefined);
});

test('terms of another model or another operator are none of this receipt', () => {
  for (const other of [
    { model: 'tiny:docs@2' },
    { operator: { name: 'local', party: bundle.receipt.parties.payer } },
    { promptUnits: '2' },
  ]) {
    const terms = { ...(bundle.terms as Terms), ...other };
    const lying = exampleReceipt((r) => pricedAs(r, { hash: termsHash(terms) }));
    expect(failureOf({ ...lying.bundle, terms }, lying.trust)).toBe('price');
  }
});

const smallUnits = fc.bigInt({ min: 0n, max: 20n });

test('exactly those receipts are accepted whose price is the usage by the terms, or the part of it that an answer given again costs', () => {
  fc.assert(
    fc.property(
      fc.record({
        usage: fc.record({ promptTokens: fc.nat(20), completionTokens: fc.nat(20) }),
        pricing: fc.record({ promptUnits: smallUnits, completionUnits: smallUnits }),
        ppm: fc.option(fc.nat(1_000_000), { nil: undefined }),
        isAgain: fc.boolean(),
        wrongBy: fc.constantFrom(0n, 0n, 1n, -1n),
      }),
      ({ usage, pricing, ppm, isAgain, wrongBy }) => {
        // The part of a token's price, in whole units, none of it given away.
        const token = (units: bigint) => Math.ceil((Number(units) * (ppm ?? 1e6)) / 1e6);
        const price =
          BigInt(usage.promptTokens * token(pricing.promptUnits)) +
          BigInt(usage.completionTokens * token(pricing.completionUnits)) +
          wrongBy;
        fc.pre(price >= 0n);
        const units = {
          promptUnits: `${pricing.promptUnits}`,
          completionUnits: `${pricing.completionUnits}`,
        };
        const { receipt } = bundle;
        const terms = { ...(bundle.terms as Terms), ...units };
        const changed: Bundle = {
          ...{ ...bundle, terms },
          receipt: {
            ...{ ...receipt, usage, cachedFrom: isAgain ? `rct_${'0'.repeat(32)}` : undefined },
            price: {
              ...{ asset: 'OPEN', units: `${price}` },
              terms: { hash: termsHash(terms), ...units, ppm },
            },
          },
        };
        const verdict = verifyBundle(canonicalize(changed), trust).find(
          ({ check }) => check === 'price',
        );
        expect(verdict?.ok).toBe(wrongBy === 0n && isAgain === (ppm !== undefined));
      },
    ),
    { numRuns: 200 },
  );
});

test('without disclosures the rest still holds, and so it does without a withdrawn text', () => {
  expect(failureOf({ ...bundle, disclosures: {} })).toBe(undefined);
  const withdrawn = { ...bundle, records: bundle.records.map((one) => ({ ...one, text: null })) };
  expect(failureOf(withdrawn)).toBe(undefined);
  const record = verifyBundle(canonicalize(withdrawn), trust).find((r) => r.check === 'record');
  expect(record).toMatchObject({ ok: true, withdrawn: bundle.records.length });
  expect(record?.detail).toContain('withdrawn');
});

const redo = (changed: Bundle = bundle, from = snapshots) =>
  recompute(changed, from).filter(({ ok }) => !ok);

test('recomputing an honest receipt from the texts finds the same', () => {
  expect(redo()).toEqual([]);
});

test('recompute finds a passage that a signer left out', () => {
  const lying = exampleReceipt((receipt) =>
    withEvidence(receipt, { spans: receipt.attribution?.spans.slice(1) }),
  );
  const [failure] = redo(lying.bundle, lying.snapshots);
  expect(failure.check).toBe('recompute-trace');
  expect(failure.detail).toContain('leaves out a passage');
});

test('recompute finds that a context was measured without one of its records', () => {
  const lying = exampleReceipt((receipt) =>
    withScores(receipt, ({ game }) => ({
      ...{ context: null, game: { ...game, context: null, both: null } },
    })),
  );
  const [failure] = redo(lying.bundle, lying.snapshots);
  expect(failure).toMatchObject({ check: 'recompute-channels' });
  expect(failure.detail).toContain('without record');
});

test('recompute finds a record that was never in the snapshot it is said to be from', () => {
  const lying = exampleReceipt((receipt) => ({
    ...receipt,
    retrieved: [{ ...receipt.retrieved[0], record: otherHash }],
  }));
  const [failure] = redo(lying.bundle, lying.snapshots);
  expect(failure).toMatchObject({ check: 'recompute-snapshot' });
  expect(failure.detail).toContain('does not hold');
});

const withdrawFirst = (from: readonly SnapshotExport[]): SnapshotExport[] =>
  from.map((one) => ({
    ...one,
    records: one.records.map(({ text: _, ...record }, i) =>
      i === 0 ? { ...record, withdrawnFrom: 2 } : one.records[i],
    ),
  }));

test('what does not hang on withdrawn texts is recomputed all the same', () => {
  const inflated = exampleReceipt((receipt) => {
    const { total, covered } = receipt.attribution?.information ?? { total: 0, covered: 0 };
    return withEvidence(receipt, { information: { total: total + 1, covered } });
  });
  const [failure] = redo(inflated.bundle, withdrawFirst(inflated.snapshots));
  expect(failure.check).toBe('recompute-trace');
  expect(failure.detail).toContain('information');
});

test('says how many records were withdrawn before, since nothing shows that they were', () => {
  const later = {
    ...bundle.receipt.snapshots[0],
    pool: poolName(snapshots[0].manifest.snapshot, 2),
  };
  const [result] = recompute(
    { ...bundle, receipt: { ...bundle.receipt, snapshots: [later] } },
    withdrawFirst(snapshots),
  );
  expect(result).toMatchObject({ check: 'recompute-snapshot', ok: true, withdrawn: 1 });
});

test('a table of words that lacks what the remaining texts say is found, withdrawals or not', () => {
  const lacking = exampleReceipt(undefined, ({ words, total, counts }) => ({
    words,
    total: total - (counts.get('the') ?? 0),
    counts: new Map([...counts].filter(([word]) => word !== 'the')),
  }));
  for (const from of [lacking.snapshots, withdrawFirst(lacking.snapshots)]) {
    expect(redo(lacking.bundle, from)[0].check).toBe('recompute-information');
  }
});

const alter = (change: (one: SnapshotExport) => SnapshotExport) => [
  change(snapshots[0]),
  snapshots[1],
];

test.each<[string, string, readonly SnapshotExport[]]>([
  ['recompute-snapshot', 'a missing snapshot', snapshots.slice(1)],
  ['recompute-snapshot', 'one snapshot in the place of another', [snapshots[0], snapshots[0]]],
  [
    'recompute-snapshot',
    'a missing record',
    alter((one) => ({ ...one, records: one.records.slice(1) })),
  ],
  [
    'recompute-snapshot',
    'another text',
    alter((one) => ({ ...one, records: one.records.map((r) => ({ ...r, text: 'x' })) })),
  ],
  [
    'recompute-snapshot',
    'other owners',
    alter((one) => ({ ...one, entitlements: one.entitlements.toReversed() })),
  ],
  [
    'recompute-snapshot',
    'more owned than was sealed',
    alter((one) => ({
      ...one,
      records: one.records.map((r) => ({ ...r, owned: { owners: 0, information: r.information } })),
    })),
  ],
  [
    'recompute-snapshot',
    'words that are somebody else’s',
    alter((one) => ({
      ...one,
      records: one.records.map((r) => ({
        ...r,
        map: r.map.map(([words]) => [words, 0] as [number, number]),
      })),
    })),
  ],
  [
    'recompute-snapshot',
    'fewer words owned than there are',
    alter((one) => ({
      ...one,
      records: one.records.map((r) => ({ ...r, map: r.map.slice(1) })),
    })),
  ],
  [
    'recompute-information',
    'another word count',
    alter((one) => ({ ...one, information: { ...one.information, total: 99 } })),
  ],
  [
    'recompute-information',
    "another record's information",
    alter((one) => ({ ...one, records: one.records.map((r) => ({ ...r, information: '7' })) })),
  ],
  [
    'recompute-shares',
    'other members of a pool',
    alter((one) => ({ ...one, pools: [{ version: 1, members: one.entitlements[0] }] })),
  ],
])('%s fails on %s', (check, _, changed) => {
  expect(redo(bundle, changed)[0]?.check).toBe(check);
});

test('recompute says what it cannot redo: texts undisclosed, texts withdrawn since', () => {
  expect(redo({ ...bundle, disclosures: {} })[0].detail).toContain('not disclosed');
  const results = recompute(bundle, withdrawFirst(snapshots));
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  expect(results.find(({ check }) => check === 'recompute-trace')?.withdrawn).toBe(2);
  expect(results.map(({ detail }) => detail).join()).toContain('withdrawn since');
});

function withEvidence(
  receipt: InferenceReceipt,
  change: Partial<NonNullable<InferenceReceipt['attribution']>>,
): InferenceReceipt {
  return { ...receipt, attribution: receipt.attribution && { ...receipt.attribution, ...change } };
}

type Scores = NonNullable<NonNullable<InferenceReceipt['channels']>['scores']>;

function withScores(
  receipt: InferenceReceipt,
  change: (scores: Scores) => Partial<Scores>,
): InferenceReceipt {
  const { channels } = receipt;
  if (!channels?.scores) throw new Error('The example was measured.');
  const scores = { ...channels.scores, ...change(channels.scores) };
  return { ...receipt, channels: { ...channels, scores } };
}

type Draw = NonNullable<InferenceReceipt['channels']>['draw'];

const withDraw = (receipt: InferenceReceipt, change: Partial<Draw>): InferenceReceipt => ({
  ...receipt,
  channels: receipt.channels && {
    ...receipt.channels,
    draw: { ...receipt.channels.draw, ...change },
  },
});

const named = (one: { record: string; snapshot: `snp_${string}` } | undefined) => {
  if (!one) throw new Error('The example names a record for influence.');
  return { record: one.record, snapshot: one.snapshot };
};

/** One that a passage cites, and the adapter did not learn from. */
const baseRecordOf = ({ attribution, snapshots }: InferenceReceipt) => {
  const base = snapshots.find(({ role }) => role === 'base')?.snapshot;
  return named(
    attribution?.spans.flatMap(({ records }) => records).find(({ snapshot }) => snapshot === base),
  );
};

type Span = NonNullable<InferenceReceipt['attribution']>['spans'][number];

const withSpans = (receipt: InferenceReceipt, change: (span: Span) => Span) =>
  withEvidence(receipt, { spans: receipt.attribution?.spans.map(change) });

/** The legs as they would be if no adapter had been served. */
const withoutFloor = (legs: InferenceReceipt['legs']) =>
  moveUnits(legs, 'base', 'builder', legs.find(({ role }) => role === 'base')?.units).filter(
    ({ role }) => role !== 'base',
  );

const moveUnits = (legs: InferenceReceipt['legs'], from: string, to: string, units = '1') =>
  legs.map((leg) => {
    const change = leg.role === from ? -BigInt(units) : leg.role === to ? BigInt(units) : 0n;
    return { ...leg, units: (BigInt(leg.units) + change).toString() };
  });
