/** What is asked and answered: one short question, sixteen words. */

export const WORDS = 16;
/** In every piece of an answer, and in no question. */
export const WORD = 'ledger';

/**
 * How an answer comes: whole at once; word by word, a few milliseconds apart; or now and then a word, until it is told to finish.
 * Each is a model of the operator's.
 */
export type Pace = 'quick' | 'paced' | 'held';
export const PACES: readonly Pace[] = ['quick', 'paced', 'held'];

const QUESTION =
  'Summarise in a sentence what a payer, a builder, a contributor and an operator owe one another when a model has ' +
  'answered a question with the help of records that others have written, sealed and licensed for that use.';

export const bodyOf = (model: string, stream: boolean): string =>
  JSON.stringify({
    ...{ model, stream, max_tokens: 64, temperature: 0.7 },
    messages: [{ role: 'user', content: QUESTION }],
  });

const named = { id: 'chatcmpl-1', created: 1_750_000_000, model: 'quick' };
const usage = { prompt_tokens: 48, completion_tokens: WORDS, total_tokens: 48 + WORDS };

export const wholeAnswer: string = JSON.stringify({
  ...{ ...named, object: 'chat.completion', usage },
  choices: [
    {
      ...{ index: 0, finish_reason: 'stop' },
      message: { role: 'assistant', content: ` ${WORD}`.repeat(WORDS) },
    },
  ],
});

const frame = (members: object): string =>
  `data: ${JSON.stringify({ ...named, object: 'chat.completion.chunk', ...members })}\n\n`;
const choice = (delta: object, finish_reason: string | null) => ({
  choices: [{ index: 0, delta, finish_reason }],
});

export const opening: string = frame(choice({ role: 'assistant', content: '' }, null));
export const word: string = frame(choice({ content: ` ${WORD}` }, null));
export const closing: string = `${frame(choice({}, 'stop'))}${frame({ choices: [], usage })}data: [DONE]\n\n`;
