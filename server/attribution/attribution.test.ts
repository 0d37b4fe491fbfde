import {
  defaultPolicy,
  type EntitlementVector,
  type Evidence,
  groundedPpm,
  type Id,
  informationIn,
  measuredFrom,
  PPM_ONE,
  sha256Hex,
  shareByChannels,
  unigramTable,
  WEIGHT_ONE,
  wordCount,
} from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { unmeasured } from '../../test/harness/unmeasured.ts';
import type { Inference } from '../gateway/index.ts';
import { createGovernance, type Governance } from '../governance/index.ts';
import { systemClock } from '../platform/clock.ts';
import { sql } from '../platform/sql.ts';
import { type Attributions, createAttributions } from './index.ts';

const [ada, bob, eve] = [...'abe'].map((name) => `pty_${name.repeat(32)}`);
const snapshotId = (name: string): Id<'snapshot'> => `snp_${name.repeat(32)}`;
const [DOCS, BOOKS] = [snapshotId('1'), snapshotId('2')];
const poolOf = (id: string) => `pool:${id}:${poolVersion}`;

const ADA =
  'A ledger keeps every posting for ever, and each of its balances can be replayed from them.';
const BOB =
  'Seals are pressed into warm wax, so that whoever opens the letter cannot hide that he did.';
const BOTH = 'Nobody may mint a coin without telling the whole guild about it in the same hour.';
const EVE =
  'Rivers bend slowly around old hills while the fishermen wait for another quiet evening.';

const whole = (party: string): EntitlementVector => [{ party, weight: WEIGHT_ONE }];
const half = WEIGHT_ONE / 2n;
/** What evidence gives to who owns all words of an answer. */
const trusted = (WEIGHT_ONE * BigInt(defaultPolicy.trace.confidencePpm)) / BigInt(PPM_ONE);

const records = (...list: readonly (readonly [string, EntitlementVector])[]) =>
  list.map(([text, owners]) => ({ hash: sha256Hex(text), text, owners }));
const sealed = (name: string, content: ReturnType<typeof records>) => ({
  hash: sha256Hex(name),
  records: content,
  information: unigramTable(content.map(({ text }) => text)),
});
const snapshots = new Map<string, ReturnType<typeof sealed>>([
  [
    DOCS,
    sealed(
      'docs',
      records(
        [ADA, whole(ada)],
        [BOB, whole(bob)],
        [
          BOTH,
          [
            { party: ada, weight: half },
            { party: bob, weight: half },
          ],
        ],
      ),
    ),
  ],
  [BOOKS, sealed('books', records([EVE, whole(eve)], [ADA, whole(eve)]))],
]);
const withdrawn = new Set<string>();
let poolVersion = 1;
let whenAsked = () => {};

function withdraw(text: string): void {
  withdrawn.add(sha256Hex(text));
  poolVersion += 1;
}

function restore(): void {
  withdrawn.clear();
  poolVersion = 1;
}

/** All words are all owners'. */
const mapOf = ({ text, owners }: { readonly text: string; readonly owners: EntitlementVector }) => [
  { words: wordCount(text), owners },
];

const inferences = new Map<string, Partial<Inference>>();
let database: TestDatabase;
let governance: Governance;
let attributions: Attributions;

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  governance = await createGovernance({ db, clock: systemClock });
  attributions = createAttributions({
    ...{ db, clock: systemClock, ...unmeasured, governance },
    gateway: { find: async (id) => inferences.get(id) as Inference },
    snapshots: {
      load: async (id) => {
        const { records, ...sealed } = snapshots.get(id)!;
        return { ...sealed, records: records.map((one) => ({ ...one, map: mapOf(one) })) };
      },
      standing: async (id) => {
        const standing = { withdrawn: new Set(withdrawn), pool: poolOf(id) };
        whenAsked();
        return standing;
      },
    },
  });
});
afterAll(() => database.drop());

