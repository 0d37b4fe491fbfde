/** Opens a bounty: its snapshot is scored, its questions are committed to, its reward is taken. */
import { randomBytes } from 'node:crypto';
import { type Id, OpenLedgerError, toHex } from '@openledger/protocol';
import { newId } from '../../platform/new-id.ts';
import { findDatanet } from '../datanets.ts';
import type { WorkKind } from '../refiners/refiner.ts';
import { newestSnapshot } from '../snapshots.ts';
import { type Bounty, findBounty, type HeldOut, insertBounty } from './bounties.ts';
import { commitmentOf, LEAST_WORDS, wordsIn } from './held-out.ts';
import { type Question, scoreOf } from './measure.ts';
import type { Passages } from './passages.ts';
import { fundBounty, planPayment } from './payments.ts';
import { readSealed } from './read-passages.ts';
import type { BountyHandles } from './stage.ts';

export type BountyOrder = {
  readonly datanetId: Id<'datanet'>;
  readonly funderId: Id<'party'>;
  readonly kind: WorkKind;
  readonly instructions: string;
  /** Units. */
  readonly reward: bigint;
  readonly targetPpm: number;
  /** From now, for submissions; and from then, for their reviews. */
  readonly submitSeconds: number;
  readonly decideSeconds: number;
  readonly questions: readonly Question[];
};

/**
 * @returns the salt as well: its funder can check the commitment
 * @throws not_found, unprocessable (no snapshot; a question that cannot be measured), insufficient_funds
 */
export async function openBounty(
  handles: BountyHandles,
  order: BountyOrder,
): Promise<Bounty & Pick<HeldOut, 'salt'>> {
  const { db, clock } = handles;
  await findDatanet(db, order.datanetId);
  const snapshot = await newestSnapshot(db, order.datanetId);
  if (!snapshot) {
    throw new OpenLedgerError('unprocessable', 'The datanet has no sealed snapshot to refine.');
  }
  const passages = await readSealed(db, snapshot.id);
  assertMeasurable(passages, order.questions);
  const heldOut = { salt: toHex(randomBytes(32)), questions: order.questions };
  const now = clock.now();
  const submitUntil = new Date(now.getTime() + order.submitSeconds * 1000);
  const { submitSeconds: _, decideSeconds, ...rest } = order;
  const id = newId('bounty', clock);
  await db.transaction(async (tx) => {
    await insertBounty(tx, {
      ...{ ...rest, ...heldOut, id, submitUntil },
      commitment: commitmentOf(heldOut),
      snapshotId: snapshot.id,
      decideUntil: new Date(submitUntil.getTime() + decideSeconds * 1000),
      basePpm: await scoreOf(passages, order.questions),
      ...{ levelPpm: 0, bestPpm: 0, accepted: 0, paid: 0n, closedAt: undefined, createdAt: now },
    });
    const { funderId: partyId, reward: units } = order;
    await planPayment(tx, { bountyId: id, act: 'bounty.funded', partyId, units });
  });
  await fundBounty(handles, id);
  return { ...(await findBounty(db, id)), salt: heldOut.salt };
}

function assertMeasurable(passages: Passages, questions: readonly Question[]): void {
  const documents = new Set([...passages.values()].map(({ document }) => document));
  for (const [i, { question, documents: wanted }] of questions.entries()) {
    const stranger = wanted.find((document) => !documents.has(document));
    if (stranger !== undefined) {
      throw new OpenLedgerError(
        'unprocessable',
        `Question ${i + 1} is answered by ${stranger}, which is no contribution in the snapshot.`,
        { question: i + 1, document: stranger },
      );
    }
    if (wordsIn(question).length < LEAST_WORDS) {
      throw new OpenLedgerError(
        'unprocessable',
        `Question ${i + 1} has fewer than ${LEAST_WORDS} words.`,
        { question: i + 1 },
      );
    }
  }
}
