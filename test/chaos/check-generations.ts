/** What a client is told afterwards of a call is what was recorded: GET /v1/generations/:id, for each call that he knows of. */
import { parseOpen } from '@openledger/protocol';
import type { Books } from '../load/books.ts';
import type { Outcome } from '../load/client.ts';
import type { World } from '../load/world.ts';

type Generation = {
  readonly status: string;
  readonly usage?: { prompt_tokens: number; completion_tokens: number; cost: string };
};

export async function checkGenerations(
  { gateways }: World,
  outcomes: readonly Outcome[],
  { records }: Books,
): Promise<readonly string[]> {
  const violations: string[] = [];
  for (const { inferenceId, wish } of outcomes) {
    if (!inferenceId) continue;
    const [record] = records.get(wish.tag) ?? [];
    const response = await fetch(`${gateways[0].url}/v1/generations/${inferenceId}`, {
      headers: { authorization: `Bearer ${wish.secret}` },
    });
    const said = (await response.json()) as Generation;
    const told = said.usage && [
      ...[said.usage.prompt_tokens, said.usage.completion_tokens, parseOpen(said.usage.cost)],
    ];
    const known = record?.status === 'served' && [
      ...[record.promptTokens, record.completionTokens, record.priceUnits],
    ];
    if (said.status === record?.status && `${told ?? false}` === `${known}`) continue;
    violations.push(`${wish.tag}: ${inferenceId} is told as ${JSON.stringify(said)}.`);
  }
  return violations;
}
