/**
 * Who is entitled to each record of a datanet that a snapshot would hold: claims, followed down the lineage.
 *
 * A text may be claimed several times: contributed by one, and cut out of what others contributed. The claim that was
 * accepted first wins; claims from one import have no order among them, so those share equally. Exact copies, in any
 * dress, therefore gain nothing. A refiner takes his part of the claims he passes on.
 */
import {
  type EntitlementVector,
  keepsLines,
  type RecordSource,
  refinedEntitlement,
  sharedEntitlement,
} from '@openledger/protocol';
import type { Authorship } from './authorship.ts';

export type Contribution = {
  readonly hash: string;
  readonly sequence: bigint;
  /** What has no order inside: the import, or the contribution itself. */
  readonly arrival: string;
  readonly acceptedAt: Date;
  readonly owners: EntitlementVector;
  /** Who of them wrote which lines; undefined: all wrote all. */
  readonly authorship?: Authorship | undefined;
  readonly licence: string;
  readonly source: RecordSource;
};

/** One outcome of a refinement. */
export type LineageEdge = {
  readonly parent: string;
  readonly child: string;
  readonly refiner: string;
  /** The refiner's part of the child, by the policy in force at the seal. */
  readonly ppm: number;
  /** For each line of the child, the parent's line. */
  readonly lines: readonly number[];
};

/** How a record came out of a contribution: who refined it on the way, the first step first. */
export type Descent = {
  readonly origin: string;
  readonly steps: readonly Pick<LineageEdge, 'refiner' | 'ppm'>[];
};

/** A record as it enters a snapshot. */
export type SealedRecord = {
  readonly hash: string;
  /** By the claims alone, whatever stands in it. */
  readonly owners: EntitlementVector;
  /** From each contribution whose claim won. */
  readonly descents: readonly Descent[];
  /** The contribution that it was cut from, or itself. */
  readonly document: string;
  readonly licence: string;
  readonly source: RecordSource;
};

export type DatanetLineage = {
  /** In the order of their acceptance. */
  readonly contributions: readonly Contribution[];
  /** In the order of their position, parent by parent. */
  readonly edges: readonly LineageEdge[];
  /** Records that were changed by a refinement, into nothing or into their edges' children. Others stand beside their children. */
  readonly replaced: ReadonlySet<string>;
  readonly withdrawn: ReadonlySet<string>;
};

/** Leaves in the order of their contributions, and within one in the order of its text. */
export function sealedRecords(lineage: DatanetLineage): readonly SealedRecord[] {
  const { contributions, replaced, withdrawn } = lineage;
  const childrenOf = grouped(lineage.edges, ({ parent }) => parent);
  const claimOf = createClaims(lineage);
  const sealed = new Map<string, SealedRecord>();
  const visited = new Set<string>();
  const visit = (hash: string) => {
    if (visited.has(hash)) return;
    visited.add(hash);
    if (!replaced.has(hash) && !withdrawn.has(hash)) {
      const { owners, origin, line, claims } = claimOf(hash);
      sealed.set(hash, {
        ...{ hash, owners, document: origin.hash, licence: origin.licence },
        descents: claims.map(({ origin, steps }) => ({ origin: origin.hash, steps })),
        source: line === undefined ? origin.source : { ...origin.source, line },
      });
    }
    for (const { child } of childrenOf.get(hash) ?? []) visit(child);
  };
  for (const { hash } of contributions) visit(hash);
  return [...sealed.values()];
}

/** A claim to a record, as it follows from one contribution. */
type Claim = {
  readonly origin: Contribution;
  readonly owners: EntitlementVector;
  readonly steps: Descent['steps'];
  /** For each line of the record, the line of the source's file; undefined where the file has no lines to name. */
  readonly lines: readonly number[] | undefined;
};

/** The claims that won: together they own the record, the first of them names its source. */
type Won = {
  readonly owners: EntitlementVector;
  readonly origin: Contribution;
  readonly line: number | undefined;
  readonly claims: readonly Claim[];
};

/** Nothing is derived from itself, so the recursion ends; it is as deep as the refinements of one record in a row. */
export function createClaims({
  contributions,
  edges,
}: Pick<DatanetLineage, 'contributions' | 'edges'>): (hash: string) => Won {
  const contributionOf = new Map(contributions.map((one) => [one.hash, one]));
  const parentsOf = grouped(edges, ({ child }) => child);
  const known = new Map<string, Won>();

  function claimOf(hash: string): Won {
    const before = known.get(hash);
    if (before) return before;
    const own = contributionOf.get(hash);
    const claims: Claim[] = own
      ? [{ origin: own, owners: own.owners, steps: [], lines: undefined }]
      : [];
    for (const edge of parentsOf.get(hash) ?? []) {
      for (const claim of claimOf(edge.parent).claims) claims.push(passedOn(claim, edge));
    }
    const won = winners(claims);
    known.set(hash, won);
    return won;
  }
  return claimOf;
}

const passedOn = ({ origin, owners, steps, lines }: Claim, edge: LineageEdge): Claim => ({
  origin,
  owners: refinedEntitlement(owners, edge),
  steps: [...steps, { refiner: edge.refiner, ppm: edge.ppm }],
  lines: lines ? edge.lines.map((line) => lines[line - 1]) : edge.lines,
});

function winners(claims: readonly Claim[]): Won {
  const first = claims.reduce((a, b) => (b.origin.sequence < a.origin.sequence ? b : a));
  const equal = claims.filter(({ origin }) => origin.arrival === first.origin.arrival);
  // A text that stands twice in one document is one claim.
  const won = [...new Map([...equal].reverse().map((one) => [one.origin.hash, one])).values()];
  const named = won.find(({ origin }) => origin === first.origin)!;
  return {
    owners: sharedEntitlement(won.map(({ owners }) => owners)),
    origin: first.origin,
    line: lineInFile(named),
    claims: won,
  };
}

/** The file's line that the text begins at, where its lines are the file's; else that of the whole document. */
const lineInFile = ({ origin: { source }, lines }: Claim): number | undefined =>
  lines === undefined || !keepsLines(source) || source.path === undefined
    ? source.line
    : (source.line ?? 1) + lines[0] - 1;

function grouped<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
