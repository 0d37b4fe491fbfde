/**
 * A call's spans, as OpenTelemetry's semantic conventions for generative AI name them: one for the call, one below it for each
 * time an operator is asked. No prompt, no answer, no key.
 *
 * Source: OpenTelemetry, "Semantic conventions for generative client AI spans" (in development).
 */
import {
  type AskedOperator,
  type AttemptEnding,
  codeOf,
  type RoutedCall,
} from '../gateway/index.ts';
import type { Span, Tracing } from '../platform/tracing.ts';
import type { CallFacts } from './call-facts.ts';

export type CallSpan = {
  attempt(asked: AskedOperator): AttemptSpan;
  /** The facts have the end by now. */
  end(): void;
};

export type AttemptSpan = Pick<Span, 'spanId' | 'sampled'> & { end(end: AttemptEnding): void };

export function startCallSpan(tracing: Tracing, facts: CallFacts): CallSpan {
  const { origin, trace } = facts;
  const isInternal = origin.surface === 'internal';
  const span = tracing.start({
    ...{ name: origin.surface, kind: isInternal ? 'internal' : 'server' },
    ...{ trace, startedAt: origin.startedAt },
    attributes: isInternal ? {} : { 'http.route': origin.surface },
  });
  return {
    attempt: (asked) => startAttempt(tracing, { facts, asked, parent: span }),
    end: () => span.end({ ...nameOf(facts), ...endOf(facts) }),
  };
}

function startAttempt(
  tracing: Tracing,
  {
    facts,
    asked,
    parent,
  }: { readonly facts: CallFacts; readonly asked: AskedOperator; readonly parent: Span },
): AttemptSpan {
  const operation = operationOf(facts);
  const { spanId, sampled, end } = tracing.start({
    ...{ name: `${operation} ${asked.model}`, kind: asked.baseUrl ? 'client' : 'internal' },
    ...{ trace: facts.trace, parent, startedAt: performance.now() },
    attributes: {
      'gen_ai.operation.name': operation,
      'gen_ai.provider.name': providers[asked.kind],
      'gen_ai.request.model': asked.model,
      'gen_ai.request.max_tokens': facts.opened?.maxTokens,
      'openledger.operator': asked.name,
      ...(asked.baseUrl === undefined ? {} : addressOf(asked.baseUrl)),
    },
  });
  return {
    spanId,
    sampled,
    end(how) {
      if (how.kind === 'failed') end({ attributes: {}, errorType: codeOf(how.error) });
      else if (how.kind === 'stopped') end({ attributes: { 'openledger.stopped': true } });
      else {
        end({
          attributes: {
            'gen_ai.response.finish_reasons': [how.finishReason],
            'gen_ai.usage.input_tokens': how.usage?.promptTokens,
            'gen_ai.usage.output_tokens': how.usage?.completionTokens,
          },
        });
      }
    },
  };
}

/** What speaks OpenAI's words counts as OpenAI there, whoever runs it. */
const providers: Readonly<Record<AskedOperator['kind'], string>> = {
  ...{ openai: 'openai', anthropic: 'anthropic', local: 'openledger' },
  ...{ vllm: 'vllm', 'llama.cpp': 'llama.cpp', ollama: 'ollama' }, // names of our own: the conventions have none
};

const operations: Readonly<Record<RoutedCall['operation'], string>> = {
  ...{ chat: 'chat', completion: 'text_completion', embedding: 'embeddings' },
};

const operationOf = ({ routed }: CallFacts): string => operations[routed?.operation ?? 'chat'];

/** Until the model is known, the name is the surface's. */
const nameOf = (facts: CallFacts): { readonly name?: string } =>
  facts.routed ? { name: `${operationOf(facts)} ${facts.routed.model}` } : {};

function endOf(facts: CallFacts): Omit<Parameters<Span['end']>[0], 'name'> {
  const { routed, opened, end } = facts;
  const known = {
    ...(routed && {
      'gen_ai.operation.name': operationOf(facts),
      'gen_ai.provider.name': 'openledger',
      'gen_ai.request.model': routed.model,
      'openledger.operator': routed.operator,
    }),
    ...(opened && {
      'gen_ai.request.max_tokens': opened.maxTokens,
      'openledger.inference.id': opened.inferenceId,
    }),
    'openledger.attempts': facts.attempts,
    'openledger.outcome': end?.kind,
  };
  if (end?.kind === 'refused' || end?.kind === 'lost') {
    return { attributes: known, errorType: codeOf(end.error) };
  }
  const errorType = end && errors[end.finishReason];
  if (end?.kind !== 'served') return { attributes: known, errorType };
  return {
    attributes: {
      ...known,
      'gen_ai.response.model': routed?.model,
      'gen_ai.response.finish_reasons': [end.finishReason],
      'gen_ai.usage.input_tokens': end.usage.promptTokens,
      'gen_ai.usage.output_tokens': end.usage.completionTokens,
      'openledger.price_units': end.priceUnits.toString(),
    },
    errorType,
  };
}

/** A call whose operator failed went wrong; one whose client left, or whose answer was blank, did not. */
const errors: Readonly<Record<string, string>> = { operator_failed: 'operator_failed' };

/** Where it is, without whatever else its URL says. */
function addressOf(baseUrl: string): Readonly<Record<string, string | number>> {
  if (!URL.canParse(baseUrl)) return {};
  const { hostname, port, protocol } = new URL(baseUrl);
  return {
    'server.address': hostname,
    'server.port': port ? Number(port) : protocol === 'https:' ? 443 : 80,
  };
}
