/**
 * The one way value moves. Each line: what was finished, and who takes it from there.
 *
 * Announcements are delivered at least once; every stage is idempotent on the id that it is handed.
 */
import { type Id, isId, receiptIdOf } from '@openledger/protocol';
import type { Attributions } from './attribution/index.ts';
import type { Fees } from './fees/index.ts';
import type { Gateway } from './gateway/index.ts';
import type { Models } from './models/index.ts';
import type { Handlers } from './platform/jobs.ts';
import type { Accounted, Receipts } from './receipts/index.ts';

export type FlowStages = {
  readonly models: Models;
  readonly gateway: Gateway;
  readonly attributions: Attributions;
  readonly fees: Fees;
  readonly receipts: Receipts;
};

export const flow = (stages: FlowStages): Handlers => {
  const { models, gateway, attributions, fees, receipts } = stages;
  return {
    'run.queued': async ({ runId }) => {
      await models.executeRun(runId as Id<'run'>);
      const { recipe } = await models.run(runId);
      await attributions.prepare(recipe.snapshot);
    },
    'inference.served': async ({ inferenceId }) => {
      await gateway.capture(inferenceId as Id<'inference'>);
      await attributions.attribute(inferenceId);
    },
    'inference.attributed': ({ inferenceId }) => fees.route(inferenceId),
    'read.paid': ({ readId }) => fees.routeRead(readId),
    'fees.routed': async ({ saleId }) => {
      // A read has its transaction in the ledger, and no receipt yet.
      if (isId('inference', saleId)) await receipts.issue(await accountFor(stages, saleId));
    },
  };
};

type Knowing = {
  readonly gateway: Pick<Gateway, 'find'>;
  readonly attributions: Pick<Attributions, 'find'>;
  readonly fees: Pick<Fees, 'find'>;
};

/** All that a receipt says of an inference, gathered from those who know it. */
export async function accountFor(
  { gateway, attributions, fees }: Knowing,
  inferenceId: string,
): Promise<Accounted> {
  const [inference, attribution, routing] = await Promise.all([
    gateway.find(inferenceId),
    attributions.find(inferenceId),
    fees.find(inferenceId),
  ]);
  const { route, payerId } = inference;
  return {
    inferenceId: inference.inferenceId,
    servedAt: routing.servedAt,
    parties: {
      payer: payerId,
      operator: route.operatorPartyId,
      builder: route.builderPartyId,
      base: route.basePartyId,
    },
    model: {
      name: route.model,
      hash: route.modelHash,
      adapterHash: route.adapterHash,
      engine: route.engine,
    },
    request: inference.request,
    output: inference.output,
    snapshots: attribution.snapshots,
    retrieved: inference.retrieved,
    usage: inference.usage,
    priceUnits: routing.units,
    terms: route.terms,
    policyHash: routing.policyHash,
    evidence: attribution.evidence,
    channels: attribution.channels,
    shares: routing.shares,
    legs: routing.legs,
    transactionId: routing.transactionId,
    epoch: routing.epoch,
    parent: undefined,
    cachedFrom: inference.cachedFrom && receiptIdOf(inference.cachedFrom),
  };
}
