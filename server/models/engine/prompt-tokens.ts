/** What a model reads before it answers, and a given answer as the model would have said it. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Tokenizer } from '../../compute/tokenizer/tokenizer.ts';
import type { EngineGeneration } from '../engine-messages.ts';

const CONTEXT_TOKENS = 40;
/** No token is longer: the tokenizer cuts words after 48 letters, of at most two characters each. */
const TOKEN_CHARACTERS = 100;

/**
 * A separator, the head of the most relevant context, and the prompt's last tokens: whatever leaves room for the answer.
 */
export function promptTokens(
  tokenizer: Tokenizer,
  generation: Pick<EngineGeneration, 'prompt' | 'context' | 'maxTokens'>,
  maxLength: number,
): number[] {
  const room = Math.max(1, maxLength - 1 - Math.min(generation.maxTokens, maxLength - 2));
  const prompt = tokenizer.encode(lastCharacters(generation.prompt, room)).slice(-room);
  const [first] = generation.context;
  if (!first) return [tokenizer.bosId, ...prompt];
  const beginning = first.slice(0, CONTEXT_TOKENS * TOKEN_CHARACTERS).toWellFormed();
  const head = tokenizer.encode(beginning).slice(0, CONTEXT_TOKENS);
  const joint = [...head, ...tokenizer.encode('\n\n')];
  return [tokenizer.bosId, ...(joint.length + prompt.length <= room ? joint : []), ...prompt];
}

/**
 * The tokens of a given answer, as many as fit behind a separator and one token of a prompt.
 *
 * @throws invalid_input for an answer without tokens
 */
export function answerTokens(tokenizer: Tokenizer, output: string, maxLength: number): number[] {
  const answer = tokenizer.encode(output).slice(0, maxLength - 2);
  if (answer.length === 0) {
    throw new OpenLedgerError('invalid_input', 'An answer without tokens has no likelihood.');
  }
  return answer;
}

/** As much of a text's end as some tokens can hold: encoding megabytes would keep everybody waiting. */
const lastCharacters = (text: string, tokens: number): string =>
  text.slice(-(tokens + 1) * TOKEN_CHARACTERS).toWellFormed();
