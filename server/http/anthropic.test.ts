import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { formatOpen, type Id, RequestDocument } from '@openledger/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MODEL, openTestGateway, price, type TestGateway } from '../../test/harness/gateway.ts';
import { openSurface, type TestSurface } from '../../test/harness/openai-surface.ts';

let world: TestGateway;
let surface: TestSurface;
let client: Anthropic;

const clientOf = (apiKey: string) => new Anthropic({ apiKey, baseURL: surface.url, maxRetries: 0 });

beforeAll(async () => {
  world = await openTestGateway();
  surface = await openSurface(world);
  client = clientOf((await world.payer(10n ** 9n)).secret);
});

afterAll(async () => {
  await surface.close();
  await world.end();
});

afterEach(() => expect([...surface.logged, ...world.errors]).toEqual([]));

const plays = (...texts: readonly string[]) =>
  world.operator.plays((call) => {
    for (const text of texts) call.text(text);
    call.finish({ prompt: 5, completion: texts.length });
  });

const asked = {
  ...{ model: MODEL, max_tokens: 20, system: 'Be brief.' },
  messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Say it.' }] }],
};

test('a message: the text, why it ended, what it cost, and its receipt', async () => {
  plays('Hello ', 'you.');
  const { data, response } = await client.messages.create(asked).withResponse();
  expect(data).toMatchObject({
    ...{ type: 'message', role: 'assistant', model: MODEL, stop_reason: 'end_turn' },
    content: [{ type: 'text', text: 'Hello you.' }],
    usage: { input_tokens: 5, output_tokens: 2, cost: formatOpen(price(5, 2)) },
  });
  expect(data.id).toMatch(/^msg_[0-9a-f]{32}$/);
  expect(response.headers.get('x-openledger-receipt')).toBe(data.id.replace('msg_', 'rct_'));
  expect(response.headers.get('x-openledger-price')).toBe(formatOpen(price(5, 2)));
  const sent = world.operator.calls.at(-1)?.body as {
    messages: { role: string; content: string }[];
  };
  expect(sent.messages.map(({ role, content }) => [role, content])).toEqual([
    ['system', 'Be brief.'],
    ['user', 'Say it.'],
  ]);
});

test('a streamed message comes piece by piece, and ends with its usage', async () => {
  plays('Hello ', 'you.');
  const stream = client.messages.stream(asked);
  const pieces: string[] = [];
  stream.on('text', (piece) => pieces.push(piece));
  const whole = await stream.finalMessage();
  expect(pieces).toEqual(['Hello ', 'you.']);
  expect(whole).toMatchObject({
    ...{ stop_reason: 'end_turn', content: [{ type: 'text', text: 'Hello you.' }] },
    usage: { output_tokens: 2 },
  });
});

async function failing(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof APIError)) throw error;
  const body = error.error as { type: string; error: { type: string; message: string } };
  return [error.status, body.type, body.error.type, body.error.message] as const;
}

const kindOf = async (work: Promise<unknown>) => (await failing(work)).slice(0, 3);

test('errors are the kind that its client knows, and cost nothing', async () => {
  expect(await kindOf(clientOf('ol_wrong').messages.create(asked))).toEqual([
    ...[401, 'error', 'authentication_error'],
  ]);
  const { secret } = await world.payer(0n);
  expect(await kindOf(clientOf(secret).messages.create(asked))).toEqual([
    ...[402, 'error', 'billing_error'],
  ]);
  expect(await kindOf(client.messages.create({ ...asked, model: 'nobody' }))).toEqual([
    ...[404, 'error', 'not_found_error'],
  ]);
  expect(await kindOf(client.messages.create({ ...asked, max_tokens: 0 }))).toEqual([
    ...[400, 'error', 'invalid_request_error'],
  ]);
});

test('a key’s rates are told in its client’s own headers, and when to come again', async () => {
  plays('Hello.');
  const limits = { requestsPerMinute: 1 };
  const limited = clientOf((await world.payer(10n ** 9n, { limits })).secret);
  const { response } = await limited.messages.create(asked).withResponse();
  const header = (name: string) => response.headers.get(`anthropic-ratelimit-requests-${name}`);
  expect([header('limit'), header('remaining')]).toEqual(['1', '0']);
  const resetMs = Date.parse(header('reset') as string) - Date.now();
  expect(resetMs).toBeGreaterThan(0);
  expect(resetMs).toBeLessThanOrEqual(60_000);
  const error = await limited.messages.create(asked).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof Anthropic.RateLimitError)) throw error;
  expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(error.error).toMatchObject({ error: { type: 'rate_limit_error', code: 'rate_limited' } });
});

