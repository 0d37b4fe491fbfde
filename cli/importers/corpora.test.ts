/**
 * Four public corpora through the importer: what each contributor owns of them, as the server has it, is what is counted here
 * straight from the files, with nothing of the product's arithmetic.
 *
 * Co-author policy: a record's named authors share equally; a line's author and co-authors share its visible characters equally.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressOf, signPersonal } from '@openledger/protocol';
import { type Client, createClient, type Id } from '@openledger/sdk';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import type { Identity } from '../../server/identity/index.ts';
import { sql } from '../../server/platform/sql.ts';
import { openDatanetsHttp } from '../../test/harness/datanets-http.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import { jsonlDrafts } from './jsonl.ts';
import { lineWeights, visibleCharacters } from './line-weights.ts';
import { uploadImport } from './upload.ts';

const CORPORA = '../shared/data/corpora';
const GOLDEN = '../shared/data/golden';

let database: TestDatabase;
let identity: Identity;
let client: Client;
let folder: string;
beforeAll(async () => {
  const { server, apiKey, ...opened } = await openDatanetsHttp();
  ({ database, identity } = opened);
  client = createClient({ baseUrl: 'http://127.0.0.1', apiKey, fetch: server });
  folder = await mkdtemp(join(tmpdir(), 'openledger-corpora-'));
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

const isMissing = (context: TestContext): boolean => {
  if (!existsSync(CORPORA)) context.skip(`${CORPORA} is not here`);
  return !existsSync(CORPORA);
};

const rowsOf = async <Row>(path: string): Promise<readonly Row[]> =>
  (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const parsed = async <Value>(path: string): Promise<Value> =>
  JSON.parse(await readFile(path, 'utf8'));

type Line = {
  readonly text: string;
  readonly licence: string;
  readonly contributors: readonly { readonly handle: string; readonly weight: number }[];
};

/** What one record's parties have of it, in parts of 2^64. */
type Stored = { readonly line: number; readonly shares: ReadonlyMap<string, bigint> };

/** Imports lines, and reads who contributed what; parties by their handle. Whose the text is, is the seal's matter. */
async function importLines(name: string, lines: readonly Line[]) {
  const path = join(folder, `${name}.jsonl`);
  await writeFile(path, lines.map((line) => JSON.stringify(line)).join('\n'));
  const licences = [...new Set(lines.map(({ licence }) => licence))];
  const { id: datanetId } = await client.datanets.create({ name, licences });
  const drafts = () => jsonlDrafts(path);
  const { rejected, taken, accepted } = await uploadImport(client, { datanetId, name, drafts });
  const rows = await database.db.query<{
    line: number;
    owners: { identity: string; weight: string }[];
  }>(sql`
    select (source ->> 'line')::integer as line, owners
    from datanets.contributions
    where datanet_id = ${datanetId}
    order by sequence`);
  const stored = rows.map(
    ({ line, owners }): Stored => ({
      line,
      shares: new Map(
        owners.map(({ identity, weight }) => [identity.replace('handle:', ''), BigInt(weight)]),
      ),
    }),
  );
  expect(taken).toBe(lines.length);
  expect(stored).toHaveLength(accepted);
  return { stored, rejected };
}

// --- Counted here ----------------------------------------------------------------------------------------------------

const WHOLE = 2n ** 64n;

/** Sums of fractions of a record, each kept to 2^-128. */
function createCount() {
  const sums = new Map<string, { total: bigint; records: bigint }>();
  return {
    sums,
    add(person: string, part: number, whole: number) {
      const { total, records } = sums.get(person) ?? { total: 0n, records: 0n };
      const more = (BigInt(part) * WHOLE * WHOLE) / BigInt(whole);
      sums.set(person, { total: total + more, records: records + 1n });
    },
  };
}

/** A record's shares are whole parts of 2^64, so that a person may be off by less than one such part a record. */
function expectTotals(stored: readonly Stored[], count: ReturnType<typeof createCount>): void {
  const totals = totalsOf(stored);
  expect([...totals.keys()].sort()).toEqual([...count.sums.keys()].sort());
  const wrong = [...count.sums].filter(([person, { total, records }]) => {
    const off = (totals.get(person) ?? 0n) * WHOLE - total;
    return (off < 0n ? -off : off) > (records + 1n) * WHOLE;
  });
  expect(wrong).toEqual([]);
  expect([...totals.values()].reduce((sum, total) => sum + total, 0n)).toBe(
    BigInt(stored.length) * WHOLE,
  );
}

function totalsOf(stored: readonly Stored[]): ReadonlyMap<string, bigint> {
  const totals = new Map<string, bigint>();
  for (const { shares } of stored) {
    for (const [person, weight] of shares) totals.set(person, (totals.get(person) ?? 0n) + weight);
  }
  return totals;
}

/** Ids such as `em:1f` as handles: a colon may stand in none, a full stop may not end one. */
const handleOf = (id: string, corpus: string): string => `${id.replace(':', '-')} of ${corpus}`;

// --- tldr ------------------------------------------------------------------------------------------------------------

