/** Reads what an operator has answered, in whichever words. */
import { z } from 'zod';
import { failed } from './failures.ts';
import { type Endpoint, readJson, send } from './transport.ts';

/** @throws operator_failed */
export function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw failed('The operator sent something that is not JSON.', { cause });
  }
}

/** @throws operator_failed */
export function parseAs<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  otherwise = 'The operator sent something that is not an answer.',
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw failed(otherwise, { cause: parsed.error });
}

const ModelList = z.object({
  data: z.array(z.object({ id: z.string().min(1).max(200) })).max(1000),
});

/** The names of the models that it offers; OpenAI's list and Anthropic's are alike. @throws operator_failed */
export async function listModels(endpoint: Endpoint, path: string): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(10_000);
  const list = await readJson(await send(endpoint, { path, signal }));
  const { data } = parseAs(ModelList, list, 'The operator does not list its models.');
  return data.map(({ id }) => id);
}
