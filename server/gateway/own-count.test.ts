/** What operators elsewhere are paid where the model's tokenizer is known here. */
import type { Id } from '@openledger/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ask,
  openTestGateway,
  price,
  read,
  serve,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import { putTokenizer } from '../../test/harness/tokenizer.ts';
import type { RetrievedRecord } from '../datanets/index.ts';
import { EmbeddingsBody, fromEmbeddings } from './embedding-request.ts';
import { countExactly, countPromptBy } from './own-count.ts';
import { guessed } from './price.ts';
import type { GenerationRequest } from './request.ts';

const MODEL = 'harbour/one';
const QUESTION =
  'When does the master write down which boats came in at high water, and which went out? '.repeat(
    4,
  );
const ANSWER =
  'The master writes it down when the water is high — 水は高い, as they say — and the boats wait. '.repeat(
    5,
  );

let world: TestGateway;
/** Of the question as it is asked, and of the answer. */
let ours: { prompt: number; completion: number };

beforeAll(async () => {
  world = await openTestGateway();
  await putTokenizer(world.folder, 'harbour');
  const { id: builderId } = await world.identity.registerParty({ identity: 'local:harbour' });
  await world.models.registerExternal({
    ...{ name: MODEL, operator: 'remote', operatorModel: 'one', builderId, maxTokens: 2000 },
    ...{ pricing: { promptUnits: 2n, completionUnits: 3n }, tokenizer: 'harbour' },
  });
  const [question, completion] = await countsOf([QUESTION, ANSWER]);
  ours = { prompt: question + 3 + 3, completion };
});
afterAll(() => world.end());

async function countsOf(texts: readonly string[]): Promise<readonly number[]> {
  const counts = await world.models.tokenizers.count('harbour', texts);
  if (!counts) throw new Error('They were not counted.');
  return counts;
}

const question = (members: object = {}): GenerationRequest =>
  ask({
    ...{ model: MODEL, messages: [{ role: 'user', content: QUESTION }], max_tokens: 2000 },
    ...members,
  });

type Told = { readonly prompt: number; readonly completion: number };

/** Says the answer in these pieces, and how many tokens that was. */
const says = (told: Told | undefined, pieces: readonly string[] = [ANSWER]) =>
  world.operator.plays((call) => {
    for (const piece of pieces) call.text(piece);
    call.finish(told);
  });

/** Asks, reads to the end, pays. @returns what is on record, and what was paid */
async function served(call: Partial<Parameters<typeof serve>[2]> = {}) {
  const { caller, partyId } = await world.payer(1_000_000n);
  const serving = await serve(world.gateway, caller, { request: question(), ...call });
  await read(serving);
  await world.gateway.capture(serving.inferenceId);
  const { usage, estimated } = await world.gateway.find(serving.inferenceId);
  const [available, held] = await world.balancesOf(partyId);
  expect(held).toBe(0n);
  return { usage, estimated, paid: 1_000_000n - available };
}

const paid = ({ prompt, completion }: Told, estimated = false) => ({
  usage: { promptTokens: prompt, completionTokens: completion },
  ...{ estimated, paid: price(prompt, completion) },
});

test.each([
  'streamed',
  'whole',
] as const)('an operator that says three times the tokens is paid ours, %s, and the call says so', async (delivery) => {
  says({ prompt: 3 * ours.prompt, completion: 3 * ours.completion });
  expect(await served({ delivery })).toEqual(paid(ours, true));
});

test('an operator within two parts of a hundred is paid his count', async () => {
  for (const part of [0.98, 1, 1.02]) {
    const told = { ...ours, completion: Math.round(part * ours.completion) };
    says(told);
    expect(await served()).toEqual(paid(told));
  }
});

test('what a chat template may put around a prompt is paid, and no more', async () => {
  const most = ours.prompt + Math.ceil(0.02 * ours.prompt) + 2 + 32;
  says({ ...ours, prompt: most });
  expect(await served()).toEqual(paid({ ...ours, prompt: most }));
  says({ ...ours, prompt: most + 1 });
  expect(await served()).toEqual(paid(ours, true));
});

test('an operator that says less is paid that, and one that says 0 gets 0', async () => {
  const less = { ...ours, completion: Math.floor(ours.completion / 2) };
  says(less);
  expect(await served()).toEqual(paid(less, true));
  says({ prompt: 0, completion: 0 });
  expect(await served()).toEqual(paid({ prompt: 0, completion: 0 }));
});

test('an operator that says nothing is paid ours, and that is no estimate', async () => {
  says(undefined);
  expect(await served()).toEqual(paid(ours));
});

/** The answer, cut at these places; between the units of a character never, for JSON would not carry that. */
function cutAt(places: readonly number[]): readonly string[] {
  const letters = [...ANSWER];
  const cuts = [0, ...places.map((place) => place % letters.length), letters.length];
  cuts.sort((a, b) => a - b);
  return cuts.slice(1).flatMap((cut, i) => letters.slice(cuts[i], cut).join('') || []);
}

