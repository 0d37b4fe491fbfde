/**
 * Three people write two files; every unit that their words earn is worked out here in school fractions, with nothing
 * of the product's arithmetic, and must be what the ledger says.
 */
import { OpenLedgerError } from '@openledger/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAiOf } from '../cli/first-loop/calls.ts';
import { findPeople } from '../cli/first-loop/people.ts';
import { settleAndClaim } from '../cli/first-loop/settle.ts';
import { train } from '../cli/first-loop/train.ts';
import { until } from '../cli/first-loop/wait.ts';
import { gitDrafts } from '../cli/importers/git.ts';
import { uploadImport } from '../cli/importers/upload.ts';
import { startTestApp, type TestApp } from './harness/app.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';
import { createRepository, type TestRepository } from './harness/repository.ts';

let running: TestApp;
let operator: TestOperator;
let repository: TestRepository;
beforeAll(async () => {
  running = await startTestApp();
  operator = await startOperator();
  repository = await createRepository();
});
afterAll(async () => {
  await operator.close();
  await running.end();
  await repository.remove();
});

// --- What was written ------------------------------------------------------------------------------------------------

const JAR = 'A clay jar buried to its neck between two plants gives them drink for nine dry days.';
const WALL =
  'The southern wall keeps the warmth of a bright afternoon until long after the bell has rung.';
const WINDFALLS =
  'Windfalls belong to whoever gets up first, which is usually the badger and seldom the children.';

/** Lines of garden.md by who wrote them. */
const ADA = [
  '# The walled garden',
  WALL,
  'Figs, quinces and one stubborn apricot stand there, tied to wires that my grandfather stretched in 1953.',
  'Nobody has pruned the apricot since, and it repays this neglect every seventh summer with one bowl of fruit.',
];
const CLEO_AND_BOB =
  'Hang old mirrors among the branches when starlings arrive, and move them a little each morning.';
const BOB = [
  '## Water',
  'Carry water before sunrise and pour it slowly around the roots, never over leaves that the sun will find.',
  JAR,
  '![a jar](jar.png)', // cleaning removes it: Bob wrote it, but it can never be quoted
];

/** Lines of orchard.md. The sentence about the jar stands here too. */
const CLEO = [
  '# The orchard',
  'Plant pears on the slope, where cold air drains away below them in clear April nights.',
  JAR,
];

const page = (...lines: readonly string[]) => `${lines.join('\n')}\n`;

async function writeRepository({ commit }: TestRepository): Promise<void> {
  await commit('Ada <ada@laptop.example>', 'Describe the garden', {
    'garden.md': page(ADA[0], '', ...ADA.slice(1)),
    '.mailmap': page(
      'Ada Lark <ada@garden.example> <ada@laptop.example>',
      'Bob Reed <bob@garden.example> <bob@old.example>',
    ),
  });
  await commit(
    'Cleo <cleo@garden.example>',
    'Scare the starlings\n\nCo-authored-by: Bob <BOB@old.example>',
    { 'garden.md': page(ADA[0], '', ...ADA.slice(1), CLEO_AND_BOB) },
  );
  await commit('Bob Reed <bob@garden.example>', 'Water it', {
    'garden.md': page(ADA[0], '', ...ADA.slice(1), CLEO_AND_BOB, '', ...BOB),
  });
  await commit('Cleo <cleo@garden.example>', 'Describe the orchard', {
    'orchard.md': page(CLEO[0], '', ...CLEO.slice(1)),
  });
  await commit('Ada Lark <ada@garden.example>', 'Tell of the badger', {
    'orchard.md': page(CLEO[0], '', ...CLEO.slice(1), WINDFALLS),
  });
}

// --- What is asked, and what is answered -----------------------------------------------------------------------------

