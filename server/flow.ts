/**
 * The one way value moves. Each line: what was finished, and who takes it from there.
 *
 * Announcements are delivered at least once; every stage is idempotent on the id that it is handed.
 */
import type { Id } from '@openledger/protocol';
import type { Attributions } from './attribution/index.ts';
import type { Fees } from './fees/index.ts';
import type { Gateway } from './gateway/index.ts';
import type { Models } from './models/index.ts';
import type { Handlers } from './platform/jobs.ts';

export type FlowStages = {
  readonly models: Models;
  readonly gateway: Gateway;
  readonly attributions: Attributions;
  readonly fees: Fees;
  readonly issueReceipt: (inferenceId: Id<'inference'>) => Promise<void>;
};

export const flow = ({ models, gateway, attributions, fees, issueReceipt }: FlowStages): Handlers => ({
  'run.queued': ({ runId }) => models.executeRun(runId as Id<'run'>),
  'inference.served': async ({ inferenceId }) => {
    await gateway.capture(inferenceId as Id<'inference'>);
    await attributions.attribute(inferenceId);
  },
  'inference.attributed': ({ inferenceId }) => fees.route(inferenceId),
  'fees.routed': ({ inferenceId }) => issueReceipt(inferenceId as Id<'inference'>),
});
