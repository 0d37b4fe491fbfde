/** Takes a refiner's work in for review: made by hand, or by refiners that have a name. */
import {
  type Id,
  OpenLedgerError,
  type PersonalDataPolicy,
  type Refinement,
  sha256Hex,
} from '@openledger/protocol';
import { newId } from '../../platform/new-id.ts';
import { sql } from '../../platform/sql.ts';
import { isStorable } from '../../platform/storable.ts';
import { checkDerived } from '../checks/check.ts';
import { findDatanet } from '../datanets.ts';
import { placesOf } from '../places.ts';
import { scoreQuality } from '../quality.ts';
import { nameByHand } from '../refiners/kind-of-work.ts';
import { refiners } from '../refiners/refiner.ts';
import { type Bounty, findBounty, lockBounty } from './bounties.ts';
import type { Passages, RefinedPassage } from './passages.ts';
import { readPassages } from './read-passages.ts';
import { runPipeline, type Step } from './run-pipeline.ts';
import type { BountyHandles } from './stage.ts';
import { findSubmission, insertSubmission, type Submission } from './submissions.ts';

/** Texts that stand for a passage, or beside it. */
export type WorkByHand = {
  readonly parent: string;
  readonly adds: boolean;
  readonly texts: readonly string[];
};

type Offer = { readonly bountyId: string; readonly partyId: Id<'party'> };

/** Submissions of one party to one bounty that may wait for their review. */
const MOST_WAITING = 10;
/** Characters in one submission. */
const MOST_CHARACTERS = 100_000_000;

/**
 * @throws not_found, conflict (the bounty takes no more; a passage named twice), rate_limited, unprocessable (a parent that is no
 *   passage; a text that would be refused as a contribution: the reason is in the details)
 */
export async function submitByHand(
  handles: BountyHandles,
  offer: Offer & {
    readonly work: readonly WorkByHand[];
    /** What a review must say, where this is a honeypot. */
    readonly knownAnswer?: boolean;
  },
): Promise<Submission> {
  const bounty = await findTaking(handles, offer.bountyId);
  const id = newId('submission', handles.clock);
  const refinement = nameByHand(bounty.kind, id);
  const passages = await readPassages(handles.db, bounty);
  const { personalData } = await findDatanet(handles.db, bounty.datanetId);
  const work = offer.work.map((one, i) =>
    refinedByHand({ passages, personalData }, { ...one, refinement }, i + 1),
  );
  if (new Set(work.map(({ parent }) => parent)).size < work.length) {
    throw new OpenLedgerError('conflict', 'A passage is refined twice in one submission.');
  }
  const { partyId, knownAnswer } = offer;
  return takeWork(handles, { id, bounty, partyId, work, pipeline: undefined, knownAnswer });
}

/** Refiners that need no model. A pipeline that changes nothing is taken too: its delta is 0. */
export async function submitPipeline(
  handles: BountyHandles,
  { bountyId, partyId, pipeline }: Offer & { readonly pipeline: readonly Refinement[] },
): Promise<Submission> {
  const steps = pipeline.map(
    (refinement): Step => ({ refinement, adds: false, refine: refiners[refinement].refine }),
  );
  const bounty = await findTaking(handles, bountyId);
  const passages = await readPassages(handles.db, bounty);
  const places = await placesOf(handles.db, bounty.datanetId, [...passages.keys()]);
  const work = await runPipeline(passages, places, steps);
  const id = newId('submission', handles.clock);
  return takeWork(handles, { id, bounty, partyId, work, pipeline, knownAnswer: undefined });
}

/** @throws not_found, conflict when its time for submissions is over */
export async function findTaking(
  { db, clock }: Pick<BountyHandles, 'db' | 'clock'>,
  bountyId: string,
): Promise<Bounty> {
  const bounty = await findBounty(db, bountyId);
  assertTaking(bounty, clock.now());
  return bounty;
}

function assertTaking({ id, closedAt, submitUntil }: Bounty, now: Date): void {
  if (!closedAt && now < submitUntil) return;
  throw new OpenLedgerError('conflict', 'The bounty takes no submissions any more.', {
    bountyId: id,
    submitUntil: submitUntil.toISOString(),
  });
}

function refinedByHand(
  {
    passages,
    personalData,
  }: { readonly passages: Passages; readonly personalData: PersonalDataPolicy },
  { parent, adds, texts, refinement }: WorkByHand & { readonly refinement: string },
  item: number,
): RefinedPassage {
  const passage = passages.get(parent);
  if (!passage) {
    throw new OpenLedgerError('unprocessable', `Item ${item} refines what is no passage here.`, {
      item,
      parent,
    });
  }
  for (const text of texts) {
    const objection = isStorable(text)
      ? checkDerived(text, { quality: scoreQuality(text), personalData })
      : { reason: 'encoding', message: 'The text holds NUL or a lone surrogate.' };
    if (!objection) continue;
    throw new OpenLedgerError('unprocessable', `Item ${item}: ${objection.message}`, {
      item,
      reason: objection.reason,
    });
  }
  const children = [...new Set(texts)].map((text) => ({
    ...{ hash: sha256Hex(text), text, lines: linesFrom(passage.text, text) },
  }));
  return { parent, refinement, adds, children };
}

/** The parent's line that is the same; else the one of the line before it, or the first. */
export function linesFrom(parent: string, text: string): readonly number[] {
  const places = new Map<string, number>();
  for (const [i, line] of parent.split('\n').entries()) {
    if (!places.has(line.trim())) places.set(line.trim(), i + 1);
  }
  let last = 1;
  return text.split('\n').map((line) => {
    if (line.trim() !== '') last = places.get(line.trim()) ?? last;
    return last;
  });
}

/** @throws too_large, rate_limited, conflict when the bounty has been closed meanwhile */
export async function takeWork(
  handles: BountyHandles,
  {
    bounty,
    ...submission
  }: Pick<Submission, 'id' | 'partyId' | 'pipeline' | 'knownAnswer'> & {
    readonly bounty: Bounty;
    readonly work: readonly RefinedPassage[];
  },
): Promise<Submission> {
  const { db, clock } = handles;
  const characters = submission.work.reduce(
    (sum, { children }) => sum + children.reduce((all, { text }) => all + text.length, 0),
    0,
  );
  if (characters > MOST_CHARACTERS) {
    throw new OpenLedgerError(
      'too_large',
      `A submission has at most ${MOST_CHARACTERS} characters.`,
    );
  }
  const createdAt = clock.now();
  await db.transaction(async (tx) => {
    assertTaking(await lockBounty(tx, bounty.id), createdAt); // so that none comes in while it is closed
    await insertSubmission(tx, { ...submission, bountyId: bounty.id, createdAt });
    const [{ waiting }] = await tx.query<{ waiting: string }>(sql`
      select count(*) as waiting
      from datanets.submissions
      where bounty_id = ${bounty.id} and party_id = ${submission.partyId} and state = 'pending'`);
    if (Number(waiting) <= MOST_WAITING) return;
    throw new OpenLedgerError(
      'rate_limited',
      `At most ${MOST_WAITING} submissions of yours wait for their review.`,
    );
  });
  return findSubmission(db, submission.id);
}