test('the count does not depend on where a stream was cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(1000), { maxLength: 60 }), async (places) => {
      says({ ...ours, completion: 10 * ours.completion }, cutAt(places));
      expect(await served()).toEqual(paid(ours, true));
    }),
    { numRuns: 12 },
  );
});

test.each([
  1, 3,
])('a client that leaves its stream after %d pieces pays for their tokens, whatever their size', async (pieces) => {
  world.operator.plays(async (call) => {
    for (const piece of cutAt([100, 300])) call.text(piece);
    await call.closed;
  });
  const { caller } = await world.payer(1_000_000n);
  const { events, leave, inferenceId } = await serve(world.gateway, caller, {
    request: question(),
  });
  for (let i = 0; i < pieces; i++) await events.next();
  await leave();
  const [completionTokens] = await countsOf([cutAt([100, 300]).slice(0, pieces).join('')]);
  expect(await world.gateway.find(inferenceId)).toMatchObject({
    usage: { promptTokens: ours.prompt, completionTokens },
    estimated: false,
  });
});

test('a prompt with tools is not told: the operator’s count of that side stands, of the other ours', async () => {
  const tools = [{ type: 'function', function: { name: 'tide', parameters: { type: 'object' } } }];
  says({ prompt: 2 * ours.prompt, completion: 3 * ours.completion });
  const request = question({ tools });
  expect(await served({ request })).toEqual(paid({ ...ours, prompt: 2 * ours.prompt }, true));
});

test('a model without a tokenizer is paid as before', async () => {
  says({ prompt: 20, completion: 9 });
  expect(await served({ request: ask() })).toMatchObject({ estimated: false, paid: price(20, 9) });
});

test('vectors are paid ours where the operator says three times the tokens', async () => {
  const embed = async (prompt_tokens: number) => {
    world.operator.plays((call) =>
      call.json({ data: [{ index: 0, embedding: [1] }], usage: { prompt_tokens } }),
    );
    const { caller } = await world.payer(1_000_000n);
    const request = fromEmbeddings(EmbeddingsBody.parse({ model: MODEL, input: QUESTION }));
    const { signal } = new AbortController();
    return (await world.gateway.embed({ request, caller, signal })).usage.promptTokens;
  };
  const tokens = ours.prompt - 6;
  expect(await embed(3 * tokens)).toBe(tokens);
  expect(await embed(tokens + 2)).toBe(tokens + 2);
});

test('a prompt is counted before it is asked as it will be after', async () => {
  const { caller } = await world.payer(0n);
  const counted = await world.gateway.countPrompt({ request: question(), caller });
  expect(counted).toEqual({ promptTokens: ours.prompt, estimated: false });
});

test('the operator’s scorecard says how often it counted too high', async () => {
  const before = (await world.gateway.scorecard('remote')).hour.overstated;
  says({ ...ours, completion: 3 * ours.completion });
  await served();
  says(ours);
  await served();
  says({ ...ours, completion: 1 });
  await served();
  expect((await world.gateway.scorecard('remote')).hour.overstated).toBe(before + 1);
});

test('no model is registered with a tokenizer that is not there', async () => {
  const builderId = world.models && ((await world.models.find(MODEL)).builderId as Id<'party'>);
  const offered = world.models.registerExternal({
    ...{ name: 'harbour/two', operator: 'remote', operatorModel: 'two', builderId, maxTokens: 9 },
    ...{ pricing: { promptUnits: 1n, completionUnits: 1n }, tokenizer: 'nobodys' },
  });
  await expect(offered).rejects.toMatchObject({ code: 'not_found' });
  await expect(world.models.find('harbour/two')).rejects.toMatchObject({ code: 'model_not_found' });
});

const count = async (texts: readonly string[]) => texts.map(({ length }) => length);

test('what was retrieved is one more message of the prompt', async () => {
  const retrieved = [
    { text: 'four' },
    { text: ' five5 ' },
  ] as unknown as readonly RetrievedRecord[];
  const request = ask({ messages: [{ role: 'user', content: 'three' }] });
  const counted = await countPromptBy(count, { request, retrieved });
  expect(counted?.tokens).toBe('four\n\nfive5'.length + 'three'.length + 2 * 3 + 3);
});

test('a stop sequence that was not delivered may be counted', async () => {
  const generation = {
    model: 'm',
    request: ask({ stop: ['a stop'] }),
    maxTokens: 9,
    retrieved: [],
  };
  const along = guessed({ promptTokens: 1, completionTokens: 1 });
  const own = await countExactly({ count, generation }, { text: 'text', toolCalls: [] }, along);
  expect(own.within.completionTokens).toBe(2 + 'a stop'.length);
});

test('where the tokenizer cannot tell, the count is what it was along the way', async () => {
  const generation = { model: 'm', request: ask(), maxTokens: 9, retrieved: [] };
  const along = guessed({ promptTokens: 7, completionTokens: 5 });
  const mute = { count: async () => undefined, generation };
  expect(await countExactly(mute, { text: 'text', toolCalls: [] }, along)).toEqual(along);
});