/** A served inference of a model that learned DOCS as its base, unless it says otherwise. */
async function attributed(facts: {
  readonly output: string;
  readonly clientTexts?: readonly string[];
  readonly learned?: readonly string[];
  readonly retrieved?: Inference['retrieved'];
}) {
  const inferenceId = `inf_${(inferences.size + 1).toString().padStart(32, '0')}`;
  const learned = facts.learned ?? [DOCS];
  inferences.set(inferenceId, {
    inferenceId: inferenceId as Inference['inferenceId'],
    status: 'served',
    output: facts.output,
    clientTexts: facts.clientTexts ?? [],
    retrieved: facts.retrieved ?? [],
    route: {
      snapshots: learned.map((id) => ({ snapshotId: id, hash: 'x', role: 'base' as const })),
    } as unknown as Inference['route'],
  });
  await attributions.attribute(inferenceId);
  const attribution = await attributions.find(inferenceId);
  const weights = new Map(attribution.shares.map(({ to, weight }) => [to, weight]));
  return { ...attribution, weights };
}

const informationOf = (text: string, ...ids: readonly string[]) => {
  const tables = unigramTable(
    ids.flatMap((id) => snapshots.get(id)!.records.map((record) => record.text)),
  );
  return (text.match(/\w+/g) ?? []).reduce(
    (sum, word) => sum + BigInt(informationIn(tables)(word)),
    0n,
  );
};

test('an output that repeats one author whole gives him the confidence and the prior the rest', async () => {
  const { weights, evidence, snapshots: named } = await attributed({ output: ADA });
  expect(weights).toEqual(
    new Map([
      [poolOf(DOCS), WEIGHT_ONE - trusted],
      [ada, trusted],
    ]),
  );
  expect(evidence).toMatchObject({ groundedPpm: 1_000_000, spans: [{ start: 0, words: 17 }] });
  expect(ADA.slice(0, evidence?.spans[0].end)).toBe(ADA.slice(0, -1)); // the final stop is trimmed
  expect(named).toEqual([
    { snapshot: DOCS, hash: sha256Hex('docs'), role: 'base', pool: poolOf(DOCS) },
  ]);
});

test('worked by hand: each author has of what the words of his passage say as much as it is trusted', async () => {
  const made = 'Purple engines sing';
  const { weights, evidence } = await attributed({ output: `${ADA} ${made} ${BOTH}` });
  const [fromAda, fromBoth] = [informationOf(ADA, DOCS), informationOf(BOTH, DOCS)];
  const total = fromAda + fromBoth + informationOf(made, DOCS);

  const part = (information: bigint) =>
    (BigInt(defaultPolicy.trace.confidencePpm) * information * WEIGHT_ONE) /
    (2n * total * BigInt(PPM_ONE));
  expect(weights.get(ada)).toBe(part(2n * fromAda + fromBoth));
  expect(weights.get(bob)).toBe(part(fromBoth));
  expect(weights.get(poolOf(DOCS))).toBe(
    WEIGHT_ONE - part(2n * fromAda + fromBoth) - part(fromBoth),
  );
  expect(evidence?.groundedPpm).toBe(Number(((fromAda + fromBoth) * 1_000_000n) / total));
});

test('what the client supplied is echo: it earns nothing and grounds nothing', async () => {
  const { weights, evidence } = await attributed({ output: ADA, clientTexts: [`Repeat: ${ADA}`] });
  expect(weights).toEqual(new Map([[poolOf(DOCS), WEIGHT_ONE]]));
  expect(evidence).toMatchObject({ groundedPpm: 0, information: { total: 0, covered: 0 } });
});

test('of a snapshot that was retrieved from, only the records in the prompt are traced', async () => {
  const retrieved = [{ recordHash: sha256Hex(EVE), snapshotId: BOOKS }];
  const found = await attributed({ output: EVE, retrieved });
  expect(found.snapshots.map(({ role }) => role)).toEqual(['base', 'context']);
  expect(found.weights).toEqual(
    new Map([
      [poolOf(DOCS), half],
      [poolOf(BOOKS), half - trusted / 2n],
      [eve, trusted / 2n], // of the context's part, which is half
    ]),
  );
  const other = [{ recordHash: sha256Hex(ADA), snapshotId: BOOKS }];
  expect((await attributed({ output: EVE, retrieved: other })).weights.has(eve)).toBe(false);
});

