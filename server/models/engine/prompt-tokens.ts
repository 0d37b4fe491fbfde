/** What a model reads before it answers. */
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

/** As much of a text's end as some tokens can hold: encoding megabytes would keep everybody waiting. */
const lastCharacters = (text: string, tokens: number): string =>
  text.slice(-(tokens + 1) * TOKEN_CHARACTERS).toWellFormed();
