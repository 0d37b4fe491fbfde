/** What was asked for, as a response repeats it. */
import type { GenerationRequest, ResponsesBody } from '../gateway/index.ts';

export const settingsOf = (body: ResponsesBody) => ({
  ...unset,
  instructions: body.instructions ?? null,
  max_output_tokens: body.max_output_tokens ?? null,
  metadata: body.metadata ?? {},
  parallel_tool_calls: body.parallel_tool_calls ?? true,
  temperature: body.temperature ?? null,
  text: { format: formatObject(body.text?.format) },
  tool_choice: body.tool_choice ?? 'auto',
  tools: (body.tools ?? []).map(toolObject),
  top_logprobs: body.top_logprobs ?? null,
  top_p: body.top_p ?? null,
  user: body.user ?? undefined,
});

/** As the record of a call has it, and which of the rest is not known to be so. */
export const recordedSettings = ({
  tools,
  responseFormat,
}: Partial<Pick<GenerationRequest, 'tools' | 'responseFormat'>>) => ({
  settings: {
    ...unset,
    text: { format: formatObject(responseFormat) },
    tools: (tools ?? []).map(toolObject),
  },
  notRecorded: Object.keys(openSettings),
});

/** Set by the client, or left open: null is then as the operator does it. */
const openSettings = {
  instructions: null,
  max_output_tokens: null,
  metadata: null,
  parallel_tool_calls: true,
  temperature: null,
  tool_choice: 'auto',
  top_logprobs: null,
  top_p: null,
};

const unset = {
  ...openSettings,
  ...{ background: false, previous_response_id: null, reasoning: null, truncation: 'disabled' },
};

const toolObject = (tool: {
  readonly name: string;
  readonly description?: string | null;
  readonly parameters?: Readonly<Record<string, unknown>> | null;
  readonly strict?: boolean | null;
}) => ({
  type: 'function',
  name: tool.name,
  description: tool.description ?? null,
  parameters: tool.parameters ?? null,
  strict: tool.strict ?? null,
});

type Format = NonNullable<NonNullable<ResponsesBody['text']>['format']>;

function formatObject(format: Format | GenerationRequest['responseFormat'] | null) {
  if (format?.type !== 'json_schema') return { type: format?.type ?? 'text' };
  const { type, name, description, schema, strict } = format;
  return {
    ...{ type, name, description: description ?? undefined },
    ...{ schema: schema ?? {}, strict: strict ?? null },
  };
}
