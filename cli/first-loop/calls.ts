/** The paid calls of the first loop, through OpenAI's own client; every other one retrieves from the datanet. */
import type { Id } from '@openledger/sdk';
import OpenAI from 'openai';
import type { Person } from './people.ts';
import { type Output, startProgress } from './progress.ts';

export type Call = {
  readonly prompt: string;
  readonly model: string;
  readonly isRetrieving: boolean;
  readonly inferenceId: Id<'inference'>;
  readonly receiptId: Id<'receipt'>;
  readonly answer: string;
  readonly answeredAt: number;
};

export type CallPlan = {
  readonly visitor: Person;
  readonly baseUrl: string;
  readonly datanetIds: readonly Id<'datanet'>[];
  readonly models: readonly string[];
  readonly prompts: readonly string[];
  readonly count: number;
  /** false: the bare model. */
  readonly interpolate?: boolean;
};

const AT_ONCE = 4;

export async function makeCalls(plan: CallPlan, output: Output): Promise<readonly Call[]> {
  const progress = startProgress(output, 'paid calls');
  const openai = openAiOf(plan);
  const calls: Call[] = [];
  let next = 0;
  const work = async () => {
    while (next < plan.count) {
      calls.push(await makeCall(openai, plan, next++));
      progress.at(calls.length, plan.count, `${calls.length} of ${plan.count}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  progress.done(
    `${calls.length} answered, ${calls.filter((call) => call.isRetrieving).length} with retrieval`,
  );
  return calls;
}

export const openAiOf = ({ visitor, baseUrl }: Pick<CallPlan, 'visitor' | 'baseUrl'>): OpenAI =>
  new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey: visitor.secret, maxRetries: 0 });

/** What the gateway adds to OpenAI's answers. */
type Extended = {
  readonly openledger: { readonly inference: Id<'inference'>; readonly receipt: Id<'receipt'> };
};

/** Every other call retrieves; every fourth streams; the rest alternate between chat and plain completion. */
export async function makeCall(openai: OpenAI, plan: CallPlan, index: number): Promise<Call> {
  const isRetrieving = index % 2 === 1;
  const prompt = plan.prompts[index % plan.prompts.length];
  const model = plan.models[Math.floor(index / 2) % plan.models.length];
  const openledger = {
    ...(isRetrieving ? { datanets: plan.datanetIds } : {}),
    interpolate: plan.interpolate ?? true,
  };
  const common = { model, max_tokens: 60, seed: index, openledger };
  const made = { prompt, model, isRetrieving };
  if (index % 4 === 3) {
    const stream = await openai.chat.completions.create({
      ...common,
      messages: [{ role: 'user', content: prompt }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let answer = '';
    let extension: Extended['openledger'] | undefined;
    for await (const chunk of stream) {
      answer += chunk.choices[0]?.delta.content ?? '';
      extension = (chunk as Partial<Extended>).openledger ?? extension;
    }
    if (!extension) throw new Error('The stream ended without saying which inference it was.');
    return { ...made, ...idsOf(extension), answer, answeredAt: Date.now() };
  }
  if (index % 4 === 2) {
    const completion = await openai.completions.create({ ...common, prompt });
    const { openledger: extension } = completion as unknown as Extended;
    return {
      ...made,
      ...idsOf(extension),
      answer: completion.choices[0].text,
      answeredAt: Date.now(),
    };
  }
  const completion = await openai.chat.completions.create({
    ...common,
    messages: [{ role: 'user', content: prompt }],
  });
  const { openledger: extension } = completion as unknown as Extended;
  const answer = completion.choices[0].message.content ?? '';
  return { ...made, ...idsOf(extension), answer, answeredAt: Date.now() };
}

const idsOf = ({ inference, receipt }: Extended['openledger']) => ({
  inferenceId: inference,
  receiptId: receipt,
});
