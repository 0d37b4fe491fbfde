/** Models and their training runs over HTTP. */
import { api, type OutputOf } from '@openledger/protocol';
import type { Access } from '../datanets/index.ts';
import type { Gateway } from '../gateway/index.ts';
import { type Model, type Models, modelIdOf, type Run } from '../models/index.ts';
import { implement, type Route } from './implement.ts';

export const modelsRoutes = ({
  models,
  access,
  gateway,
}: {
  readonly models: Models;
  /** A model learns all of its snapshot. */
  readonly access: Pick<Access, 'assertReadsSnapshot'>;
  readonly gateway: Gateway;
}): readonly Route[] =>
  implement(api.models, {
    train: async ({ recipe }, { caller }) => {
      await access.assertReadsSnapshot(recipe.snapshot, caller);
      return { runId: await models.train(caller.partyId, recipe) };
    },
    getRun: async ({ runId }) => wireRun(await models.run(runId)),
    listRuns: async ({ limit }) => ({ items: (await models.runs({ limit })).map(wireRun) }),
    list: async () => ({ items: (await models.list()).map(wireModel) }),
    registerExternal: async ({ promptUnits, completionUnits, ...offer }, { caller }) => {
      await gateway.assertOperator(offer.operator, caller);
      const pricing = {
        promptUnits: BigInt(promptUnits),
        completionUnits: BigInt(completionUnits),
      };
      await models.registerExternal({ ...offer, pricing, builderId: caller.partyId });
      return wireModel(await models.find(offer.name));
    },
  });

const wireRun = (run: Run): OutputOf<typeof api.models.getRun> => ({
  id: run.runId,
  builderId: run.builderId,
  recipe: run.recipe,
  status: run.status,
  progress: run.progress,
  losses: run.losses.map(([step, loss]) => [step, loss]),
  evaluation: run.evaluation,
  failure: run.failure,
  modelId: run.status === 'done' ? modelIdOf(run.runId) : undefined,
  createdAt: run.createdAt.toISOString(),
  endedAt: run.endedAt?.toISOString(),
});

const wireModel = (model: Model): OutputOf<typeof api.models.registerExternal> => ({
  id: model.modelId,
  name: model.name,
  kind: model.kind,
  baseId: model.baseId,
  builderId: model.builderId,
  operator: model.operator,
  tokenizer: model.tokenizer,
  hash: model.hash,
  snapshots: [...model.snapshots],
  promptUnits: model.pricing.promptUnits.toString(),
  completionUnits: model.pricing.completionUnits.toString(),
  influenceAdapters: model.influenceAdapters,
  maxTokens: model.maxTokens,
  createdAt: model.createdAt.toISOString(),
});
