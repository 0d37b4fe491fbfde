/**
 * A small economy in which attacks are tried: texts arrive, are sealed, answered from and paid for, all by the product's own
 * functions. Only the answers are given, not generated.
 *
 * Amounts are exact: in 2^-128 of a unit, so that a gain of the last fraction shows.
 */
import {
  coverage,
  cutWords,
  defaultPolicy,
  type EntitlementVector,
  evidenceOf,
  type FeePolicy,
  feeLegs,
  informationIn,
  measuredFrom,
  ownersByWord,
  PPM_ONE,
  poolEntitlement,
  poolName,
  REMAINDER_ROLE,
  shareByChannels,
  shareProducts,
  splitLegs,
  tokenAt,
  unigramTable,
  WEIGHT_ONE,
  wordCount,
} from '@openledger/protocol';
import { buildTraceIndex, trace } from '../../server/attribution/trace/trace-index.ts';
import { findNearDuplicates } from '../../server/datanets/ownership/near-duplicates.ts';
import {
  createOwnedInformation,
  entitlementByContent,
} from '../../server/datanets/ownership/owned-information.ts';
import { createOwnership, type OwnedRun } from '../../server/datanets/ownership/ownership.ts';
import { createTokenIds } from '../../server/datanets/ownership/token-ids.ts';

/** A text of words alone, and whose it is said to be. */
export type Offered = { readonly text: string; readonly owners: EntitlementVector };

export const by = (party: string, text: string): Offered => ({
  text,
  owners: [{ party, weight: WEIGHT_ONE }],
});

export type Answer = {
  readonly output: string;
  readonly payer: string;
  /** What the payer said: it is echo. */
  readonly asked?: string;
};

export type World = {
  /** In the order of their arrival; what comes together has no order. */
  readonly groups: readonly (readonly Offered[])[];
  readonly answers: readonly Answer[];
  readonly policy?: FeePolicy;
};

/** Units that an answer costs. */
const PRICE = 1_000_000_007n;

/** What disputed text earns waits here. */
export const ESCROW = 'escrow';

/** 2^-128 of a unit. */
export const FINE = WEIGHT_ONE * WEIGHT_ONE;

/** Everybody's net income by all roles; together nothing, since payers pay what others earn. */
export function settle({
  groups,
  answers,
  policy = defaultPolicy,
}: World): ReadonlyMap<string, bigint> {
  const sealed = seal(groups);
  const net = new Map<string, bigint>();
  const give = (party: string, fine: bigint) => net.set(party, (net.get(party) ?? 0n) + fine);
  for (const { output, payer, asked } of answers) {
    give(payer, -PRICE * FINE);
    const legs = splitLegs(
      PRICE,
      feeLegs(policy, { hasData: true, hasAdapter: false }),
      REMAINDER_ROLE,
    );
    for (const { to, amount } of legs) {
      if (to !== 'data') give(to, amount * FINE);
      else payData(amount, shareOf(output, asked, { sealed, policy }), { sealed, give });
    }
  }
  return net;
}

type Sealed = ReturnType<typeof seal>;

const POOL = poolName(`snp_${'1'.repeat(32)}`, 1);

function payData(
  units: bigint,
  shares: ReturnType<typeof shareByChannels>,
  {
    sealed,
    give,
  }: { readonly sealed: Sealed; readonly give: (party: string, fine: bigint) => void },
): void {
  for (const [to, product] of shareProducts(units, shares)) {
    if (to !== POOL) give(to, product * WEIGHT_ONE);
    else for (const { party, weight } of sealed.pool) give(party, product * weight);
  }
}