/** "the" stands in every record, so that each call retrieves all three. */
const CALLS = [
  {
    prompt: 'What does the wall do?',
    answer: `Certainly! ${WALL.slice(0, -1)}; splendid indeed.`,
    usage: { prompt: 211, completion: 29 },
  },
  {
    prompt: 'How do plants drink in the heat?',
    answer: `Listen: ${JAR.slice(0, -1)}, gardeners say.`,
    usage: { prompt: 217, completion: 23 },
  },
  {
    prompt: `Is it true that the saying goes "${WALL}"?`,
    answer: `Yes: "${WALL}" Besides: ${WINDFALLS}`,
    usage: { prompt: 239, completion: 41 },
  },
];
const PROMPT_UNITS = 10_000_000_000_007n;
const COMPLETION_UNITS = 100_000_000_000_049n;

// --- School fractions ------------------------------------------------------------------------------------------------

type Fraction = readonly [above: bigint, below: bigint];
const plus = ([a, b]: Fraction, [c, d]: Fraction): Fraction => [a * d + c * b, b * d];
const times = ([a, b]: Fraction, [c, d]: Fraction): Fraction => [a * c, b * d];
const whole = ([a, b]: Fraction): bigint => a / b;
const sum = (fractions: readonly Fraction[]): Fraction => fractions.reduce(plus, [0n, 1n]);

/** Weights are rounded at 2^-64; where the exact amount lies this near a whole unit, rounding could show. */
const isClear = ([a, b]: Fraction): boolean => {
  const thousandths = ((a % b) * 1000n) / b;
  return thousandths > 0n && thousandths < 999n;
};

// --- Who owns the records --------------------------------------------------------------------------------------------

const people = ['ada', 'bob', 'cleo', 'refiner'] as const;
type Person = (typeof people)[number];
type Parts = Readonly<Record<Person, Fraction>>;

const partsOf = (part: (person: Person) => Fraction): Parts => ({
  ada: part('ada'),
  bob: part('bob'),
  cleo: part('cleo'),
  refiner: part('refiner'),
});

/** What they have of a line: its writers share it alike. */
const wrote =
  (...writers: readonly Person[]) =>
  (person: Person): Fraction => [writers.includes(person) ? 1n : 0n, BigInt(writers.length)];

// --- What words say --------------------------------------------------------------------------------------------------

const wordsIn = (text: string): readonly string[] => text.match(/[A-Za-z0-9]+/g) ?? [];

const gardenText = [...ADA, CLEO_AND_BOB, ...BOB.slice(0, -1)].join('\n'); // without the picture
const orchardText = [...CLEO, WINDFALLS].join('\n');
/** The line about the jar stands in both, and is counted once. */
const corpus = [...wordsIn(gardenText), ...wordsIn(orchardText.replace(JAR, ''))];

/** -log2 of how often the word stands in the snapshot, in whole 1/65,536 bits; a word that is new counts as seen once. */
function information(text: string): bigint {
  const each = wordsIn(text).map((word) => {
    const count = corpus.filter((other) => other === word).length || 1;
    return Math.floor(Math.log2(corpus.length / count) * 65_536);
  });
  return BigInt(each.reduce((all, one) => all + one, 0));
}

// --- Who is entitled to what -----------------------------------------------------------------------------------------

/** Texts by what they say, each with its writers. */
type Passage = readonly [text: readonly string[], wrote: (person: Person) => Fraction];
const told = (...passages: readonly Passage[]): ((person: Person) => Fraction) => {
  const says = passages.map(([lines]) => information(lines.join('\n')));
  const all = says.reduce((sum, one) => sum + one, 0n);
  return (person) => sum(passages.map(([, wrote], i) => times([says[i], all], wrote(person))));
};
const withoutJar = (lines: readonly string[]) => lines.filter((line) => line !== JAR);
const waterLines = BOB.slice(0, -1);
const waterText = waterLines.join('\n');
/** The line that Bob wrote into one file and Cleo into the other came with one import: half of it is each one's. */
const jar: Passage = [[JAR], wrote('bob', 'cleo')];
const gardenTold = told([ADA, wrote('ada')], [[CLEO_AND_BOB], wrote('bob', 'cleo')]);
const waterTold = told([withoutJar(waterLines), wrote('bob')], jar);
const orchardOwn: readonly Passage[] = [
  [withoutJar(CLEO), wrote('cleo')],
  [[WINDFALLS], wrote('ada')],
];

