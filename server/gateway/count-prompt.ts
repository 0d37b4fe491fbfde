/** How many tokens a request would be charged for reading, before it is asked. Costs nothing; nothing is retrieved. */
import { type Attempt, promptTokensOf } from './deliver.ts';
import { countPromptBy } from './own-count.ts';
import { candidatesFor, type PrepareHandles, prepareAttempts } from './prepare-attempts.ts';
import { assertAllowed, type ServeCall } from './serve.ts';

export type PromptCount = {
  readonly promptTokens: number;
  /** true: the tokenizer is not ours, and this is a guess; the operator's own count is what is paid. */
  readonly estimated: boolean;
};

/**
 * Of whoever would be asked first.
 *
 * @throws model_not_found, forbidden; unprocessable when no operator can heed the request
 */
export async function countPrompt(
  handles: PrepareHandles,
  { request, caller }: Pick<ServeCall, 'request' | 'caller'>,
): Promise<PromptCount> {
  const model = await handles.directory.model(request.model);
  assertAllowed(caller, model);
  const candidates = await candidatesFor(handles, [model]);
  const [{ attempt }] = await prepareAttempts(handles, candidates, { request, retrieved: [] });
  return promptCountOf(attempt);
}

/** By the model's own tokenizer, where that tells it. */
export async function promptCountOf(attempt: Attempt): Promise<PromptCount> {
  const { count, generation } = attempt;
  const exact = count && (await countPromptBy(count, generation));
  return {
    promptTokens: exact?.tokens ?? promptTokensOf(attempt),
    estimated: !exact && attempt.promptTokens === undefined,
  };
}