type Page = { readonly text: string; readonly line_commit: readonly number[] };
type Commit = {
  readonly k: number;
  readonly author: string;
  readonly coauthors: readonly string[];
};

async function tldr() {
  const pages = await rowsOf<Page>(`${CORPORA}/tldr/pages_2025-12-31.jsonl`);
  const commits = await rowsOf<Commit>(`${CORPORA}/tldr/commits.jsonl`);
  return { pages, commits: new Map(commits.map((commit) => [commit.k, commit])) };
}

test('tldr: the lines that each author has in the records are those of the published count', async (context) => {
  if (isMissing(context)) return;
  const { pages, commits } = await tldr();
  const authorOf = (k: number) => commits.get(k)?.author as string;
  const lines = pages.map(({ text, line_commit }) => ({
    text,
    licence: 'CC-BY-4.0',
    contributors: lineWeights(
      line_commit.map((k) => ({ characters: 1, writers: [authorOf(k)] })),
    ).map(({ writer, weight }) => ({ handle: handleOf(writer, 'tldr'), weight })),
  }));
  const { stored, rejected } = await importLines('tldr-lines', lines);
  const found = new Map<string, number>();
  const add = (person: string, count: number) =>
    found.set(person, (found.get(person) ?? 0) + count);
  for (const { line, shares } of stored) {
    const count = pages[line - 1].line_commit.length;
    for (const [person, weight] of shares) {
      add(person, Number((weight * BigInt(count) + WHOLE / 2n) / WHOLE)); // to the nearest line
    }
  }
  const kept = new Set(stored.map(({ line }) => line));
  const refused = pages.filter((_, i) => !kept.has(i + 1));
  context.annotate(`${stored.length} pages taken; ${JSON.stringify(rejected)}`);
  expect(rejected).toEqual({ duplicate: refused.length });
  expect(refused.length).toBeLessThan(10);
  for (const { line_commit } of refused) {
    for (const k of line_commit) add(handleOf(authorOf(k), 'tldr'), 1); // a page with the text of another
  }
  const { primary_lines } = await parsed<{ primary_lines: Record<string, number> }>(
    `${GOLDEN}/tldr_line_ownership_T1.json`,
  );
  const golden = Object.entries(primary_lines).map(
    ([id, count]) => [handleOf(id, 'tldr'), count] as const,
  );
  expect(found).toEqual(new Map(golden));
});

test('tldr: co-authors share the visible characters of a line equally', async (context) => {
  if (isMissing(context)) return;
  const { pages, commits } = await tldr();
  const writersOf = (k: number): readonly string[] => {
    const { author, coauthors } = commits.get(k) as Commit;
    return [...new Set([author, ...coauthors])];
  };
  const lines = pages.map(({ text, line_commit }) => ({
    text,
    licence: 'CC-BY-4.0',
    contributors: lineWeights(
      text
        .split('\n')
        .slice(0, line_commit.length)
        .map((line, i) => ({
          characters: visibleCharacters(line),
          writers: writersOf(line_commit[i]),
        })),
    ).map(({ writer, weight }) => ({ handle: handleOf(writer, 'tldr'), weight })),
  }));
  const { stored } = await importLines('tldr-characters', lines);
  const count = createCount();
  for (const { line } of stored) {
    const { text, line_commit } = pages[line - 1];
    const shares = new Map<string, number>();
    let all = 0;
    for (const [i, row] of text.split('\n').slice(0, line_commit.length).entries()) {
      const characters = Array.from(row).filter((one) => one.trim() !== '').length * COMMON;
      const people = writersOf(line_commit[i]);
      for (const person of people)
        shares.set(person, (shares.get(person) ?? 0) + characters / people.length);
      all += characters;
    }
    for (const [person, part] of shares)
      if (part > 0) count.add(handleOf(person, 'tldr'), part, all);
  }
  expectTotals(stored, count);
});

/** Divisible by every number of writers up to ten. */
const COMMON = 2520;

// --- Tatoeba ---------------------------------------------------------------------------------------------------------

test('Tatoeba: each pair pays the two who wrote its sides', async (context) => {
  if (isMissing(context)) return;
  type Pair = Readonly<Record<'en' | 'sv' | 'en_user' | 'sv_user', string>>;
  const pairs = await rowsOf<Pair>(`${CORPORA}/tatoeba/pairs.jsonl`);
  const handle = (user: string) => `user ${user} of Tatoeba`;
  const lines = pairs.map(({ en, sv, en_user, sv_user }) => ({
    text: `English: ${en}\nSwedish: ${sv}`,
    licence: 'CC-BY-2.0-FR',
    contributors: [en_user, sv_user].map((user) => ({ handle: handle(user), weight: 1 })),
  }));
  const { stored, rejected } = await importLines('tatoeba', lines);
  context.annotate(`${stored.length} pairs taken; ${JSON.stringify(rejected)}`);
  expect(stored).toHaveLength(pairs.length);
  const sides = new Map<string, bigint>();
  for (const { line } of stored) {
    const { en_user, sv_user } = pairs[line - 1];
    for (const user of [en_user, sv_user])
      sides.set(handle(user), (sides.get(handle(user)) ?? 0n) + 1n);
  }
  // A side is half a record: no rounding.
  expect(totalsOf(stored)).toEqual(
    new Map([...sides].map(([user, count]) => [user, (count * WHOLE) / 2n])),
  );
});

