/** The requests of a real service over an hour, by their tokens; or others of the same shape, where those are not at hand. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createRandom } from '../../server/compute/random.ts';

export type TraceRow = {
  /** Since the first request. */
  readonly atMs: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
};

const file = fileURLToPath(
  new URL(
    '../../../shared/data/load/azure-llm-2023/AzureLLMInferenceTrace_conv.csv',
    import.meta.url,
  ),
);

export const traceIsHere = (): boolean => existsSync(file);

/** The Azure LLM inference trace 2023, conversations (Patel et al., "Splitwise", ISCA 2024; CC-BY 4.0). */
export function readTrace(): readonly TraceRow[] {
  const [, ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const rows = lines.map((line) => {
    const [time, prompt, completion] = line.split(',');
    const at = Date.parse(`${time.slice(0, 23).replace(' ', 'T')}Z`);
    return { at, promptTokens: Number(prompt), completionTokens: Number(completion) };
  });
  return rows.map(({ at, ...tokens }) => ({ atMs: at - rows[0].at, ...tokens }));
}

/** Long prompts and shorter answers, both with a long tail, five and a half a second on average, as there. */
export function syntheticTrace(count: number, seed: number): readonly TraceRow[] {
  const chance = createRandom(seed);
  const tokens = (median: number, most: number) =>
    Math.max(2, Math.min(most, Math.round(median * Math.exp(chance.gaussian()))));
  let atMs = 0;
  return Array.from({ length: count }, () => {
    atMs += Math.round(-180 * Math.log(1 - chance.uniform()));
    return { atMs, promptTokens: tokens(800, 14_050), completionTokens: tokens(130, 1_000) };
  });
}