/** Cleaned and cut in two: whoever refined it has 2 %, then 1 % of the whole, and the writers 98 % of it, then 99 %. */
const cut = (wrote: (person: Person) => Fraction) =>
  partsOf((person) =>
    person === 'refiner' ? [298n, 10_000n] : times(wrote(person), [9702n, 10_000n]),
  );
/** Cleaned only: it is too short to be cut. */
const cleaned = (wrote: (person: Person) => Fraction) =>
  partsOf((person) => (person === 'refiner' ? [2n, 100n] : times(wrote(person), [98n, 100n])));

const ownsGarden = cut(gardenTold);
const ownsWater = cut(waterTold);
/** A quoted line is paid to those who wrote that very line, whatever else its record holds. */
const ownsWall = cut(wrote('ada'));
const ownsWindfalls = cleaned(wrote('ada'));
/** It stands in two records, which were refined otherwise: half is paid as in each. */
const ownsJar = partsOf((person) =>
  times(plus(cut(jar[1])[person], cleaned(jar[1])[person]), [1n, 2n]),
);

/**
 * The snapshot as a whole: each record weighs the information that stands first in it, so the line about the jar counts
 * in one record alone; the quality of all of them is full.
 */
const poolRecords = [
  { says: information(gardenText) - information(waterText), owns: ownsGarden },
  { says: information(waterText), owns: ownsWater },
  { says: information(orchardText) - information(JAR), owns: cleaned(told(...orchardOwn)) },
];
const ownsPool = partsOf((person) =>
  times(sum(poolRecords.map(({ says, owns }) => times(owns[person], [says, 1n]))), [
    1n,
    poolRecords.reduce((all, { says }) => all + says, 0n),
  ]),
);

// --- What is paid ----------------------------------------------------------------------------------------------------

/** Half of the price is the data's; 20 % each the operator's and the builder's; 5, 3 and 2 % the protocol's. */
const percent = (price: bigint, part: bigint) => (price * part) / 100n;

const prices = CALLS.map(
  ({ usage }) => PROMPT_UNITS * BigInt(usage.prompt) + COMPLETION_UNITS * BigInt(usage.completion),
);

/** What of each answer is quoted: the passage and its owners, and what of it counts at all. */
const evidence = [
  { quoted: WALL, owns: ownsWall, counted: CALLS[0].answer },
  { quoted: JAR, owns: ownsJar, counted: CALLS[1].answer },
  // The wall was in the prompt already: its echo neither pays nor counts.
  { quoted: WINDFALLS, owns: ownsWindfalls, counted: `Yes: Besides: ${WINDFALLS}` },
];

/** Evidence is trusted by 343 parts in a thousand. */
const quotedPart = ({ quoted, counted }: (typeof evidence)[number]): Fraction => [
  343n * information(quoted),
  1000n * information(counted),
];

/** What evidence gives each of them at once. */
const byEvidence = partsOf((person) =>
  sum(
    evidence.map((one, i) =>
      times([percent(prices[i], 50n), 1n], times(quotedPart(one), one.owns[person])),
    ),
  ),
);

/** What the pool takes in until the epoch closes: the rest of each data leg, and all of the trained model's. */
const intoPool = (trainedPrice: bigint): Fraction =>
  sum([
    ...evidence.map((one, i) => {
      const [quoted, all] = quotedPart(one);
      return times([percent(prices[i], 50n), 1n], [all - quoted, all]);
    }),
    [percent(trainedPrice, 50n), 1n],
  ]);

