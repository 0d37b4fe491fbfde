/**
 * Sealed snapshots as a verifier reads them: manifest, leaves, entitlement vectors and pools.
 *
 * Whole numbers only. What a snapshot promises hangs on one hash, that of its manifest, whose root covers every record
 * and who is entitled to it.
 */
import { z } from 'zod';
import { utf8 } from './bytes.ts';
import { canonicalHash, canonicalize } from './canonical.ts';
import { Sha256Hex } from './hash.ts';
import { idSchema } from './ids.ts';
import { COMMONS, Weight } from './shares.ts';
import { PPM_ONE, type Shares, WEIGHT_ONE } from './split.ts';
import { WORDS_VERSION } from './words.ts';

export const SNAPSHOT_VERSION = 'openledger-snapshot-3';

/** Who is entitled to a record, in 2^-64 parts: sorted by party (UTF-16 code units), summing to 2^64. */
export type EntitlementVector = readonly { readonly party: string; readonly weight: bigint }[];

/** An entitlement vector on the wire, and in the form that is hashed. */
export const EntitlementList = z
  .array(z.strictObject({ party: z.string().min(1).max(200), weight: Weight }))
  .min(1)
  .superRefine((list, context) => {
    const fault = faultOfEntitlement(parseEntitlement(list));
    if (fault) context.addIssue(fault);
  });
export type EntitlementList = readonly { readonly party: string; readonly weight: string }[];

export const formatEntitlement = (vector: EntitlementVector): z.output<typeof EntitlementList> =>
  vector.map(({ party, weight }) => ({ party, weight: weight.toString() }));

export const parseEntitlement = (list: EntitlementList): EntitlementVector =>
  list.map(({ party, weight }) => ({ party, weight: BigInt(weight) }));

/** The same vector as shares. */
export const sharesOf = (vector: EntitlementVector): Shares =>
  vector.map(({ party, weight }) => ({ to: party, weight }));

/** SHA-256 of the canonical vector: `owners` of a leaf. */
export const entitlementHash = (vector: EntitlementVector): string =>
  canonicalHash(formatEntitlement(vector));

/** Says why a list is not an entitlement vector; undefined when it is one. */
export function faultOfEntitlement(vector: EntitlementVector): string | undefined {
  let sum = 0n;
  for (const [i, { party, weight }] of vector.entries()) {
    if (i > 0 && vector[i - 1].party >= party) return `Not sorted and distinct at ${party}.`;
    if (weight < 0n) return `The weight of ${party} is negative.`;
    sum += weight;
  }
  return sum === WEIGHT_ONE ? undefined : `The weights sum to ${sum}, not to 2^64.`;
}

/** Somebody's claim to a part: any whole number from 0, relative to the other claims. */
export type Claim = { readonly party: string; readonly weight: bigint };

/**
 * Divides 2^64 in proportion to claims, by largest remainders.
 *
 * Claims of one party are added first, so that splitting a claim gains nothing. Each party gets the floor of its exact
 * part; the units that floors leave go one each to the largest fractions, equal fractions in the order of party ids.
 *
 * @returns an entitlement vector without zero weights, or an empty list where nothing is claimed
 */
export function entitlementOf(claims: Iterable<Claim>): EntitlementVector {
  return apportion(WEIGHT_ONE, claims);
}

/** What parents' owners and the refiner have of a refined record: floor(2^64 * ppm / 10^6) is the refiner's. */
export function refinedEntitlement(
  parent: EntitlementVector,
  { refiner, ppm }: { readonly refiner: string; readonly ppm: number },
): EntitlementVector {
  const share = (WEIGHT_ONE * BigInt(ppm)) / BigInt(PPM_ONE);
  const rest = apportion(WEIGHT_ONE - share, parent);
  return sumByParty([...rest, { party: refiner, weight: share }]).filter(
    ({ weight }) => weight > 0n,
  );
}

/** The same text from several equal claimants: each vector counts the same. */
export const sharedEntitlement = (vectors: readonly EntitlementVector[]): EntitlementVector =>
  vectors.length === 1 ? vectors[0] : entitlementOf(vectors.flat());

/** What a record adds to a snapshot: the information of text that stands first in it (1/65,536 bits), and whose it is. */
export type OwnedInformation = {
  /** `entitlementHash` of the vector. */
  readonly owners: string;
  readonly information: string;
};

/** SHA-256 of what the records own, in their order: `owned` of the manifest. */
export const ownedHash = (records: readonly OwnedInformation[]): string =>
  canonicalHash(records.map(({ owners, information }) => ({ owners, information })));

/** A record's weight in the pool: the information it owns (1/65,536 bits) times its quality (ppm). */
export type PoolMember = { readonly owners: EntitlementVector; readonly value: bigint };

/**
 * The prior of a whole snapshot: who is entitled to it, each record weighing owned information times quality.
 *
 * The commons' parts count for nobody. Exact up to the one division by `entitlementOf`. Empty where no record weighs anything: then the commons are paid.
 */
export function poolEntitlement(members: Iterable<PoolMember>): EntitlementVector {
  const sums = new Map<string, bigint>();
  for (const { owners, value } of members) {
    for (const { party, weight } of owners) {
      if (party !== COMMONS) sums.set(party, (sums.get(party) ?? 0n) + value * weight);
    }
  }
  return entitlementOf([...sums].map(([party, weight]) => ({ party, weight })));
}

/** How share vectors name a pool. Each withdrawal makes a new version; the first is 1. */
export const poolName = (snapshotId: string, version: number): `pool:${string}` =>
  `pool:${snapshotId}:${version}`;

