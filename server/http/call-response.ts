/** Answers of calls: they bring all their headers, so that nothing is changed in them afterwards, which would cost more than to write them. */
import { formatOpen } from '@openledger/protocol';
import type { Context } from 'hono';
import { answerHeaders } from './answer-headers.ts';

type Headers = Readonly<Record<string, string>>;

/** What every answer says of its request; whoever asks here sends it. */
export function tellingHeaders(c: Context): Headers {
  const record = c.get('record');
  if (!record) return {};
  record.isTold = true;
  return answerHeaders(record);
}

/** What a call has cost, where that is known before its answer is sent: a stream says it at its end. */
export const priceHeader = (priceUnits: bigint): Headers => ({
  'x-openledger-price': formatOpen(priceUnits),
});

/** An answer in one piece. */
export const callResponse = (c: Context, answer: object, headers: Headers): Response =>
  new Response(JSON.stringify(answer), {
    headers: { ...tellingHeaders(c), ...headers, 'content-type': 'application/json' },
  });
