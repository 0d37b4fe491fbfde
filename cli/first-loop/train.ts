/** Trains the base model and the adapter, with the loss on the screen. */
import type { api, Id, OutputOf } from '@openledger/sdk';
import type { Person } from './people.ts';
import { type Output, startProgress } from './progress.ts';
import { until } from './wait.ts';

export type Run = OutputOf<typeof api.models.getRun>;
/** A recipe with what it leaves out filled in by the server. */
type RecipeInput = Parameters<Person['client']['models']['train']>[0]['recipe'];

export type TrainedModel = { readonly run: Run; readonly name: string };

export async function train(
  builder: Person,
  output: Output,
  recipe: RecipeInput,
): Promise<TrainedModel> {
  const { client } = builder;
  const progress = startProgress(output, recipe.kind === 'base' ? 'train base' : 'train LoRA');
  const { runId } = await client.models.train({ recipe });
  const run = await until(`the run ${recipe.name}`, () => ended(builder, runId, progress), {
    everyMs: 500,
    withinMs: 15 * 60_000,
  });
  if (run.status === 'failed' || !run.evaluation)
    throw new Error(`Training failed: ${run.failure}`);
  const { heldOutLoss, bigramLoss, before, parameters, seconds } = run.evaluation;
  const beside =
    recipe.kind === 'base'
      ? `a bigram ${bigramLoss.toFixed(2)}`
      : `without it ${before.toFixed(2)}`;
  progress.done(
    `${count(parameters)} parameters in ${seconds.toFixed(0)} s; held-out loss ${heldOutLoss.toFixed(2)}, ${beside}`,
  );
  const { items } = await client.models.list();
  const model = items.find(({ id }) => id === run.modelId);
  if (!model) throw new Error('The run made no model.');
  return { run, name: model.name };
}

async function ended(
  { client }: Person,
  runId: Id<'run'>,
  progress: ReturnType<typeof startProgress>,
) {
  const run = await client.models.getRun({ runId });
  const now = run.progress;
  if (now)
    progress.at(now.step, now.steps, now.loss === null ? now.stage : `loss ${now.loss.toFixed(2)}`);
  return run.status === 'done' || run.status === 'failed' ? run : undefined;
}

const count = (parameters: number): string =>
  parameters >= 1e6 ? `${(parameters / 1e6).toFixed(1)} M` : `${Math.round(parameters / 1000)} k`;