/** RFC 6962 leaf data of a record in a snapshot: canonical JSON of its hash, its entitlement's and its owner map's. */
export const snapshotLeaf = ({
  record,
  owners,
  map,
}: {
  readonly record: string;
  readonly owners: string;
  /** `ownerMapHash`. */
  readonly map: string;
}): Uint8Array => utf8(canonicalize({ record, owners, map }));

export const SnapshotManifest = z.strictObject({
  version: z.literal(SNAPSHOT_VERSION),
  snapshot: idSchema('snapshot'),
  datanet: idSchema('datanet'),
  /** 1 for a datanet's first snapshot. */
  sequence: z.number().int().min(1),
  records: z.number().int().min(1),
  /** RFC 6962 root over the records' leaves, in order. */
  root: Sha256Hex,
  /** What each record owns (`ownedHash`). */
  owned: Sha256Hex,
  information: z.strictObject({
    tokenizer: z.literal(WORDS_VERSION),
    /** Occurrences of words in all records. */
    total: z.string().regex(/^(0|[1-9][0-9]*)$/),
    /** SHA-256 of the canonical unigram table. */
    table: Sha256Hex,
    /** Distinct words. */
    tokens: z.number().int().min(0),
  }),
  /** SPDX ids, sorted. */
  licences: z.array(z.string()),
  sealedAt: z.iso.datetime(),
});
export type SnapshotManifest = z.output<typeof SnapshotManifest>;

/** The snapshot's name in receipts and recipes. */
export const snapshotHash = (manifest: SnapshotManifest): string => canonicalHash(manifest);

/** Where a record comes from, as far as its importer knows. */
export const RecordSource = z.strictObject({
  kind: z.enum([
    'git',
    'npm',
    'directory',
    'api',
    'jsonl',
    'csv',
    'parquet',
    'chat',
    'html',
    'pdf',
  ]),
  /** Path inside the source, with forward slashes. */
  path: z.string().max(1000).optional(),
  /** Line in that file where the text begins, from 1; of Parquet, which has no lines, the row. */
  line: z.number().int().min(1).optional(),
  /** Page of that file, from 1. */
  page: z.number().int().min(1).optional(),
  /** A repository's or page's address. */
  url: z.string().max(1000).optional(),
  package: z.string().max(214).optional(),
  version: z.string().max(256).optional(),
  commit: z.string().max(64).optional(),
});
export type RecordSource = z.output<typeof RecordSource>;

/** Whether a record's lines are lines of its file. Elsewhere a record is one row of it, or was laid out anew. */
export const keepsLines = ({ kind }: RecordSource): boolean =>
  kind === 'git' || kind === 'npm' || kind === 'directory' || kind === 'api';

/**
 * All that `verify --recompute` needs of a snapshot: the texts it may still see, who owns them, and the pools' versions.
 *
 * A record withdrawn since keeps its leaf, so that the root can be checked, and loses its text.
 */
export const SnapshotExport = z.strictObject({
  manifest: SnapshotManifest,
  records: z.array(
    z.strictObject({
      record: Sha256Hex,
      /** Index into `entitlements`. */
      owners: z.number().int().min(0),
      /** The owner map: words in a row, and their owners as an index into `entitlements`. */
      map: z.array(z.tuple([z.number().int().min(1), z.number().int().min(0)])),
      /** ppm, by the formula named in `quality`. */
      quality: z.number().int().min(0).max(PPM_ONE),
      /** Of its words, in 1/65,536 bits. */
      information: z.string().regex(/^(0|[1-9][0-9]*)$/),
      /** The part of the information that stands first in this record, and its owners as an index into `entitlements`. */
      owned: z.strictObject({
        owners: z.number().int().min(0),
        information: z.string().regex(/^(0|[1-9][0-9]*)$/),
      }),
      source: RecordSource,
      text: z.string().optional(),
      /** The pool version from which it no longer counts. */
      withdrawnFrom: z.number().int().min(2).optional(),
    }),
  ),
  entitlements: z.array(EntitlementList),
  information: z.strictObject({
    words: z.literal(WORDS_VERSION),
    total: z.number().int().min(0),
    counts: z.array(z.tuple([z.string(), z.number().int().min(1)])),
  }),
  quality: z.string(),
  pools: z.array(
    z.strictObject({
      version: z.number().int().min(1),
      members: z.union([EntitlementList, z.tuple([])]),
    }),
  ),
});
export type SnapshotExport = z.output<typeof SnapshotExport>;

function apportion(whole: bigint, claims: Iterable<Claim>): EntitlementVector {
  const parties = sumByParty(claims).filter(({ weight }) => weight > 0n);
  const all = parties.reduce((sum, { weight }) => sum + weight, 0n);
  if (all === 0n) return [];
  const parts = parties.map(({ party, weight }) => {
    const exact = whole * weight;
    return { party, floor: exact / all, fraction: exact % all };
  });
  const left = whole - parts.reduce((sum, { floor }) => sum + floor, 0n);
  const ranked = [...parts].sort((a, b) =>
    a.fraction === b.fraction ? byText(a.party, b.party) : a.fraction > b.fraction ? -1 : 1,
  );
  const raised = new Set(ranked.slice(0, Number(left)).map(({ party }) => party));
  return parts
    .map(({ party, floor }) => ({ party, weight: floor + (raised.has(party) ? 1n : 0n) }))
    .filter(({ weight }) => weight > 0n);
}

function sumByParty(claims: Iterable<Claim>): readonly Claim[] {
  const sums = new Map<string, bigint>();
  for (const { party, weight } of claims) {
    if (weight < 0n) throw new Error(`The claim of ${party} is negative.`);
    sums.set(party, (sums.get(party) ?? 0n) + weight);
  }
  return [...sums]
    .map(([party, weight]) => ({ party, weight }))
    .sort((a, b) => byText(a.party, b.party));
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
