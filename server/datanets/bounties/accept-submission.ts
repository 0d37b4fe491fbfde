/** Accepts a submission: what can be taken of it becomes records, is measured, and is paid. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Reader, Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import { lockDatanet } from '../datanets.ts';
import { placesOf, textsOf } from '../places.ts';
import { insertOutcomes } from '../refine.ts';
import { upholdVotes } from '../reviews/votes.ts';
import { type Admitted, admitWork } from './admit-work.ts';
import { type Bounty, earnedAt, findBounty, findHeldOut, lockBounty } from './bounties.ts';
import { withoutStuffing } from './held-out.ts';
import { MEASURE_VERSION, type Question, scoreOf } from './measure.ts';
import { type Passages, type RefinedPassage, refinedPassages } from './passages.ts';
import { planPayment, postPayments } from './payments.ts';
import { readPassages } from './read-passages.ts';
import type { BountyHandles } from './stage.ts';
import {
  findSubmission,
  lockSubmission,
  readWork,
  type Submission,
  type SubmissionOutcome,
} from './submissions.ts';

const ATTEMPTS = 5;

/**
 * Repeatable: what is decided stays so. Measuring takes its time, so nothing is locked meanwhile; where the passages have changed
 * since, it is done again.
 *
 * @throws conflict when they keep changing
 */
export async function acceptSubmission(
  handles: BountyHandles,
  submissionId: string,
): Promise<void> {
  const { db } = handles;
  const submission = await findSubmission(db, submissionId);
  if (submission.state !== 'pending') return;
  const work = offered(await readWork(db, submissionId));
  const { questions } = await findHeldOut(db, submission.bountyId);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const bounty = await findBounty(db, submission.bountyId);
    const measured = await measure(db, bounty, { work, questions });
    const isDone = await db.transaction((tx) =>
      writeDown(tx, handles, { submission, bounty, work, measured }),
    );
    if (isDone) return postPayments(handles, submission.bountyId);
  }
  throw new OpenLedgerError('conflict', 'The passages change faster than they can be measured.');
}

/** A pending submission has its texts. */
const offered = (work: Awaited<ReturnType<typeof readWork>>): readonly RefinedPassage[] =>
  work.map((one) => ({
    ...one,
    children: one.children.map((child) => ({ ...child, text: child.text ?? '' })),
  }));

type Measured = {
  readonly passages: Passages;
  readonly admitted: Admitted;
  readonly outcome: SubmissionOutcome;
};

/** Against what was accepted before, so that nothing is paid twice. */
async function measure(
  reader: Reader,
  bounty: Bounty,
  { work, questions }: { work: readonly RefinedPassage[]; questions: readonly Question[] },
): Promise<Measured> {
  const passages = await readPassages(reader, bounty);
  const admitted = await admitWork(reader, bounty.datanetId, { passages, work });
  const { taken, gone, known } = admitted;
  const sources = await readSources(reader, bounty.datanetId, passages, taken);
  const sourcesOf = (parent: string) => sources.get(parent) ?? [];
  const { honest, stuffed } = withoutStuffing(taken, questions, sourcesOf);
  const beforePpm = await scoreOf(passages, questions);
  const isNothing = honest.length === 0;
  const afterPpm = isNothing
    ? beforePpm
    : await scoreOf(refinedPassages(passages, honest), questions);
  return {
    ...{ passages, admitted },
    outcome: {
      measure: MEASURE_VERSION,
      ...{ taken: taken.length, gone, known, stuffed, beforePpm, afterPpm },
      deltaPpm: afterPpm - beforePpm,
    },
  };
}

/** What each passage's refiner may have read. Passages that he made himself on the way have no source of their own. */
async function readSources(
  reader: Reader,
  datanetId: string,
  passages: Passages,
  work: readonly RefinedPassage[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const parents = work.flatMap(({ parent }) => passages.get(parent) ?? []);
  const hashes = [...new Set(parents.map(({ document }) => document))];
  const documents = await textsOf(reader, datanetId, hashes);
  const places = await placesOf(reader, datanetId, hashes);
  const sources = new Map(
    parents.map(({ hash, text, document }) => [
      hash,
      [places.get(document)?.title ?? '', documents.get(document) ?? '', text],
    ]),
  );
  for (const { parent, children } of work) {
    const source = sources.get(parent);
    for (const { hash } of children) {
      if (source !== undefined && !sources.has(hash)) sources.set(hash, source);
    }
  }
  return sources;
}

/** @returns false when something has changed since it was measured */
async function writeDown(
  tx: Tx,
  { clock }: BountyHandles,
  {
    submission: { id, partyId },
    bounty: seen,
    work,
    measured: { passages, admitted, outcome },
  }: {
    readonly submission: Submission;
    readonly bounty: Bounty;
    readonly work: readonly RefinedPassage[];
    readonly measured: Measured;
  },
): Promise<boolean> {
  await lockDatanet(tx, seen.datanetId);
  const bounty = await lockBounty(tx, seen.id);
  const submission = await lockSubmission(tx, id);
  if (submission.state !== 'pending' || bounty.closedAt) return true;
  const { taken } = await admitWork(tx, bounty.datanetId, { passages, work });
  const isSame =
    bounty.accepted === seen.accepted && namesOf(taken).join() === namesOf(admitted.taken).join();
  if (!isSame) return false;
  await insertWork(tx, clock, { bounty, partyId, taken });
  const levelPpm = bounty.levelPpm + outcome.deltaPpm;
  const bestPpm = Math.max(bounty.bestPpm, levelPpm);
  const units = earnedAt(bestPpm, bounty) - bounty.paid;
  await planPayment(tx, {
    ...{ bountyId: bounty.id, act: 'bounty.paid', submissionId: id, partyId, units },
  });
  const kept = taken.map((one) => ({
    ...one,
    children: one.children.map(({ hash, lines }) => ({ hash, lines })),
  }));
  await tx.query(sql`
    update datanets.submissions
    set state = 'accepted', place = ${bounty.accepted + 1}, outcome = ${JSON.stringify(outcome)}::jsonb,
      units = ${units}, work = ${JSON.stringify(kept)}::jsonb, decided_at = ${clock.now()}
    where id = ${id}`);
  await upholdVotes(tx, id, { accepted: true });
  await tx.query(sql`
    update datanets.bounties
    set accepted = accepted + 1, level_ppm = ${levelPpm}, best_ppm = ${bestPpm}, paid = paid + ${units}
    where id = ${bounty.id}`);
  return true;
}

const namesOf = (work: readonly RefinedPassage[]): readonly string[] =>
  work.flatMap(({ parent, children }) => [parent, ...children.map(({ hash }) => hash)]);

/** One refiner's work after the other, in its order, so that a passage made on the way is there before it is refined. */
async function insertWork(
  tx: Tx,
  clock: BountyHandles['clock'],
  {
    bounty: { datanetId },
    partyId: refinerId,
    taken,
  }: {
    readonly bounty: Bounty;
    readonly partyId: Id<'party'>;
    readonly taken: readonly RefinedPassage[];
  },
): Promise<void> {
  let at = 0;
  while (at < taken.length) {
    const { refinement } = taken[at];
    let end = at;
    while (end < taken.length && taken[end].refinement === refinement) end++;
    const outcomes = taken
      .slice(at, end)
      .map(({ parent, adds, children }) => ({ parent, unchanged: adds, children }));
    await insertOutcomes(tx, clock, { datanetId, refinerId, refinement }, outcomes);
    at = end;
  }
}
