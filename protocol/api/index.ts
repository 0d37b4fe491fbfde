/**
 * The table: every operation of every noun. A noun is an `/api/<noun>`, an SDK namespace and a CLI word.
 *
 * Adding a noun: write `<noun>.ts` beside this file and its line here, then `server/http/<noun>.ts` implements
 * `api.<noun>`. SDK, CLI and OpenAPI document follow by themselves.
 */
import { accessOperations } from './access.ts';
import { agentsOperations } from './agents.ts';
import { attributionOperations } from './attribution.ts';
import { bountiesOperations } from './bounties.ts';
import { datanetsOperations } from './datanets.ts';
import { feesOperations } from './fees.ts';
import { gatewayOperations } from './gateway.ts';
import { governanceOperations } from './governance.ts';
import { identityOperations } from './identity.ts';
import { insightsOperations } from './insights.ts';
import { ledgerOperations } from './ledger.ts';
import { modelsOperations } from './models.ts';
import { receiptsOperations } from './receipts.ts';
import { reviewsOperations } from './reviews.ts';
import { settlementOperations } from './settlement.ts';

export const api = {
  identity: identityOperations,
  ledger: ledgerOperations,
  datanets: datanetsOperations,
  access: accessOperations,
  bounties: bountiesOperations,
  reviews: reviewsOperations,
  models: modelsOperations,
  gateway: gatewayOperations,
  governance: governanceOperations,
  attribution: attributionOperations,
  fees: feesOperations,
  receipts: receiptsOperations,
  settlement: settlementOperations,
  agents: agentsOperations,
  insights: insightsOperations,
} as const;

export type Api = typeof api;
export type Noun = keyof Api;

export { ModelRefinement } from './bounties.ts';
export {
  AuthoredLines,
  ContributorIdentity,
  DatanetAccess,
  Draft,
  DraftContributor,
  ExportedRecord,
  Intake,
  PersonalDataCounts,
  PersonalDataKind,
  PersonalDataPolicy,
  Purpose,
  Refinement,
  RejectionReason,
  RetrievalLabel,
  RetrievalMode,
} from './datanets.ts';
export { partyKinds } from './identity.ts';
export type { ExportFormat } from './ledger.ts';
export { AdapterRecipe, BaseRecipe, Evaluation, Recipe, RunProgress } from './models.ts';
export { pageOf, paging } from './paging.ts';
