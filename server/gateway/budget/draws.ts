/** Asks the ledger for what requests have claimed, many at once, until it has answered for each. */
import type { Id } from '@openledger/protocol';
import { type Answer, type Ledger, transactionIdFor } from '../../ledger/index.ts';
import { sleep } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { IntentRecord, IntentState, RequestState } from './intent.ts';

export type Ending =
  | { readonly kind: 'captured'; readonly units: bigint; readonly transactionId: Id<'transaction'> }
  | { readonly kind: 'voided' }
  | { readonly kind: 'expired'; readonly units: bigint };

export type Draws = {
  /** Queues a claimed request. Resolves with its end, however long the ledger does not answer. */
  add(request: Id<'inference'>): Promise<Ending>;
  endingOf(request: Id<'inference'>): Promise<Ending> | undefined;
  /** Asks no more: what is left is for the next process. */
  giveUp(): void;
};

/** As many as share a batch of the ledger. */
const MOST = 500;
const AGAIN_MS = 100;

/** The id of what a request pays, in whichever process it is drawn. */
export const drawIdOf = (request: Id<'inference'>): Id<'transaction'> =>
  transactionIdFor(request, 'end');

export function createDraws({
  ledger,
  state,
  write,
  report,
  onLoss,
}: {
  readonly ledger: Pick<Ledger, 'drawAll' | 'transaction'>;
  readonly state: IntentState;
  readonly write: (record: IntentRecord) => void;
  readonly report: Log;
  readonly onLoss: (units: bigint) => void;
}): Draws {
  const queue: Waiting[] = [];
  const endings = new Map<Id<'inference'>, Promise<Ending>>();
  let drawing = false;
  let hasGivenUp = false;

  async function drawQueued(): Promise<void> {
    drawing = true;
    await new Promise(setImmediate); // those who end in the same turn are drawn together
    while (queue.length > 0 && !hasGivenUp) {
      const some = queue.splice(0, MOST);
      try {
        await draw(some);
      } catch (error) {
        report.warn('budget.draw_again', { error, draws: some.length });
        queue.unshift(...some.filter(({ request }) => state.requests.has(request)));
        await sleep(AGAIN_MS);
      }
    }
    drawing = false;
  }

  async function draw(some: readonly Waiting[]): Promise<void> {
    const wishes = some.map(({ request }) =>
      wishOf(state.requests.get(request) as RequestState, state.token),
    );
    const answers = await ledger.drawAll(wishes);
    for (const [index, { request, units, answer }] of some.entries()) {
      const { transactionId } = wishes[index];
      const isDrawn = await wasDrawn(answers[index], wishes[index]);
      if (!isDrawn) {
        onLoss(units);
        report.error('budget.expired', { request, units });
      }
      try {
        write({ kind: isDrawn ? 'captured' : 'expired', request });
      } finally {
        answer(isDrawn ? { kind: 'captured', units, transactionId } : { kind: 'expired', units });
      }
    }
  }

  /**
   * A refused draw may have been done: by the process before this one, under its own token. The ledger knows.
   */
  async function wasDrawn(answer: Answer, wish: ReturnType<typeof wishOf>): Promise<boolean> {
    if (answer.kind !== 'refused') return true;
    if (answer.error.code === 'unavailable') throw answer.error;
    const found = await ledger.transaction(wish.transactionId);
    return found?.kind === 'draw' && found.holdId === wish.holdId;
  }

  return {
    add(request) {
      const { units } = state.requests.get(request) as RequestState;
      const ending = new Promise<Ending>((answer) => queue.push({ request, units, answer }));
      endings.set(request, ending);
      void ending.finally(() => endings.delete(request));
      if (!drawing) void drawQueued();
      return ending;
    },
    endingOf: (request) => endings.get(request),
    giveUp() {
      hasGivenUp = true;
    },
  };
}

type Waiting = {
  readonly request: Id<'inference'>;
  readonly units: bigint;
  readonly answer: (ending: Ending) => void;
};

/** Nothing in it but the token changes from one process to the next. */
const wishOf = ({ request, lease, units, claim }: RequestState, token: number) => ({
  transactionId: drawIdOf(request),
  holdId: lease,
  token,
  reason: 'inference.served',
  reference: request,
  postings: claim?.legs ?? [{ to: 'clearing:fees', amount: units }],
});
