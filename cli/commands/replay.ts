/** `replay RECEIPT`: has the engine measure the answer once more, and compares with what the receipt committed to. */
import { type api, isId, OpenLedgerError, type OutputOf, SCORE_PER_NAT } from '@openledger/sdk';
import { hasFlag, parseArguments } from '../arguments.ts';
import { table } from '../print.ts';
import { openSession } from '../session.ts';

type Replay = OutputOf<typeof api.receipts.replay>;

export async function replay(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [receiptId = ''] = args.words;
  if (!isId('receipt', receiptId)) {
    throw new OpenLedgerError('invalid_input', 'Say which receipt: openledger replay rct_...');
  }
  const { client } = await openSession(args);
  const replayed = await client.receipts.replay({ receiptId });
  console.log(hasFlag(args, 'json') ? JSON.stringify(replayed, null, 2) : told(replayed));
  return replayed.holds ? 0 : 1;
}

function told({ scores, tolerance, holds }: Replay): string {
  const rows = scores.map(({ of, committed, again }) => ({
    of,
    committed: nats(committed),
    again: nats(again),
    apart: nats(Math.abs(again - committed)),
  }));
  const verdict = holds
    ? `REPLAYED: ${scores.length} scores, none further apart than ${nats(tolerance)} nats.`
    : `NOT REPLAYED: a score lies further apart than ${nats(tolerance)} nats.`;
  return `${table(rows)}\n\n${verdict}`;
}

const nats = (score: number): string => (score / SCORE_PER_NAT).toFixed(6);