test('a stream whose operator fails under way says so in it', async () => {
  world.operator.plays((call) => {
    call.text('Hello ');
    call.destroy();
  });
  const stream = client.messages.stream(asked);
  await expect(stream.finalMessage()).rejects.toThrow();
});

const tool: Anthropic.Tool = {
  ...{ name: 'get_weather', description: 'Says what the sky over a town looks like.' },
  ...{ input_schema: { type: 'object', properties: { town: { type: 'string' } } }, strict: true },
};

/** The model's text and its calls, as OpenAI's words have them: each argument in two pieces. */
const callsTools = (text: string, ...calls: readonly (readonly [string, string])[]) =>
  world.operator.plays((call) => {
    if (text) call.text(text);
    const say = (index: number, piece: object) =>
      call.event({ choices: [{ index: 0, delta: { tool_calls: [{ index, ...piece }] } }] });
    for (const [index, [id, written]] of calls.entries()) {
      const half = written.length >> 1;
      say(index, { id, function: { name: tool.name, arguments: written.slice(0, half) } });
      say(index, { function: { arguments: written.slice(half) } });
    }
    call.finish({ prompt: 40, completion: 22 }, 'tool_calls');
  });

const toolUse = (id: string, input: object) => ({
  ...{ type: 'tool_use' as const, id, name: tool.name, input },
});

test('a loop of tools: text and calls come as blocks, results go back, and the answer follows', async () => {
  callsTools('I look.', ['call_a', '{"town":"Ystad"}'], ['call_b', '{"town":"Ume\u00e5"}']);
  const question = { role: 'user' as const, content: 'Rain?' };
  const offered = { ...asked, max_tokens: 50, messages: [question], tools: [tool] };
  const first = await client.messages.create({
    ...offered,
    tool_choice: { type: 'any', disable_parallel_tool_use: false },
  });
  expect(first).toMatchObject({
    content: [
      { type: 'text', text: 'I look.' },
      toolUse('call_a', { town: 'Ystad' }),
      toolUse('call_b', { town: 'Umeå' }),
    ],
    ...{ stop_reason: 'tool_use', stop_sequence: null },
    usage: { input_tokens: 40, output_tokens: 22, cost: formatOpen(price(40, 22)) },
  });
  const { input_schema: parameters, ...named } = tool;
  expect(world.operator.calls[0].body).toMatchObject({
    tools: [{ type: 'function', function: { ...named, parameters } }],
    ...{ tool_choice: 'required', parallel_tool_calls: true },
  });

  plays('It rains.');
  const { data: second, response } = await client.messages
    .create({
      ...offered,
      messages: [
        question,
        { role: 'assistant', content: first.content },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'And ' },
            { type: 'tool_result', tool_use_id: 'call_a', content: 'Heavy rain.' },
            {
              ...{ type: 'tool_result', tool_use_id: 'call_b', is_error: true },
              content: [
                { type: 'text', text: 'No such ' },
                { type: 'text', text: 'town.' },
              ],
            },
            { type: 'text', text: 'now?' },
          ],
        },
      ],
    })
    .withResponse();
  expect(second).toMatchObject({
    ...{ content: [{ type: 'text', text: 'It rains.' }], stop_reason: 'end_turn' },
  });
  const asText = (id: string, town: string) => ({
    ...{ id, type: 'function', function: { name: tool.name, arguments: `{"town":"${town}"}` } },
  });
  expect(world.operator.calls[0].body.messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Rain?' },
    {
      ...{ role: 'assistant', content: 'I look.' },
      tool_calls: [asText('call_a', 'Ystad'), asText('call_b', 'Umeå')],
    },
    { role: 'tool', tool_call_id: 'call_a', content: 'Heavy rain.' },
    { role: 'tool', tool_call_id: 'call_b', content: 'Error: No such town.' },
    { role: 'user', content: 'And now?' },
  ]);
  const inferenceId = response.headers.get('x-openledger-inference') as string;
  const { clientTexts, request } = await world.gateway.find(inferenceId);
  expect(clientTexts).toEqual(expect.arrayContaining(['Heavy rain.', 'No such town.']));
  const recorded = RequestDocument.parse(JSON.parse(request));
  const messages = recorded.kind === 'embedding' ? [] : recorded.messages;
  expect(messages.map(({ isError }) => isError ?? false)).toEqual([
    ...[false, false, false, false, true, false],
  ]);
});

