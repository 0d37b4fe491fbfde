/** What stands at the head of every answer. */
import type { Context } from 'hono';
import { overheadMs } from '../insights/index.ts';
import type { RequestRecord } from './request-record.ts';

type Headers = Readonly<Record<string, string>>;

const POLICY = 'content-security-policy';

/** No sniffing, no referrer, no framing, and for what is not the console no content of any kind. */
const PROTECTION = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  [POLICY]: "default-src 'none'; frame-ancestors 'none'",
};

/** The same, and where to look for the request, and what of its time was ours. */
export const answerHeaders = ({ id, trace, call }: RequestRecord): Headers => ({
  ...PROTECTION,
  'x-request-id': id,
  'request-id': id, // where Anthropic's clients look for it
  'x-trace-id': trace.traceId,
  ...(call?.facts.routed && timing(call.facts)),
});

function timing(facts: Parameters<typeof overheadMs>[0]): Headers {
  const overhead = overheadMs(facts).toFixed(2);
  return {
    [facts.end ? 'x-openledger-overhead-ms' : 'x-openledger-overhead-first-byte-ms']: overhead,
    'server-timing': `gateway;dur=${overhead}, operator;dur=${facts.waitedMs.toFixed(2)}`,
  };
}

/** Puts them on an answer that does not have them; one that brings a policy of its own keeps it. */
export function addHeaders(c: Context, record: RequestRecord): void {
  if (record.isTold) return; // to look at them would make them anew
  const { headers } = c.res;
  for (const [name, value] of Object.entries(answerHeaders(record))) {
    if (name !== POLICY || !headers.has(POLICY)) headers.set(name, value);
  }
}
