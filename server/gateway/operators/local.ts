/** The engine of this process: small models trained here, interpolated with the datanets they were trained on. */
import { OpenLedgerError } from '@openledger/protocol';
import type { GenerateOptions, Models } from '../../models/index.ts';
import type { Generation, Operator } from './operator.ts';

/**
 * A small model continues text: it has no tools and keeps to no schema.
 *
 * @throws unprocessable, from both, when it is asked for that
 */
export function localOperator(models: Models): Operator {
  return {
    listModels: async () =>
      (await models.list())
        .filter(({ operator }) => operator === 'local')
        .map(({ modelId }) => modelId),
    countPrompt: async (generation) => models.countTokens(optionsOf(generation)),
    generate: (generation) =>
      models.generate({ ...optionsOf(generation), signal: generation.signal }),
  };
}

function optionsOf({
  model,
  request,
  maxTokens,
  retrieved,
}: Omit<Generation, 'signal' | 'stream'>): GenerateOptions {
  if (request.tools.length > 0 || request.responseFormat) {
    throw new OpenLedgerError(
      'unprocessable',
      `${request.model} runs on the local engine, which has neither tools nor forms of answers.`,
    );
  }
  const { temperature, topP, topK, seed, stop, logprobs } = request;
  return {
    ...{ model, maxTokens, temperature, topP, topK, seed, stop, logprobs },
    prompt: plainPrompt(request.messages.map((message) => message.content)),
    context: retrieved.map((record) => record.text),
    retrieved: retrieved.map((record) => record.recordHash),
    interpolate: request.interpolate,
  };
}

/** A small model continues text; it knows no roles. So the prompt is the messages' texts, one after the other. */
export const plainPrompt = (texts: readonly string[]): string =>
  texts.filter((text) => text !== '').join('\n\n');
