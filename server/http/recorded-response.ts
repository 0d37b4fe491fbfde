/** A response as the record of its call has it, for GET /v1/responses/:id. */
import { OpenLedgerError, RequestDocument } from '@openledger/protocol';
import { z } from 'zod';
import {
  type GenerationRequest,
  type Grounding,
  type Inference,
  textOf,
} from '../gateway/index.ts';
import { itemsOf, type Outcome, outcomeOf, responseObject } from './response-object.ts';
import { recordedSettings } from './response-settings.ts';

/** A record is told whole, and nothing else can be asked of it. */
export const NoQuery = z.record(z.string(), z.undefined({ error: 'Not supported here.' }));

/** What the record does not have is null or as OpenAI presets it, and named. Text comes before calls, whatever came first. */
export function recordedResponse(inference: Inference, grounding: Grounding | undefined) {
  const { status, toolCalls, usage, priceUnits, route, servedAt } = inference;
  const { settings, notRecorded } = recordedSettings(askedIn(inference));
  const items = itemsOf({ text: textOf(inference), toolCalls, logprobs: [] });
  const charged = status === 'served' ? { usage, priceUnits, grounding } : undefined;
  const call = { ...inference, model: route.model };
  const response = responseObject(call, settings, outcomeIn(inference), { items, charged });
  return {
    ...response,
    completed_at:
      response.status === 'completed' && servedAt ? Math.floor(servedAt.getTime() / 1000) : null,
    openledger: { ...response.openledger, notRecorded },
  };
}

function outcomeIn({ status, finishReason }: Inference): Outcome {
  if (status === 'held') return { status: 'in_progress' };
  return status === 'served'
    ? outcomeOf(finishReason)
    : { status: 'failed', failure: 'The call is void: nothing was charged.' };
}

/** Tools and forms stand in the record as the gateway wrote them there. */
function askedIn({ inferenceId, request }: Inference): Partial<GenerationRequest> {
  const document = RequestDocument.parse(JSON.parse(request));
  if (document.kind === 'embedding') {
    throw new OpenLedgerError('not_found', `${inferenceId} was a call for embeddings.`);
  }
  const { tools, responseFormat } = document;
  return {
    tools: tools?.map((tool) => JSON.parse(tool)),
    responseFormat: responseFormat === undefined ? undefined : JSON.parse(responseFormat),
  };
}