function seal(groups: World['groups']) {
  const offered = groups.flat();
  const information = informationIn(unigramTable(offered.map(({ text }) => text)));
  const runs = ownedRuns(groups);
  const countOwned = createOwnedInformation();
  const members = offered.map(({ text }, i) => {
    const words = cutWords(text);
    const worths = Array.from({ length: words.count }, (_, k) => information(tokenAt(words, k)));
    const owned = countOwned(runs[i], worths);
    return { value: owned.information * BigInt(PPM_ONE), owners: owned.owners, worths };
  });
  const records = offered.map(({ text }, i) => ({ hash: i.toString(16).padStart(64, '0'), text }));
  const ownersOfWord = runs.map((some) =>
    ownersByWord(some.map(({ tokens, owners }) => ({ words: tokens, owners }))),
  );
  return {
    information,
    index: buildTraceIndex(records),
    pool: poolEntitlement(members),
    textOf: (hash: string) => offered[Number.parseInt(hash, 16)].text,
    ownersOfWord: (hash: string, word: number) => ownersOfWord[Number.parseInt(hash, 16)](word),
    ownersOf: (hash: string) => {
      const i = Number.parseInt(hash, 16);
      const owners = entitlementByContent(runs[i], members[i].worths);
      return owners.map(({ party, weight }) => ({ to: party, weight }));
    },
  };
}

/** Whose each token is, what is proposed as a near copy of somebody else's waiting in escrow. */
function ownedRuns(groups: World['groups']): readonly (readonly OwnedRun[])[] {
  const ids = createTokenIds();
  const ownership = createOwnership();
  const texts: {
    readonly tokens: Int32Array;
    readonly number: number;
    readonly group: number;
    readonly party: string;
  }[] = [];
  for (const [group, offered] of groups.entries()) {
    const cut = offered.map(({ text }) => ids.tokenize(text));
    const first = ownership.accept(
      cut.map((one, i) => ({
        ...one,
        claims: [{ tokens: one.tokens.length, owners: offered[i].owners }],
      })),
    );
    for (const [i, { tokens }] of cut.entries()) {
      texts.push({ tokens, number: first + i, group, party: offered[i].owners[0].party });
    }
  }
  ownership.closeCommons();
  const proposed = findNearDuplicates(
    texts.map(({ tokens }) => tokens),
    (earlier, later) =>
      texts[earlier].group !== texts[later].group && texts[earlier].party !== texts[later].party,
  );
  const disputed = new Map(proposed.map(({ later, spans }) => [later, spans]));
  return texts.map(({ number }, i) => {
    const runs = ownership.runsOf(number);
    return (disputed.get(i) ?? []).reduce(escrowed, runs);
  });
}

const WAITING: EntitlementVector = [{ party: ESCROW, weight: WEIGHT_ONE }];

/** The same runs with tokens from..to in escrow. */
function escrowed(
  runs: readonly OwnedRun[],
  [from, to]: readonly [number, number],
): readonly OwnedRun[] {
  let at = 0;
  return runs.flatMap((run) => {
    const start = at;
    at += run.tokens;
    const cuts = [
      start,
      Math.min(Math.max(from, start), at),
      Math.min(Math.max(to, start), at),
      at,
    ];
    return [0, 1, 2].flatMap((piece) => {
      const [begin, end] = [cuts[piece], cuts[piece + 1]];
      if (begin === end) return [];
      const origin = run.origin + begin - start;
      return { tokens: end - begin, origin, owners: piece === 1 ? WAITING : run.owners };
    });
  });
}

function shareOf(
  output: string,
  asked: string | undefined,
  { sealed, policy }: { readonly sealed: Sealed; readonly policy: FeePolicy },
) {
  const { information, index, textOf, ownersOfWord, ownersOf } = sealed;
  const rules = policy.trace;
  const clientTexts = asked === undefined ? [] : [asked];
  const found = trace(output, { scope: { indexes: [index] }, clientTexts, rules });
  const firstWordOf = (hash: string, start: number) => wordCount(textOf(hash).slice(0, start));
  const covered = coverage(output, found, { information, firstWordOf, ownersOf: ownersOfWord });
  const snapshot = `snp_${'1'.repeat(32)}`;
  const evidence = evidenceOf({
    ...{ output, trace: found, rules, information, coverage: covered, firstWordOf },
    confidencePpm: rules.confidencePpm,
    snapshotOf: () => snapshot,
  });
  return shareByChannels({
    ...{ policy, evidence, channels: undefined, retrieved: [] },
    snapshots: [{ snapshot, role: 'base', pool: POOL }],
    measure: (part) => measuredFrom(part, ownersOfWord),
    ownersOf,
  });
}