test('a record that several snapshots hold pays by the first that is named', async () => {
  const retrieved = [{ recordHash: sha256Hex(ADA), snapshotId: BOOKS }];
  const { weights, evidence } = await attributed({ output: ADA, retrieved });
  expect([weights.get(ada), weights.get(eve)]).toEqual([2n * (trusted / 2n), undefined]);
  expect(evidence?.spans[0].records).toMatchObject([{ snapshot: DOCS }]);
});

test('a withdrawn record is neither found nor paid', async () => {
  withdraw(BOB);
  const { weights } = await attributed({ output: BOB });
  expect(weights).toEqual(new Map([[poolOf(DOCS), WEIGHT_ONE]]));
  restore();
  expect((await attributed({ output: BOB })).weights.get(bob)).toBe(trusted);
});

test('a withdrawal in between does not split a snapshot into two versions', async () => {
  whenAsked = () => withdraw(BOB);
  const retrieved = [{ recordHash: sha256Hex(ADA), snapshotId: DOCS }];
  const { snapshots: named } = await attributed({ output: ADA, retrieved });
  expect(named.map(({ role, pool }) => [role, pool])).toEqual([
    ['base', `pool:${DOCS}:1`],
    ['context', `pool:${DOCS}:1`],
  ]);
  whenAsked = () => {};
  restore();
});

test('without registered data there are no shares and no evidence', async () => {
  const { weights, evidence, snapshots: named } = await attributed({ output: ADA, learned: [] });
  expect([weights.size, evidence, named]).toEqual([0, undefined, []]);
});

test('whoever holds evidence, entitlements and policy gets the same shares', async () => {
  const {
    shares,
    evidence,
    snapshots: named,
  } = await attributed({
    output: `${BOTH} It rains. ${EVE} ${ADA}`,
    clientTexts: [EVE],
    learned: [DOCS, BOOKS],
  });
  const { policy } = await governance.policyInForce();
  const ownersOf = (hash: string) =>
    [DOCS, BOOKS]
      .flatMap((id) => snapshots.get(id)!.records)
      .find((record) => record.hash === hash)!
      .owners.map(({ party, weight }) => ({ to: party, weight }));
  const measure = (part: Evidence) => measuredFrom(part, ownersOf);
  const again = shareByChannels({
    ...{ policy, snapshots: named, retrieved: [], evidence: evidence!, channels: undefined },
    ...{ measure, ownersOf },
  });
  expect(again).toEqual(shares);
  expect(groundedPpm(measure(evidence!))).toBe(evidence!.groundedPpm);
});

test('an inference is attributed and announced once', async () => {
  const { inferenceId, attributionId } = await attributed({ output: ADA });
  await Promise.all([attributions.attribute(inferenceId), attributions.attribute(inferenceId)]);
  expect((await attributions.find(inferenceId)).attributionId).toBe(attributionId);
  const jobs = await database.db.query<{ payload: { inferenceId: string } }>(sql`
    select payload
    from graphile_worker.jobs
    join graphile_worker._private_jobs using (id)
    where jobs.task_identifier = 'inference.attributed'`);
  expect(jobs.filter(({ payload }) => payload.inferenceId === inferenceId)).toHaveLength(1);
});

test('what was not served is not attributed', async () => {
  inferences.set('inf_void', { status: 'void' });
  await expect(attributions.attribute('inf_void')).rejects.toMatchObject({ code: 'conflict' });
  await expect(attributions.find('inf_void')).rejects.toMatchObject({ code: 'not_found' });
});