test.each([
  [{ type: 'auto' as const }, 'auto', undefined],
  [{ type: 'any' as const, disable_parallel_tool_use: true }, 'required', false],
  [{ type: 'none' as const }, 'none', undefined],
  [
    { type: 'tool' as const, name: 'get_weather', disable_parallel_tool_use: true },
    { type: 'function', function: { name: 'get_weather' } },
    false,
  ],
])('the choice %j reaches the operator', async (tool_choice, choice, parallel) => {
  plays('Yes.');
  await client.messages.create({ ...asked, tools: [tool], tool_choice });
  const { body } = world.operator.calls[0];
  expect([body.tool_choice, body.parallel_tool_calls]).toEqual([choice, parallel]);
});

test('a streamed loop of tools: the client puts its blocks together, and no text is opened for none', async () => {
  callsTools('', ['call_a', '{"town":"Ystad"}'], ['call_b', '{"town":"Lund"}']);
  const stream = client.messages.stream({ ...asked, max_tokens: 50, tools: [tool] });
  const stopped: unknown[] = [];
  const types: string[] = [];
  stream.on('contentBlock', (block) => stopped.push({ ...block }));
  stream.on('streamEvent', ({ type }) => types.push(type));
  const whole = await stream.finalMessage();
  const calls = [toolUse('call_a', { town: 'Ystad' }), toolUse('call_b', { town: 'Lund' })];
  expect(whole).toMatchObject({
    ...{ content: calls, stop_reason: 'tool_use' },
    usage: { input_tokens: 40, output_tokens: 22 },
  });
  expect(stopped).toEqual(calls);
  const block = ['content_block_start', 'content_block_delta', 'content_block_delta'];
  expect(types).toEqual([
    'message_start',
    ...[...block, 'content_block_stop', ...block, 'content_block_stop'],
    ...['message_delta', 'message_stop'],
  ]);

  callsTools('I look.', ['call_c', '{"town":"Lund"}']);
  const { content } = await client.messages.stream({ ...asked, tools: [tool] }).finalMessage();
  expect(content).toMatchObject([
    { type: 'text', text: 'I look.' },
    toolUse('call_c', { town: 'Lund' }),
  ]);
});

test('arguments that are no object are in the block as a text under INVALID_JSON', async () => {
  callsTools('', ['a', '{"town":'], ['b', '["Lund"]'], ['c', '']);
  const { content } = await client.messages.create({ ...asked, tools: [tool] });
  expect(content).toMatchObject([
    toolUse('a', { INVALID_JSON: '{"town":' }),
    toolUse('b', { INVALID_JSON: '["Lund"]' }),
    toolUse('c', {}),
  ]);
});

test('the start of a stream tells what the prompt is about, and the end what the operator counted', async () => {
  plays('Hello.');
  const usages: unknown[] = [];
  const stream = client.messages.stream(asked);
  stream.on('streamEvent', (event) => {
    if (event.type === 'message_start') usages.push({ ...event.message.usage });
    if (event.type === 'message_delta') usages.push(event.usage);
  });
  await stream.finalMessage();
  const { input_tokens } = await client.messages.countTokens({
    ...{ model: MODEL, system: asked.system, messages: asked.messages },
  });
  expect(input_tokens).toBeGreaterThan(0);
  expect(usages).toMatchObject([
    { input_tokens, output_tokens: 0 },
    { input_tokens: 5, output_tokens: 1 },
  ]);
});

test('a stop sequence is told where the operator tells it', async () => {
  world.operator.plays((call) => {
    call.text('One, ');
    call.event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop', stop_reason: 'two' }] });
    call.finish({ prompt: 5, completion: 2 });
  });
  const message = await client.messages.create({ ...asked, stop_sequences: ['three', 'two'] });
  expect(message).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'two' });
});

test('a schema for the answer is passed on', async () => {
  plays('{}');
  const schema = { type: 'object', properties: { sky: { type: 'string' } } };
  await client.messages.create({
    ...{ ...asked, output_config: { format: { type: 'json_schema', schema } } },
    thinking: { type: 'disabled' },
  });
  expect(world.operator.calls[0].body.response_format).toMatchObject({
    ...{ type: 'json_schema', json_schema: { schema } },
  });
});