test('the units paid to three authors are exactly those worked out by hand', async () => {
  const { admin, baseUrl } = running;
  const { curator, builder, visitor } = await findPeople(admin, baseUrl);
  const { datanetId, snapshot } = await fill(curator);
  const authors = await findAuthors(curator, datanetId);
  const gardener = await offerGardener();
  const trained = await train(
    builder,
    { write: () => true },
    {
      ...{ kind: 'base', name: 'garden', snapshot: snapshot.id, steps: 10 },
      ...{ width: 32, layers: 1, heads: 2, contextLength: 64, vocabulary: 300 },
    },
  );

  await visitor.client.settlement.faucet({ units: (10n ** 18n).toString() });
  for (const [i, { prompt, answer }] of CALLS.entries()) {
    const retrieving = { model: gardener, openledger: { datanets: [datanetId] } };
    const call = await ask(visitor, { ...retrieving, prompt, max_tokens: 100 });
    expect(call.output).toBe(answer);
    expect(BigInt(call.priceUnits)).toBe(prices[i]);
    expect(call.retrieved).toHaveLength(3);
  }
  // Too short to quote anything: all of its data leg goes by the prior.
  const short = await ask(visitor, { model: trained.name, prompt: 'The', max_tokens: 5, seed: 1 });
  const trainedPrice =
    10n ** 13n * BigInt(short.promptTokens) + 10n ** 14n * BigInt(short.completionTokens);
  expect(BigInt(short.priceUnits)).toBe(trainedPrice);

  // Before the epoch closes, what evidence gave is pending; what the pool took in waits.
  await until('the roll-up', async () => (await admin.fees.check()).holds || undefined);
  const parties = { ...authors, refiner: curator };
  for (const person of people) {
    expect(isClear(byEvidence[person])).toBe(true);
    const pending = whole(byEvidence[person]).toString();
    const booked = await accountsOf(parties[person].partyId);
    expect({ person, ...booked }).toEqual({ person, 'pending:1': pending });
  }

  const { paidUnits } = await settleAndClaim(admin, {
    ...{ baseUrl, identity: authors.ada.identity, privateKey: new Uint8Array(32).fill(9) },
  });
  const earned = partsOf((person) =>
    plus(byEvidence[person], times(intoPool(trainedPrice), ownsPool[person])),
  );
  for (const person of people) expect(isClear(earned[person])).toBe(true);
  expect(paidUnits).toBe(whole(earned.ada));
  expect(await accountsOf(authors.ada.partyId)).toEqual({});
  for (const person of ['bob', 'cleo', 'refiner'] as const) {
    const escrow = whole(earned[person]).toString();
    expect({ person, ...(await accountsOf(parties[person].partyId)) }).toEqual({ person, escrow });
  }

  const credited = people.reduce((units, person) => units + whole(earned[person]), 0n);
  await expectDirectLegs({ trainedPrice, credited, builder });
});

/** The direct legs, call by call; what rounding leaves of each price is the treasury's. */
async function expectDirectLegs(paid: {
  readonly trainedPrice: bigint;
  readonly credited: bigint;
  readonly builder: Owner;
}): Promise<void> {
  const { admin } = running;
  const all = [...prices, paid.trainedPrice];
  const legs = (part: bigint) => all.reduce((units, price) => units + percent(price, part), 0n);
  const { assets } = await admin.ledger.trialBalance();
  const amounts = new Map(assets[0].lines.map(({ name, amount }) => [name, BigInt(amount)]));
  expect(amounts.get('stakers:protocol')).toBe(legs(5n));
  expect(amounts.get('insurance:protocol')).toBe(legs(2n));
  expect(amounts.get('treasury:protocol')).toBe(
    all.reduce((units, price) => units + price, 0n) -
      (legs(50n) + 2n * legs(20n) + legs(5n) + legs(2n)),
  );
  expect(amounts.get('treasury:commons') ?? 0n).toBe(0n);
  expect(amounts.get('control:data')).toBe(legs(50n) - paid.credited);
  expect(await accountsOf(paid.builder.partyId)).toEqual({
    escrow: percent(paid.trainedPrice, 20n).toString(),
  });
  expect(assets[0].sum).toBe('0');
  expect(await admin.ledger.audit()).toMatchObject({ ok: true });
}

type Curator = Awaited<ReturnType<typeof findPeople>>['curator'];
type Owner = Pick<Curator, 'partyId'>;