test('counts the inferences of so many days that cite any of some records, each once, echoes left out', async () => {
  const counted = (most = 1000, days = 30) =>
    attributions.countCiting({ recordHashes: [BOB, BOTH].map(sha256Hex), days, most });
  const before = await counted();
  await attributed({ output: `${BOB} ${BOTH}` });
  await attributed({ output: BOTH });
  await attributed({ output: ADA });
  await attributed({ output: BOB, clientTexts: [BOB] });
  expect(await counted()).toBe(before + 2);
  expect(await counted(1)).toBe(1);
  expect(await counted(1000, 0)).toBe(0);
  const nobodys = { recordHashes: [sha256Hex('nobody')], days: 30, most: 1000 };
  expect(await attributions.countCiting(nobodys)).toBe(0);
});

test('counts word tokens over a snapshot, withdrawn records left out', async () => {
  expect(await attributions.count(DOCS, 'posting  for ever')).toEqual({
    basis: 'word-tokens',
    words: 'words-1',
    occurrences: 1,
    records: 1,
  });
  withdraw(ADA);
  expect(await attributions.count(DOCS, 'posting for ever')).toMatchObject({ occurrences: 0 });
  restore();
});

test('the summary weighs grounded information over all inferences', async () => {
  const { inferences: count, grounded, groundedPpm } = await attributions.summary();
  expect(count).toBeGreaterThan(grounded);
  expect(groundedPpm).toBeGreaterThan(0);
  expect(groundedPpm).toBeLessThan(1_000_000);
});

test('traces any text against snapshots: offsets past astral characters, owners, and what of it is grounded', async () => {
  const text = `\u{1F600} \u{20BB7} says: ${ADA} And nothing else that is known.`;
  const { rules, texts } = await attributions.trace({ texts: [text, 'x'], snapshotIds: [DOCS] });
  expect(rules).toEqual({ minWords: 8, maxRecords: 64 });
  const [{ spans, owners, total, covered }, nothing] = texts;
  expect(spans).toHaveLength(1);
  const [span] = spans;
  expect(`${text.slice(span.start, span.end)}.`).toBe(ADA);
  expect([...text].slice(span.codePoints.start, span.codePoints.end).join('')).toBe(
    text.slice(span.start, span.end),
  );
  expect(span.records).toEqual([
    { hash: sha256Hex(ADA), snapshotId: DOCS, start: 0, end: span.end - span.start },
  ]);
  expect(owners).toEqual([{ party: ada, information: covered }]);
  expect(span).toMatchObject({ owners, information: covered, commons: false, words: 17 });
  expect(covered).toBe(informationOf(ADA, DOCS));
  expect(total).toBeGreaterThan(covered);
  expect(nothing).toMatchObject({ spans: [], owners: [], covered: 0n });
});

test('traces a text of 100 kB, each passage where it stands', async () => {
  const filler = Array.from({ length: 12_000 }, (_, i) => `unheard${i}`).join(' ');
  const text = `${filler} ${ADA} ${filler} ${BOB}`;
  expect(text.length).toBeGreaterThan(100_000);
  const [{ spans }] = (await attributions.trace({ texts: [text], snapshotIds: [DOCS] })).texts;
  expect(spans.map(({ start, end }) => `${text.slice(start, end)}.`)).toEqual([ADA, BOB]);
});

test('a traced record counts by the first snapshot named, and not at all once it is withdrawn', async () => {
  const traced = async (...snapshotIds: readonly string[]) =>
    (await attributions.trace({ texts: [ADA], snapshotIds })).texts[0];
  expect((await traced(DOCS, BOOKS)).owners.map(({ party }) => party)).toEqual([ada]);
  expect((await traced(BOOKS, DOCS)).owners.map(({ party }) => party)).toEqual([eve]);
  withdraw(ADA);
  expect(await traced(BOOKS, DOCS)).toMatchObject({ spans: [], owners: [], covered: 0n });
  restore();
});

test('a caller may ask for shorter passages than the policy pays', async () => {
  const order = { texts: [ADA.split(' ').slice(0, 5).join(' ')], snapshotIds: [DOCS] };
  expect((await attributions.trace(order)).texts[0].spans).toEqual([]);
  const { texts } = await attributions.trace({ ...order, rules: { minWords: 5 } });
  expect(texts[0].spans).toMatchObject([{ words: 5 }]);
});
