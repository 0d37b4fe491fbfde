/** Runs a model over a bounty's passages: what it writes stands beside them, and waits for review like any work. */
import {
  type ModelRefinement,
  OpenLedgerError,
  type PersonalDataPolicy,
  sha256Hex,
} from '@openledger/protocol';
import type { Caller } from '../../identity/index.ts';
import { newId } from '../../platform/new-id.ts';
import { checkDerived } from '../checks/check.ts';
import { findDatanet } from '../datanets.ts';
import { scoreQuality } from '../quality.ts';
import { modelRefiners, nameByModel, promptOf } from '../refiners/model-refiners.ts';
import type { RefinedPassage } from './passages.ts';
import { readPassages } from './read-passages.ts';
import type { BountyHandles } from './stage.ts';
import type { Submission } from './submissions.ts';
import { findTaking, takeWork } from './submit-work.ts';

/** Asks a model once, for its caller's money. */
export type Complete = (wish: {
  readonly caller: Caller;
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
}) => Promise<string>;

export type ModelRun = {
  readonly bountyId: string;
  readonly caller: Caller;
  readonly refinement: ModelRefinement;
  readonly model: string;
  /** Passages at most, those first that come first by their hashes. */
  readonly limit: number;
  readonly signal: AbortSignal;
};

const MAX_TOKENS = 1000;
const CALLS_AT_ONCE = 4;

/**
 * An answer that says nothing usable, or that would be refused as a contribution, is left out; it is paid for all the same.
 *
 * @throws what the call throws; unprocessable when nothing usable came
 */
export async function runModel(
  handles: BountyHandles & { readonly complete: Complete },
  { bountyId, caller, refinement, model, limit, signal }: ModelRun,
): Promise<Submission> {
  const bounty = await findTaking(handles, bountyId);
  const passages = await readPassages(handles.db, bounty);
  const { personalData } = await findDatanet(handles.db, bounty.datanetId);
  const chosen = [...passages.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1)).slice(0, limit);
  const name = nameByModel(refinement, model);
  const work: RefinedPassage[] = [];
  for (let at = 0; at < chosen.length; at += CALLS_AT_ONCE) {
    const some = chosen.slice(at, at + CALLS_AT_ONCE).map(async ({ hash: parent, text }) => {
      const prompt = promptOf(refinement, text);
      const wish = { caller, model, prompt, maxTokens: MAX_TOKENS, signal };
      const texts = modelRefiners[refinement].read(await handles.complete(wish));
      const children = childrenOf(texts, personalData);
      return children.length > 0 ? [{ parent, refinement: name, adds: true, children }] : [];
    });
    work.push(...(await Promise.all(some)).flat());
  }
  if (work.length === 0) {
    throw new OpenLedgerError('unprocessable', 'The model wrote nothing that can be taken.');
  }
  const id = newId('submission', handles.clock);
  const { partyId } = caller;
  return takeWork(handles, { id, bounty, partyId, work, pipeline: [name], knownAnswer: undefined });
}

/** Every line names the parent's first one: the model does not say what it wrote from which. */
const childrenOf = (texts: readonly string[], personalData: PersonalDataPolicy) =>
  [...new Set(texts)]
    .filter((text) => !checkDerived(text, { quality: scoreQuality(text), personalData }))
    .map((text) => ({ hash: sha256Hex(text), text, lines: text.split('\n').map(() => 1) }));
