/** Asks a model through the OpenAI-compatible surface, and reads the answer as it is made. */
import { eventData } from './event-data.ts';

export type Question = {
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  /** Ids of the datanets from which context is retrieved. */
  readonly datanets: readonly string[];
};

export type AnswerEvent =
  | { readonly kind: 'text'; readonly text: string }
  /** What the answer cost, in OPEN, and where its receipt will be. */
  | { readonly kind: 'end'; readonly price: string; readonly receiptId: string };

/** @throws Error with the server's sentence when it refuses, or when the answer breaks off */
export async function* chatStream(
  { apiKey, signal }: { readonly apiKey: string; readonly signal: AbortSignal },
  { model, prompt, maxTokens, datanets }: Question,
): AsyncGenerator<AnswerEvent> {
  const response = await fetch('/v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: prompt }],
      max_tokens: maxTokens,
      stream: true,
      openledger: { datanets },
    }),
    signal,
  });
  if (!response.ok || !response.body) throw new Error(await refusalOf(response));
  for await (const data of eventData(response.body)) {
    if (data === '[DONE]') return;
    const { error, choices, openledger } = JSON.parse(data) as Chunk;
    if (error) throw new Error(error.message);
    const text = choices?.[0]?.delta?.content;
    if (text) yield { kind: 'text', text };
    if (openledger) yield { kind: 'end', price: openledger.price, receiptId: openledger.receipt };
  }
}

/** What the page reads of a chunk: OpenAI's words, and what OpenLedger adds to the last one. */
type Chunk = {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
  readonly openledger?: { readonly price: string; readonly receipt: string };
  readonly error?: { readonly message: string };
};

async function refusalOf(response: Response): Promise<string> {
  const answer = (await response.json().catch(() => ({}))) as Chunk;
  return answer.error?.message ?? `The server answered with status ${response.status}.`;
}
