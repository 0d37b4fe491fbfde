/** Many postings of one meaning, as few transactions as the ledger takes; repeatable, if the postings are the same. */
import { type PostingInput, transactionIdFor } from '../ledger/index.ts';
import type { Stage } from './stage.ts';

const POSTINGS_AT_ONCE = 1_000;

/** Does nothing when there are no postings. The parts commit one by one: a caller repeats all after a crash. */
export async function postInParts(
  { ledger }: Pick<Stage, 'ledger'>,
  {
    since,
    name,
    postings,
    ...why
  }: {
    /** When the cause happened, and its name: the same whenever this is asked again. */
    readonly since: Date;
    readonly name: string;
    readonly reason: string;
    readonly reference?: string;
    readonly postings: readonly PostingInput[];
  },
): Promise<void> {
  for (let start = 0; start < postings.length; start += POSTINGS_AT_ONCE) {
    await ledger.post({
      transactionId: transactionIdFor(since, `${name}:${start}`),
      ...why,
      postings: postings.slice(start, start + POSTINGS_AT_ONCE),
    });
  }
}
