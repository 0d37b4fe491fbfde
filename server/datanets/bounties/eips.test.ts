/**
 * Annotating the EIPs, as a bounty pays it: a title asks for its document, whose texts do not hold it. Beside it, reported and
 * not paid: sentences of other EIPs that cite a document ask for it, without its number.
 *
 * The data lies beside the project, in ../shared/data, and is never part of it; without it this test skips.
 */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestBounties, type TestBounties } from '../../../test/harness/bounties.ts';
import { linesOf } from '../../platform/lines.ts';
import { LEAST_WORDS, wordsIn } from './held-out.ts';
import { type Question, scoreOf } from './measure.ts';
import { readPassages, readSealed } from './read-passages.ts';

const data = new URL('../../../../shared/data/corpora/eips/eips.jsonl', import.meta.url);
const isHere = existsSync(data);
const why = isHere ? '' : ' (skipped: ../shared/data is absent)';

/** Of the documents, to keep the test short; the others cite. */
const EVERY = 8;
const REWARD = 10n ** 18n + 7n;

type Eip = { readonly number: number; readonly title: string; readonly text: string };

let stage: TestBounties;
beforeAll(async () => {
  stage = await openTestBounties();
});
afterAll(() => stage.end());

test.skipIf(!isHere)(
  `on EIPs, annotating gains and is paid exactly, a null refiner and a copier gain nothing${why}`,
  { timeout: 300_000 },
  async () => {
    const all = readFileSync(data, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Eip);
    const eips = all.filter((_, i) => i % EVERY === 0);
    const { datanetId, hashOf } = await seal(eips);
    const questions = titles(eips, hashOf);
    const citing = citations(all, hashOf);
    const funder = await stage.party('foundation', REWARD);
    const targetPpm = 900_000;
    const bounty = await stage.bounties.open({
      ...{ datanetId, questions, targetPpm, reward: REWARD, funderId: funder, kind: 'annotate' },
      ...{ instructions: '', submitSeconds: 3600, decideSeconds: 3600 },
    });
    const run = async (handle: string, pipeline: readonly ('annotate-1' | 'clean-1')[]) => {
      const partyId = await stage.party(handle);
      const { id } = await stage.bounties.run({ bountyId: bounty.id, partyId, pipeline });
      const vote = { submissionId: id, partyId: stage.owner, accept: true, reason: 'Read.' };
      await stage.bounties.reviews.vote(vote);
      return stage.bounties.submission(id, { partyId, scopes: [] });
    };
    const cleaned = await run('cleaner', ['clean-1']); // chunks begin and end where pages do not
    const nothing = await run('null', ['clean-1']);
    const annotated = await run('annotator', ['annotate-1']);
    const copied = await run('copier', ['annotate-1']);
    for (const { outcome, units } of [nothing, copied]) {
      expect(outcome).toMatchObject({ taken: 0, deltaPpm: 0 });
      expect(units).toBe(0n);
    }
    const { beforePpm, afterPpm, deltaPpm, taken } = annotated.outcome!;
    expect(deltaPpm).toBeGreaterThan(0);
    const { bestPpm } = await stage.bounties.close(bounty.id, { partyId: funder, scopes: [] });
    expect(bestPpm).toBe(cleaned.outcome!.deltaPpm + deltaPpm);
    const paid = (REWARD * BigInt(Math.min(bestPpm, targetPpm))) / BigInt(targetPpm);
    expect(cleaned.units + annotated.units).toBe(paid);
    expect(await stage.available(annotated.partyId)).toBe(annotated.units);
    expect(await stage.available(funder)).toBe(REWARD - paid);
    expect(await stage.reserved()).toBe(0n);

    const before = await scoreOf(await readSealed(stage.db, bounty.snapshotId), citing);
    const after = await scoreOf(await readPassages(stage.db, bounty), citing);
    process.stdout.write(
      `${eips.length} EIPs, ${taken} passages annotated; nDCG@10 in ppm\n` +
        `${questions.length} titles: ${beforePpm} -> ${afterPpm}, paid ${paid} of ${REWARD}\n` +
        `${citing.length} citing sentences: ${before} -> ${after}\n`,
    );
  },
);

async function seal(eips: readonly Eip[]) {
  const { id: datanetId } = await stage.datanets.create({ name: 'eips', ownerId: stage.owner });
  async function* lines() {
    for (const { title, text } of eips) {
      yield Buffer.from(`${JSON.stringify({ text, licence: 'CC0-1.0', metadata: { title } })}\n`);
    }
  }
  const partyId = stage.owner;
  await stage.datanets.contributeMany({
    ...{ datanetId, partyId, lines: linesOf(lines(), { maxLineBytes: 8e6 }) },
  });
  await stage.datanets.refine({ datanetId, refinerId: partyId, pipeline: ['clean-1', 'chunk-1'] });
  await stage.datanets.seal(datanetId);
  const titleOf = new Map(eips.map((eip) => [eip.title, eip.number]));
  const hashOf = new Map<number, string>();
  for (let after: string | undefined; ; ) {
    const page = await stage.datanets.listRecords({ datanetId, limit: 500, after });
    for (const { hash } of page) {
      const { metadata } = await stage.datanets.recordByHash(datanetId, hash);
      hashOf.set(titleOf.get(String(metadata.title)) as number, hash);
    }
    if (page.length < 500) return { datanetId, hashOf };
    after = page[page.length - 1].hash;
  }
}

const titles = (eips: readonly Eip[], hashOf: ReadonlyMap<number, string>): readonly Question[] =>
  eips.flatMap(({ title, number }) => {
    const hash = hashOf.get(number);
    return hash && wordsIn(title).length >= LEAST_WORDS
      ? [{ question: title, documents: [hash] }]
      : [];
  });

/** The first sentence of a document outside of the datanet that links to one inside, a document each. */
function citations(all: readonly Eip[], hashOf: ReadonlyMap<number, string>): readonly Question[] {
  const questions = new Map<number, Question>();
  for (const { number: citing, text } of all) {
    if (hashOf.has(citing)) continue;
    for (const sentence of text.split(/(?<=\.)\s+|\n/)) {
      const cited = Number(/\]\(\.\/eip-(\d+)\.md/.exec(sentence)?.[1]);
      const hash = hashOf.get(cited);
      const plain = sentence
        .replaceAll(/\[[^\]]*\]\([^)]*\)/g, ' ')
        .replaceAll(/\b(?:EIP|ERC)-?\d*\b/gi, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim();
      if (!hash || questions.has(cited) || wordsIn(plain).length < 8) continue;
      questions.set(cited, { question: plain.slice(0, 1000), documents: [hash] });
    }
  }
  return [...questions.values()];
}
