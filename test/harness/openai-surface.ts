/** The OpenAI surface of a test gateway on a port, its official client, and OpenAI's schema for all that goes over the wire. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import OpenAI from 'openai';
import { expect } from 'vitest';
import { createHttp } from '../../server/http/app.ts';
import { listen } from '../../server/http/listen.ts';
import { openAiSurface } from '../../server/http/openai.ts';
import { createLog } from '../../server/platform/log.ts';
import type { TestGateway } from './gateway.ts';

/** OpenAI's own description of its API; it lies beside the project, where its test data does. */
const DOCUMENT = new URL('../../../shared/data/peers/openai-openapi/openapi.json', import.meta.url);

export type TestSurface = {
  readonly url: string;
  readonly clientOf: (apiKey: string, options?: { fetch?: typeof fetch }) => OpenAI;
  /** As the clients do it, recorded. */
  readonly fetch: typeof fetch;
  /** What was logged as an error. */
  readonly logged: readonly string[];
  /** Validates all that was answered since the last time. */
  assertAllValid(): Promise<void>;
  close(): Promise<void>;
};

/** What went over the wire, as it went. */
type Answer = { path: string; status: number; contentType: string; text: Promise<string> };

export async function openSurface(world: TestGateway): Promise<TestSurface> {
  const logged: string[] = [];
  const answers: Answer[] = [];
  const log = createLog((line) => line.includes('"level":"error"') && logged.push(line));
  const { authenticate } = world.identity;
  const surface = openAiSurface({ ...world, authenticate, log });
  const http = createHttp({
    ...{ routes: [], authenticate, log },
    mount: (app) => app.route('/v1', surface),
  });
  const { url, close } = await listen(http, { host: '127.0.0.1', port: 0 });
  const recordingFetch = async (input: string | URL | Request, init?: RequestInit) => {
    const response = await fetch(input, init);
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    answers.push({
      path: pathname.replace(/^\/v1/, ''),
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      text: response.clone().text(),
    });
    return response;
  };
  return {
    ...{ url, close, logged, fetch: recordingFetch },
    clientOf: (apiKey, options = { fetch: recordingFetch }) =>
      new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0, ...options }),
    async assertAllValid() {
      for (const answer of answers.splice(0)) await assertAnswerValid(answer);
    },
  };
}

async function assertAnswerValid({ path, status, contentType, text }: Answer): Promise<void> {
  if (contentType.startsWith('text/event-stream')) {
    const events = (await text).split('\n\n').filter((event) => event !== '');
    for (const event of events) {
      const data = event.replace(/^event: .*\n/, '').replace(/^data: /, '');
      if (data !== '[DONE]') assertValid(chunkSchema(path, data), JSON.parse(data));
    }
  } else if (contentType.startsWith('application/json')) {
    assertValid(status < 400 ? wholeSchema(path) : 'ErrorResponse', JSON.parse(await text));
  }
}

const wholeSchema = (path: string): string => {
  if (path === '/models') return 'ListModelsResponse';
  if (path.startsWith('/models/')) return 'Model';
  if (path.startsWith('/responses')) return 'Response';
  if (path === '/embeddings') return 'CreateEmbeddingResponse';
  return path === '/completions' ? 'CreateCompletionResponse' : 'CreateChatCompletionResponse';
};

const chunkSchema = (path: string, data: string): string => {
  if (path === '/responses') return 'ResponseStreamEvent';
  if (data.startsWith('{"error"')) return 'ErrorResponse';
  return path === '/completions' ? STREAMED_COMPLETION : 'CreateChatCompletionStreamResponse';
};

/** Streamed completions have the schema of whole ones. */
const STREAMED_COMPLETION = 'CreateCompletionResponse (streamed)';

/**
 * OpenAI's schema says that a completion's finish reason is never null, and that streamed chunks share the schema;
 * its server sends null in every chunk but the last, and its clients wait for that. So do we: the one deviation.
 */
const isKnownDeviation = (schema: string, instancePath: string, value: unknown): boolean =>
  schema === STREAMED_COMPLETION &&
  instancePath === '/choices/0/finish_reason' &&
  (value as OpenAI.Completion).choices[0].finish_reason === null;

/** @throws where OpenAI describes it otherwise */
export function assertValid(schema: string, value: unknown): void {
  if (!schemas) return;
  const { getSchema } = schemas;
  const validate = getSchema(`openai#/components/schemas/${schema.split(' ')[0]}`);
  if (!validate) throw new Error(`OpenAI describes no ${schema}.`);
  validate(value);
  const errors = (validate.errors ?? []).filter(
    ({ instancePath }) => !isKnownDeviation(schema, instancePath, value),
  );
  expect([schema, errors]).toEqual([schema, []]);
}

const schemas = existsSync(DOCUMENT) ? createSchemas() : undefined;
export const hasSchemas = schemas !== undefined;
if (!schemas) {
  process.stderr.write(`Skipped: validation against OpenAI's schema (no ${DOCUMENT.pathname})\n`);
}

function createSchemas() {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
  formats.default(ajv);
  ajv.addFormat('unixtime', { type: 'number', validate: Number.isInteger });
  ajv.addSchema(withNulls(JSON.parse(readFileSync(DOCUMENT, 'utf8'))) as object, 'openai');
  return { getSchema: (reference: string) => ajv.getSchema(reference) };
}

/** The document is OpenAPI 3.1, but still says `nullable` as 3.0 did, also beside references and lists of values. */
function withNulls(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withNulls);
  if (typeof node !== 'object' || node === null) return node;
  const { nullable, ...rest } = node as Record<string, unknown>;
  const plain = Object.fromEntries(
    Object.entries(rest).map(([name, member]) => [name, withNulls(member)]),
  );
  return nullable === true ? { anyOf: [plain, { type: 'null' }] } : { ...plain };
}