// --- EIPs ------------------------------------------------------------------------------------------------------------

type Eip = { readonly text: string; readonly authors: readonly { readonly id: string }[] };

let eipsImported: ReturnType<typeof importEips> | undefined;
/** Once for the tests that look at it. */
const theEips = () => {
  eipsImported ??= importEips();
  return eipsImported;
};

async function importEips() {
  const eips = await rowsOf<Eip>(`${CORPORA}/eips/eips.jsonl`);
  const lines = eips.map(({ text, authors }) => ({
    text,
    licence: 'CC0-1.0',
    contributors: authors.map(({ id }) => ({ handle: handleOf(id, 'EIPs'), weight: 1 })),
  }));
  const { stored, rejected } = await importLines('eips', lines);
  const count = createCount();
  for (const { line } of stored) {
    const { authors } = eips[line - 1];
    for (const { id } of authors) count.add(handleOf(id, 'EIPs'), 1, authors.length);
  }
  return { eips, stored, rejected, count };
}

test('EIPs: co-authors of a document share it equally', async (context) => {
  if (isMissing(context)) return;
  const { eips, stored, rejected, count } = await theEips();
  context.annotate(`${stored.length} documents taken; ${JSON.stringify(rejected)}`);
  expect(stored.length).toBeGreaterThan(eips.length * 0.97);
  expectTotals(stored, count);
});

test('EIPs: ids of the same name stay apart; claimed by one of them, his wallet has their sum', async (context) => {
  if (isMissing(context)) return;
  const { stored, count } = await theEips();
  const sameName = await parsed<Record<string, readonly string[]>>(
    `${GOLDEN}/eips_identity_same_name.json`,
  );
  const totals = totalsOf(stored);
  const attester = (await identity.registerParty({ identity: 'handle:attester' })).id;
  const namesakes = Object.values(sameName)
    .map((ids) => ids.map((id) => handleOf(id, 'EIPs')).filter((handle) => count.sums.has(handle)))
    .filter((handles) => handles.length > 1);
  expect(namesakes.length).toBeGreaterThan(50);
  for (const handles of namesakes) {
    const parties = await Promise.all(
      handles.map((handle) => identity.registerParty({ identity: `handle:${handle}` })),
    );
    const ids = parties.map(({ id }) => id);
    expect(new Set(ids).size).toBe(handles.length);
    expect((await identity.walletsOf(ids)).size).toBe(0);

    const address = await claimAll(ids, attester);
    const wallets = await identity.walletsOf(ids);
    const sum = handles
      .filter((_, i) => wallets.get(ids[i]) === address)
      .reduce((all, handle) => all + (totals.get(handle) ?? 0n), 0n);
    const counted = handles.map((handle) => count.sums.get(handle)!);
    const expected = counted.reduce((all, { total }) => all + total, 0n);
    const slack = counted.reduce((all, { records }) => all + records + 1n, 0n) * WHOLE;
    expect(sum * WHOLE - expected < slack && expected - sum * WHOLE < slack).toBe(true);
  }
});

/** The first binds a wallet and claims the others. @returns the wallet's address */
async function claimAll(ids: readonly Id<'party'>[], attesterId: Id<'party'>): Promise<string> {
  const [claimantId, ...others] = ids;
  const secret = randomBytes(32);
  const address = addressOf(secret);
  const { id: challengeId, message } = await identity.requestChallenge({
    ...{ partyId: claimantId, address },
  });
  const signature = signPersonal(message, secret);
  await identity.bindWallet({ partyId: claimantId, challengeId, signature });
  for (const { identity: claimed } of await identity.findParties(others)) {
    const evidence = 'the same person under another address';
    const { id: claimId } = await identity.requestClaim({
      claimantId,
      identity: claimed,
      evidence,
    });
    await identity.attestClaim({ claimId, attesterId, statement: 'seen' });
  }
  return address;
}

// --- Prompts ---------------------------------------------------------------------------------------------------------

test('prompts: the contributors of a row share it equally', async (context) => {
  if (isMissing(context)) return;
  type Prompt = { readonly text: string; readonly contributors: readonly string[] };
  const prompts = await rowsOf<Prompt>(`${CORPORA}/prompts/prompts_2026-01-14.jsonl`);
  const lines = prompts.map(({ text, contributors }) => ({
    text,
    licence: 'CC0-1.0',
    contributors: contributors.map((id) => ({ handle: handleOf(id, 'prompts'), weight: 1 })),
  }));
  const { stored, rejected } = await importLines('prompts', lines);
  context.annotate(`${stored.length} prompts taken; ${JSON.stringify(rejected)}`);
  expect(stored.length).toBeGreaterThan(prompts.length * 0.95);
  const count = createCount();
  for (const { line } of stored) {
    const { contributors } = prompts[line - 1];
    for (const id of contributors) count.add(handleOf(id, 'prompts'), 1, contributors.length);
  }
  expectTotals(stored, count);
});
