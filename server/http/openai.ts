/**
 * The surface that models' clients know: /v1/models, /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings, and
 * Anthropic's /v1/messages. Their clients work unchanged.
 */
import {
  formatOpen,
  isId,
  type NamedTerms,
  OpenLedgerError,
  type Pricing,
  pricingOf,
} from '@openledger/protocol';
import { type Context, Hono } from 'hono';
import {
  ChatBody,
  CompletionBody,
  EmbeddingsBody,
  fromChat,
  fromCompletion,
  fromResponses,
  type Inference,
  ModelName,
  ResponsesBody,
} from '../gateway/index.ts';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { Model, Models } from '../models/index.ts';
import type { Log } from '../platform/log.ts';
import { answerCall, type SurfaceHandles, type Wording } from './answer-call.ts';
import { anthropicSurface } from './anthropic.ts';
import { inferringCaller } from './authorize.ts';
import { parseBody } from './body.ts';
import { answerEmbeddings } from './embeddings.ts';
import { errorBody, failure } from './openai-errors.ts';
import { chatShape, completionShape, generationShape, type Shape } from './openai-shapes.ts';
import { openAiRateHeaders } from './rate-headers.ts';
import { readCall } from './read-call.ts';
import { NoQuery, recordedResponse } from './recorded-response.ts';
import { responsesWording } from './responses.ts';

export type OpenAiHandles = SurfaceHandles & { readonly models: Models };

/** A sub-application to be mounted at /v1. */
export function openAiSurface(handles: OpenAiHandles): Hono {
  const { models } = handles;
  const app = new Hono();
  app.onError((error) => failure(error, handles.log));

  app.get('/models', async (c) => {
    await callerOf(handles, c);
    const listed = await models.list();
    const terms = await handles.gateway.termsOf(listed);
    const data = listed.map((model) => modelShape(model, terms));
    return c.json({ object: 'list', data });
  });
  app.get('/models/:name{.+}', async (c) => {
    await callerOf(handles, c);
    const model = await models.find(parseBody(ModelName, c.req.param('name')));
    return c.json(modelShape(model, await handles.gateway.termsOf([model])));
  });
  app.post('/chat/completions', async (c) => {
    const caller = await callerOf(handles, c);
    const { body, idempotency } = await readCall(c, ChatBody);
    const { stream, includeUsage } = streaming(body);
    const wording = wordingOf(chatShape, includeUsage, handles.log);
    const request = fromChat(body);
    return answerCall(handles.gateway, c, { caller, request, idempotency, stream, wording });
  });
  app.post('/completions', async (c) => {
    const caller = await callerOf(handles, c);
    const { body, idempotency } = await readCall(c, CompletionBody);
    const { stream, includeUsage } = streaming(body);
    const wording = wordingOf(completionShape, includeUsage, handles.log);
    const request = fromCompletion(body);
    return answerCall(handles.gateway, c, { caller, request, idempotency, stream, wording });
  });
  app.post('/responses', async (c) => {
    const caller = await callerOf(handles, c);
    const { body, idempotency } = await readCall(c, ResponsesBody);
    const wording = responsesWording(body, handles.log);
    const request = fromResponses(body);
    return answerCall(handles.gateway, c, {
      ...{ caller, request, idempotency, stream: body.stream ?? false, wording },
    });
  });
  app.post('/embeddings', async (c) => {
    const caller = await callerOf(handles, c);
    const { body, idempotency } = await readCall(c, EmbeddingsBody);
    return answerEmbeddings(handles.gateway, c, { caller, body, idempotency });
  });
  app.get('/responses/:id', async (c) => {
    const caller = await callerOf(handles, c);
    parseBody(NoQuery, c.req.query());
    const generation = await ownGeneration(handles, c.req.param('id'), caller);
    const grounding = await handles.gateway.ground(generation.inferenceId);
    return c.json(recordedResponse(generation, grounding));
  });
  app.get('/generations/:id', async (c) => {
    const caller = await callerOf(handles, c);
    const generation = await ownGeneration(handles, c.req.param('id'), caller);
    const grounding = await handles.gateway.ground(generation.inferenceId);
    return c.json(generationShape(generation, grounding));
  });
  app.route('/messages', anthropicSurface(handles));
  // Not `notFound`: a mounted application's own is never asked.
  app.all('/*', (c) => {
    throw new OpenLedgerError('not_found', `There is no ${c.req.method} ${c.req.path}.`);
  });
  return app;
}

/** A key is always needed here: only operations of the table can be public. */
const callerOf = ({ authenticate }: OpenAiHandles, c: Context): Promise<Caller> =>
  inferringCaller(c, authenticate, c.req.header('authorization'));

/** By the inference's id, or by the one that an answer had in its surface's words. To others it is not there. */
async function ownGeneration(
  { gateway }: OpenAiHandles,
  id: string,
  caller: Caller,
): Promise<Inference> {
  const inferenceId = id.replace(/^(chatcmpl-|cmpl-|resp_|msg_)/, 'inf_');
  const found = isId('inference', inferenceId) ? await gateway.find(inferenceId) : undefined;
  if (found && (found.payerId === caller.partyId || isAdmin(caller))) return found;
  throw new OpenLedgerError('not_found', `No generation ${id}.`);
}

const streaming = (body: {
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean | null } | null;
}) => ({ stream: body.stream ?? false, includeUsage: body.stream_options?.include_usage ?? false });

/** OpenAI's frames: each a chunk, then `[DONE]`. */
function wordingOf(shape: Shape, includeUsage: boolean, log: Log): Wording {
  const data = (chunk: object) => `data: ${JSON.stringify(chunk)}\n\n`;
  const usageSoFar = includeUsage ? shape.noUsageYet : {};
  return {
    whole: shape.whole,
    headers: ({ rates }) => openAiRateHeaders(rates),
    streamed(serving) {
      let characters = 0;
      return {
        opening: () => shape.opening(serving).map((chunk) => data({ ...chunk, ...usageSoFar })),
        content(event) {
          const chunk = shape.chunk(serving, event, characters);
          if (event.kind === 'text') characters += event.text.length;
          return [data({ ...chunk, ...usageSoFar })];
        },
        closing: (end) => [
          data({ ...shape.closing(serving, end), ...usageSoFar }),
          ...(includeUsage ? [data(shape.usage(serving, end))] : []),
          'data: [DONE]\n\n',
        ],
        failure: (error) => [data(errorBody(error, log))],
      };
    },
  };
}

/** With what a token costs by the operator it was registered with, as OpenRouter says it, and the terms of all who serve it. */
const modelShape = (model: Model, terms: readonly NamedTerms[]) => ({
  id: model.name,
  object: 'model',
  created: Math.floor(model.createdAt.getTime() / 1000),
  owned_by: model.operator,
  pricing: pricingShape(model.pricing),
  openledger: {
    terms: terms
      .filter((one) => one.model === model.name)
      .map(({ hash, operator, promptUnits, completionUnits, since }) => ({
        ...{ hash, operator: operator.name, promptUnits, completionUnits, since },
        pricing: pricingShape(pricingOf({ promptUnits, completionUnits })),
      })),
  },
});

/** OPEN a token. */
const pricingShape = ({ promptUnits, completionUnits }: Pricing) => ({
  prompt: formatOpen(promptUnits),
  completion: formatOpen(completionUnits),
});