test('what nobody here would heed, and what does not hang together, is refused by its name', async () => {
  const result = { type: 'tool_result', tool_use_id: 'call_a', content: 'Rain.' } as const;
  const refusals: readonly [object, string][] = [
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, 'thinking.type'],
    [{ output_config: { effort: 'high' } }, 'output_config.effort'],
    [{ tools: [{ type: 'bash_20250124', name: 'bash' }] }, 'tools.0.type'],
    [{ tools: [{ name: 'look' }] }, 'tools.0.input_schema'],
    [{ tools: [tool], tool_choice: { type: 'tool', name: 'listen' } }, 'tool_choice.name'],
    [{ messages: [{ role: 'user', content: [{ type: 'image' }] }] }, 'messages.0.content.0.type'],
    [{ messages: [{ role: 'user', content: [result] }] }, 'messages.0.content'],
    [
      {
        messages: [
          { role: 'assistant', content: [toolUse('call_a', {})] },
          { role: 'assistant', content: 'Well.' },
          { role: 'user', content: [result] },
          { role: 'assistant', content: 'It rains.' },
          { role: 'user', content: [result] },
        ],
      },
      'messages.4.content',
    ],
  ];
  for (const [members, where] of refusals) {
    const body = { ...asked, ...members } as Anthropic.MessageCreateParamsNonStreaming;
    const [status, , type, message] = await failing(client.messages.create(body));
    expect([status, type, message.split(':')[0]]).toEqual([400, 'invalid_request_error', where]);
  }
});

test('tokens are counted for nothing, and a guess is called one', async () => {
  const { secret, partyId } = await world.payer(0n);
  const { data, response } = await clientOf(secret)
    .messages.countTokens({ model: MODEL, messages: [{ role: 'user', content: 'x'.repeat(400) }] })
    .withResponse();
  expect(data).toEqual({ input_tokens: 100, openledger: { estimated: true } });
  expect(response.headers.get('request-id')).toMatch(/^req_[0-9a-f]{24}$/);
  expect(await world.balancesOf(partyId)).toEqual([0n, 0n]);
  const withTool = await clientOf(secret).messages.countTokens({
    ...{ model: MODEL, messages: [{ role: 'user', content: 'x' }], tools: [tool] },
  });
  expect(withTool.input_tokens).toBeGreaterThan(20);
  const unknown = { model: 'nobody', messages: asked.messages };
  expect(await kindOf(client.messages.countTokens(unknown))).toEqual([
    ...[404, 'error', 'not_found_error'],
  ]);
});

test('any version of the API will do, and a key as its clients or as others send it', async () => {
  const { secret } = await world.payer(10n ** 6n);
  const ask = (headers: Record<string, string>) => {
    plays('Hello.');
    return fetch(`${surface.url}/v1/messages`, {
      ...{ method: 'POST', body: JSON.stringify(asked) },
      headers: { 'content-type': 'application/json', ...headers },
    });
  };
  const versioned = { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'some-2025-01-01' };
  const answers = [
    await ask({ ...versioned, 'x-api-key': secret }),
    await ask({ authorization: `Bearer ${secret}` }),
    await ask(versioned),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 401]);
  for (const { headers } of answers) {
    expect(headers.get('request-id')).toBe(headers.get('x-request-id'));
  }
});

test('a client that hangs up on a stream stops the operator, and pays for what was delivered', async () => {
  const { secret, partyId } = await world.payer(10n ** 6n);
  world.operator.plays((call) => {
    call.text('one ');
    call.text('two');
  });
  const stream = clientOf(secret).messages.stream(asked);
  let text = '';
  let id = '';
  for await (const event of stream) {
    if (event.type === 'message_start') id = event.message.id;
    if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') continue;
    text += event.delta.text;
    if (text === 'one two') break;
  }
  await world.operator.calls[0].closed;
  await expect
    .poll(async () => (await world.gateway.find(id.replace('msg_', 'inf_'))).status)
    .toBe('served');
  const inference = await world.gateway.find(id.replace('msg_', 'inf_'));
  expect(inference).toMatchObject({ output: 'one two', finishReason: 'disconnected' });
  await world.gateway.capture(inference.inferenceId as Id<'inference'>);
  expect(await world.balancesOf(partyId)).toEqual([10n ** 6n - inference.priceUnits, 0n]);
  expect(inference.priceUnits).toBeGreaterThan(0n);
});