/** Import, refine, seal: the snapshot holds what the arithmetic above takes for granted. */
async function fill({ client }: Curator) {
  await writeRepository(repository);
  const { id: datanetId } = await client.datanets.create({ name: 'garden' });
  const report = await uploadImport(client, {
    ...{ datanetId, name: 'garden' },
    drafts: () => gitDrafts(repository.folder, { licence: 'CC-BY-4.0' }),
  });
  expect(report).toMatchObject({ accepted: 2, rejected: {} });
  await client.datanets.refine({ datanetId });
  const snapshot = await client.datanets.seal({ datanetId });
  const sealed = await client.datanets.exportSnapshot({ snapshotId: snapshot.id });
  expect(sealed.records.map(({ quality }) => quality)).toEqual([1_000_000, 1_000_000, 1_000_000]);
  expect(sealed.information.total).toBe(corpus.length);
  return { datanetId, snapshot };
}

/** The parties that the import made, by the names that git gave them. */
async function findAuthors({ client }: Curator, datanetId: `dn_${string}`) {
  const { items } = await client.datanets.listRecords({ datanetId });
  const found = new Map<string, Owner & { readonly identity: string }>();
  for (const { hash } of items) {
    const { contributors } = await client.datanets.getRecord({ datanetId, recordHash: hash });
    for (const contributor of contributors) {
      const partyId = contributor.partyId as Owner['partyId'];
      const { identity, hints } = await running.admin.identity.getParty({ partyId });
      found.set(String(hints?.name), { partyId, identity });
    }
  }
  const named = (name: string) => {
    const author = found.get(name);
    if (!author) throw new Error(`Nobody is called ${name}; there are ${[...found.keys()]}.`);
    return author;
  };
  return { ada: named('Ada Lark'), bob: named('Bob Reed'), cleo: named('Cleo') };
}

/** A model elsewhere that answers as it is written above. */
async function offerGardener(): Promise<string> {
  operator.plays((call) => {
    const { messages } = call.body as { messages: { content: string }[] };
    const asked = messages.at(-1)?.content;
    const played = CALLS.find(({ prompt }) => prompt === asked);
    for (const part of played?.answer.split(/(?<= )/) ?? []) call.text(part);
    call.finish(played?.usage);
  });
  const { admin } = running;
  await admin.gateway.registerOperator({ name: 'elsewhere', baseUrl: operator.baseUrl });
  const offered = await admin.models.registerExternal({
    ...{ name: 'elsewhere/gardener', operator: 'elsewhere', operatorModel: 'gardener' },
    ...{ promptUnits: `${PROMPT_UNITS}`, completionUnits: `${COMPLETION_UNITS}` },
    maxTokens: 100,
  });
  return offered.name;
}

/** A paid call by OpenAI's own client. @returns its record, once the receipt is there */
async function ask(
  visitor: Curator,
  { prompt, ...body }: { model: string; prompt: string; max_tokens: number; seed?: number },
) {
  const openai = openAiOf({ visitor, baseUrl: running.baseUrl });
  const messages = [{ role: 'user' as const, content: prompt }];
  const completion = await openai.chat.completions.create({ ...body, messages });
  const { openledger } = completion as unknown as {
    openledger: { inference: `inf_${string}`; receipt: `rct_${string}` };
  };
  await until('the receipt', () =>
    visitor.client.receipts.get({ receiptId: openledger.receipt }).catch(ifMissing),
  );
  return visitor.client.gateway.getInference({ inferenceId: openledger.inference });
}

/** Where a party's money stands, by purpose. */
async function accountsOf(partyId: Owner['partyId']): Promise<Record<string, string>> {
  const { items } = await running.admin.ledger.balances({ partyId });
  return Object.fromEntries(
    items.map(({ account, amount }) => [account.slice(`${partyId}:`.length), amount]),
  );
}

function ifMissing(error: unknown): undefined {
  if (error instanceof OpenLedgerError && error.code === 'not_found') return undefined;
  throw error;
}
