/** Who wrote which lines of a contribution: as it is offered, as it is kept, and as claims to its tokens. */
import { type Draft, type EntitlementVector, entitlementOf } from '@openledger/protocol';
import type { Objection } from './checks/candidate.ts';
import type { ClaimRun } from './ownership/ownership.ts';
import type { TokenizedText } from './ownership/token-ids.ts';

/** Runs of lines, each with its writers' places among the record's owners; no writers: all owners. */
export type Authorship = readonly (readonly [lines: number, writers: readonly number[]])[];

/** It has to speak of all lines, and of named contributors alone. */
export function checkAuthorship({ text, authorship, contributors }: Draft): Objection | undefined {
  if (!authorship) return undefined;
  const lines = linesOf(text);
  const spoken = authorship.reduce((sum, run) => sum + run.lines, 0);
  if (spoken !== lines) {
    return malformed(`The authorship is of ${spoken} lines, and the text has ${lines}.`);
  }
  const named = contributors?.length ?? 0;
  const unnamed = authorship.flatMap(({ by }) => by).find((place) => place >= named);
  if (unnamed === undefined) return undefined;
  return malformed(
    `The authorship names contributor ${unnamed}, counted from 0, of ${named} contributors.`,
  );
}

const malformed = (message: string): Objection => ({ reason: 'malformed', message });

function linesOf(text: string): number {
  let lines = text.endsWith('\n') ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** @param partyOf each contributor's party: two contributors can be one party @param owners by party */
export function keptAuthorship(
  { authorship }: Draft,
  partyOf: readonly string[],
  owners: readonly { readonly party: string }[],
): Authorship | undefined {
  const placeOf = new Map(owners.map(({ party }, place) => [party, place]));
  return authorship?.map(({ lines, by }) => [
    lines,
    [...new Set(by.map((contributor) => placeOf.get(partyOf[contributor])!))].sort((a, b) => a - b),
  ]);
}

/** Writers of a line share it alike, co-authors included. */
export function claimsTo(
  { tokens, lineEnds }: TokenizedText,
  owners: EntitlementVector,
  authorship: Authorship | undefined,
): readonly ClaimRun[] {
  if (!authorship) return [{ tokens: tokens.length, owners }];
  let line = 0;
  let from = 0;
  return authorship.map(([lines, writers]) => {
    line += lines;
    const to = lineEnds[line - 1];
    const claim = { tokens: to - from, owners: sharedAmong(writers, owners) };
    from = to;
    return claim;
  });
}

const sharedAmong = (writers: readonly number[], owners: EntitlementVector): EntitlementVector =>
  writers.length === 0
    ? owners
    : entitlementOf(writers.map((place) => ({ party: owners[place].party, weight: 1n })));
