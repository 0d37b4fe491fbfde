/**
 * Redoes an attribution from the texts, and shows that it is complete: that nothing was left out.
 *
 * Takes the snapshots as exported and a bundle that discloses request and output. Texts withdrawn since the receipt
 * cannot be redone; what can then still be shown is shown, and the finding says so.
 */

import { toHex } from '../bytes.ts';
import { canonicalize, parseCanonical } from '../canonical.ts';
import { shareByChannels } from '../channels.ts';
import { coverage, type OwnersOf } from '../coverage.ts';
import { type Evidence, evidenceOf, measuredFrom } from '../evidence.ts';
import { sha256Hex } from '../hash.ts';
import {
  informationIn,
  sumUnigramTables,
  type UnigramTable,
  unigramTable,
  unigramTableHash,
} from '../information.ts';
import { merkleRoot } from '../merkle.ts';
import { ownerMapHash, ownersByWord } from '../owner-map.ts';
import { clientTextsOf, RequestDocument } from '../receipt.ts';
import { formatShares } from '../shares.ts';
import {
  entitlementHash,
  formatEntitlement,
  ownedHash,
  parseEntitlement,
  poolEntitlement,
  poolName,
  type SnapshotExport,
  sharesOf,
  snapshotHash,
  snapshotLeaf,
} from '../snapshot.ts';
import type { Shares } from '../split.ts';
import type { TraceRecord } from '../trace.ts';
import { traceByScan } from '../trace-by-scan.ts';
import { cutWords, tokenAt, wordCount } from '../words.ts';
import type { Bundle } from './bundle.ts';
import { type CheckResult, type Finding, must, runCheck } from './check.ts';

type ExportRecord = SnapshotExport['records'][number];

/** @param snapshots exports of the snapshots the receipt names, in any order; others are ignored */
export function recompute(
  bundle: Bundle,
  snapshots: readonly SnapshotExport[],
): readonly CheckResult[] {
  const named = [...new Set(bundle.receipt.snapshots.map(({ snapshot }) => snapshot))];
  const exports = named.flatMap(
    (id) => snapshots.find(({ manifest }) => manifest.snapshot === id) ?? [],
  );
  let redone: Redone | undefined;
  const redo = () => (redone ??= retrace(bundle, exports));
  return [
    runCheck('recompute-snapshot', () => {
      const given = new Set<string>(exports.map(({ manifest }) => manifest.snapshot));
      const missing = named.filter((id) => !given.has(id));
      must(missing.length === 0, `Needed, and not given: ${missing.join(', ')}.`);
      const detail = exports.map((one) => checkExport(bundle, one)).join(' ');
      const withdrawn = exports
        .flatMap(({ records }) => records)
        .filter(({ withdrawnFrom }) => withdrawnFrom !== undefined).length;
      if (withdrawn === 0) return detail || 'No snapshot to recompute.';
      // Neither leaf nor receipt shows it: somebody who exports could call any record withdrawn.
      return { detail: `${detail} ${withdrawn} are said to be withdrawn.`, withdrawn };
    }),
    runCheck('recompute-information', () => {
      return exports.map(checkInformation).join(' ') || 'No words to count.';
    }),
    runCheck('recompute-trace', () => checkTrace(bundle, exports, redo)),
    runCheck('recompute-channels', () => checkContext(bundle, exports)),
    runCheck('recompute-shares', () => checkShares(bundle, exports, redo)),
  ];
}

/** The export is the sealed snapshot: manifest, every leaf, every text. */
function checkExport({ receipt }: Bundle, one: SnapshotExport): string {
  const { manifest, records, entitlements } = one;
  const named = receipt.snapshots.find(({ snapshot }) => snapshot === manifest.snapshot);
  must(snapshotHash(manifest) === named?.hash, `${manifest.snapshot} is another snapshot.`);
  must(records.length === manifest.records, `${manifest.snapshot} lacks records.`);
  const owners = entitlements.map((list) => entitlementHash(parseEntitlement(list)));
  const leaves = records.map((one) => {
    must(owners[one.owners] !== undefined, `Record ${one.record} has no owners.`);
    const runs = one.map.map(([words, index]) => [words, owners[index]] as const);
    const isOwned = runs.every(([, hash]) => hash !== undefined);
    must(isOwned, `Words of record ${one.record} are nobody's.`);
    return snapshotLeaf({
      ...{ record: one.record, owners: owners[one.owners], map: ownerMapHash(runs) },
    });
  });
  must(toHex(merkleRoot(leaves)) === manifest.root, `The root of ${manifest.snapshot} is another.`);
  for (const { record, text, map, withdrawnFrom } of records) {
    const isThere = text !== undefined || withdrawnFrom !== undefined;
    must(isThere, `Record ${record} is not withdrawn, and yet without text.`);
    const isItself = text === undefined || (text.isWellFormed() && sha256Hex(text) === record);
    must(isItself, `Record ${record} is another text.`);
    const words = map.reduce((sum, [run]) => sum + run, 0);
    const isWhole = text === undefined || words === wordCount(text);
    must(isWhole, `The owners of record ${record} are not of all its words.`);
  }
  checkOwned(one, owners);
  const held = new Set(records.map(({ record }) => record));
  for (const { record, snapshot } of receipt.retrieved) {
    const isHeld = snapshot !== manifest.snapshot || held.has(record);
    must(isHeld, `${snapshot} does not hold record ${record}, said to be retrieved from it.`);
  }
  return `All ${records.length} records of ${manifest.snapshot} are under its root.`;
}

/** What each record owns is what was sealed, and no more than it says. */
function checkOwned({ manifest, records }: SnapshotExport, hashes: readonly string[]): void {
  const { snapshot } = manifest;
  const list = records.map(({ record, owned }) => {
    must(hashes[owned.owners] !== undefined, `What record ${record} owns is nobody's.`);
    return { owners: hashes[owned.owners], information: owned.information };
  });
  must(ownedHash(list) === manifest.owned, `What the records of ${snapshot} own is other.`);
}

/** The word counts are those of the texts, and each record's information follows from them. */
function checkInformation({ manifest, records, information }: SnapshotExport): string {
  const { snapshot, information: sealed } = manifest;
  const table = tableOf(information);
  must(unigramTableHash(table) === sealed.table, `The word counts of ${snapshot} are others.`);
  const sum = [...table.counts.values()].reduce((all, n) => all + n, 0);
  const agrees =
    sealed.total === String(table.total) &&
    table.total === sum &&
    sealed.tokens === table.counts.size;
  must(agrees, `The totals of ${snapshot} are not those of its word counts.`);
  const informationOf = informationIn(table);
  for (const { record, text, owned, information: stated } of records) {
    const isPart = BigInt(owned.information) <= BigInt(stated);
    must(isPart, `Record ${record} owns more information than it has.`);
    if (text === undefined) continue;
    must(
      informationInText(text, informationOf) === BigInt(stated),
      `Record ${record} has other information.`,
    );
  }
  const texts = textsOf(records);
  const counted = unigramTable(texts);
  const withdrawn = records.length - texts.length;
  if (withdrawn > 0) {
    // What is a copy hangs on the texts before it, so only that each word was counted can still be shown.
    const isCounted = [...counted.counts.keys()].every((word) => table.counts.has(word));
    must(isCounted, `${snapshot} was counted wrongly: its texts have words that were not counted.`);
    return `The texts of ${snapshot} still there agree with its word counts; ${withdrawn} were withdrawn.`;
  }
  must(unigramTableHash(counted) === sealed.table, `${snapshot} was counted wrongly.`);
  return `${sealed.total} words of ${snapshot} counted again.`;
}

/** Tracing every record again gives the evidence of the receipt, no more and no less. */
function checkTrace(
  bundle: Bundle,
  exports: readonly SnapshotExport[],
  redo: () => Redone,
): string | Finding {
  const { attribution } = bundle.receipt;
  if (!attribution) return 'Nothing was traced.';
  const redone = redo();
  const lost = lostRecords(bundle, exports);
  if (lost.size === 0) {
    const isSame = canonicalize(redone.evidence) === canonicalize(attribution);
    must(isSame, differenceOf(attribution, redone.evidence));
    return `${attribution.spans.length} passages found again, and no others.`;
  }
  // What the output says hangs on no record.
  const isTotal = redone.evidence.information.total === attribution.information.total;
  must(isTotal, `The information of the output is ${redone.evidence.information.total}.`);
  // With fewer records each passage found must lie in one of the receipt, and one that lost no record stands as it was.
  const isWithin = redone.evidence.spans.every((found) =>
    attribution.spans.some((span) => span.start <= found.start && found.end <= span.end),
  );
  must(isWithin, 'A passage was found that the receipt leaves out.');
  const again = new Set(redone.evidence.spans.map((span) => canonicalize(span)));
  const kept = attribution.spans.filter(
    (span) => !span.commons && !span.records.some(({ record }) => lost.has(record)),
  );
  must(
    kept.every((span) => again.has(canonicalize(span))),
    'A passage was not found again.',
  );
  return {
    detail: `${kept.length} of ${attribution.spans.length} passages found again; ${lost.size} records were withdrawn since.`,
    withdrawn: lost.size,
  };
}

/** What was measured of the context is of all records in the prompt that could still be credited. */
function checkContext(bundle: Bundle, exports: readonly SnapshotExport[]): string {
  const scores = bundle.receipt.channels?.scores;
  if (!scores) return 'No scores.';
  const inPrompt = new Set(bundle.receipt.retrieved.map(({ record }) => record));
  const due = new Set(
    recordsInScope(bundle, exports).flatMap(({ record }) => (inPrompt.has(record) ? [record] : [])),
  );
  const measured = new Set(
    scores.context?.owners.flatMap(({ records }) => records.map(({ record }) => record)),
  );
  const left = [...due].find((record) => !measured.has(record));
  must(left === undefined, `The context was measured without record ${left}.`);
  const extra = [...measured].find((record) => !due.has(record));
  must(extra === undefined, `Record ${extra} had been withdrawn, and was measured.`);
  return `The context was measured with all ${due.size} records in the prompt.`;
}

/** The pools' members and the share vector follow from texts, owners and policy. */
function checkShares(
  bundle: Bundle,
  exports: readonly SnapshotExport[],
  redo: () => Redone,
): string | Finding {
  const { attribution, channels, retrieved, snapshots, shares } = bundle.receipt;
  if (!attribution) return 'Nothing to share.';
  const pools = new Map(snapshots.map(({ snapshot, pool }) => [snapshot, pool]));
  for (const [snapshot, pool] of pools) {
    checkPool(
      pool,
      exports.find(({ manifest }) => manifest.snapshot === snapshot),
    );
  }
  const withdrawn = lostRecords(bundle, exports).size;
  if (withdrawn > 0)
    return { detail: 'The pools follow; shares hang on texts withdrawn since.', withdrawn };
  const { evidence, holders } = redo();
  const again = shareByChannels({
    ...{ policy: bundle.policy, snapshots, retrieved, evidence },
    channels: channels ?? undefined,
    measure: (part) =>
      measuredFrom(part, (record, word) => holderOf(holders, record).ownersOf(word)),
    ownersOf: (record) => holderOf(holders, record).owners,
  });
  const isSame = canonicalize(formatShares(again)) === canonicalize(shares);
  must(isSame, 'The shares recomputed from the texts are others.');
  return `${shares.length} shares recomputed from the texts.`;
}

/** Those in the pool are whom the records not yet withdrawn then belong to. */
function checkPool(name: string, from: SnapshotExport | undefined): void {
  const pool = from?.pools.find(
    ({ version }) => poolName(from.manifest.snapshot, version) === name,
  );
  must(from !== undefined && pool !== undefined, `${name} is not a pool of the export.`);
  const { records, entitlements } = from;
  const counted = records
    .filter(({ withdrawnFrom = Infinity }) => withdrawnFrom > pool.version)
    .map(({ owned, quality }) => ({
      owners: parseEntitlement(entitlements[owned.owners]),
      value: BigInt(owned.information) * BigInt(quality),
    }));
  const expected = formatEntitlement(poolEntitlement(counted));
  must(canonicalize(expected) === canonicalize(pool.members), `The members of ${name} are others.`);
}

type Redone = { readonly evidence: Evidence; readonly holders: Holders };

/** Traces the disclosed output through every record that could be traced when the receipt was issued. */
function retrace(bundle: Bundle, exports: readonly SnapshotExport[]): Redone {
  const { output, request } = bundle.disclosures;
  must(output !== undefined, 'The output is not disclosed: it cannot be traced again.');
  must(request !== undefined, 'The request is not disclosed: echoes cannot be told.');
  const clientTexts = clientTextsOf(RequestDocument.parse(parseCanonical(request.text)));

  const holders = holdersOf(exports);
  const records = new Map<string, TraceRecord>();
  for (const { record, text } of recordsInScope(bundle, exports)) {
    if (text !== undefined) records.set(record, { hash: record, text });
  }
  const rules = bundle.policy.trace;
  const trace = traceByScan(output.text, { records: [...records.values()], clientTexts, rules });
  const information = informationIn(
    sumUnigramTables(exports.map((one) => tableOf(one.information))),
  );
  const ownersOf: OwnersOf = (record, word) => holders.get(record)?.ownersOf(word) ?? [];
  const firstWordOf = (record: string, start: number) =>
    wordCount(records.get(record)?.text.slice(0, start) ?? '');
  const measured = coverage(output.text, trace, { information, firstWordOf, ownersOf });
  const evidence = evidenceOf({
    output: output.text,
    trace,
    rules,
    confidencePpm: rules.confidencePpm,
    information,
    coverage: measured,
    firstWordOf,
    snapshotOf: (record) => holders.get(record)?.snapshot ?? '',
  });
  return { evidence, holders };
}

/** By which snapshot a record takes part, and whose it and its words are there. */
type Holder = {
  readonly snapshot: string;
  readonly owners: Shares;
  readonly ownersOf: (word: number) => Shares;
};
type Holders = ReadonlyMap<string, Holder>;

/** Of several snapshots, the first that the receipt names. */
function holdersOf(exports: readonly SnapshotExport[]): Holders {
  const holders = new Map<string, Holder>();
  for (const { manifest, records, entitlements } of exports) {
    const vectors = entitlements.map(parseEntitlement);
    for (const { record, owners, map } of records) {
      if (holders.has(record)) continue;
      const ownersOf = ownersByWord(map.map(([words, i]) => ({ words, owners: vectors[i] })));
      holders.set(record, {
        ...{ snapshot: manifest.snapshot, ownersOf },
        owners: sharesOf(vectors[owners]),
      });
    }
  }
  return holders;
}

function holderOf(holders: Holders, record: string): Holder {
  const holder = holders.get(record);
  must(holder !== undefined, `Record ${record} stands in no snapshot.`);
  return holder;
}

/**
 * The records that were traced: all of the model's snapshots, of the others those put into the prompt; and none that
 * had been withdrawn from any of them by then.
 */
function recordsInScope(
  { receipt }: Bundle,
  exports: readonly SnapshotExport[],
): readonly ExportRecord[] {
  const learned = new Set(
    receipt.snapshots.filter(({ role }) => role !== 'context').map(({ snapshot }) => snapshot),
  );
  const inPrompt = new Set(receipt.retrieved.map((one) => `${one.snapshot} ${one.record}`));
  const withdrawn = new Set<string>();
  const inScope: ExportRecord[] = [];
  for (const { manifest, records } of exports) {
    const { snapshot } = manifest;
    const pool = receipt.snapshots.find((one) => one.snapshot === snapshot)?.pool ?? '';
    const version = Number(pool.split(':')[2]);
    for (const one of records) {
      if (one.withdrawnFrom !== undefined && one.withdrawnFrom <= version)
        withdrawn.add(one.record);
      if (learned.has(snapshot) || inPrompt.has(`${snapshot} ${one.record}`)) inScope.push(one);
    }
  }
  return inScope.filter(({ record }) => !withdrawn.has(record));
}

/** Records that were traced for the receipt and whose texts have gone since. */
function lostRecords(bundle: Bundle, exports: readonly SnapshotExport[]): ReadonlySet<string> {
  const gone = recordsInScope(bundle, exports).filter(({ text }) => text === undefined);
  return new Set(gone.map(({ record }) => record));
}

function differenceOf(stated: Evidence, found: Evidence): string {
  const left = found.spans.find(
    (span) => !stated.spans.some((one) => one.start === span.start && one.end === span.end),
  );
  if (left) return `The receipt leaves out a passage of ${left.words} words at ${left.start}.`;
  const extra = stated.spans.find((span) => !found.spans.some((one) => one.start === span.start));
  if (extra) return `The passage at ${extra.start} is not found in the texts.`;
  return 'The evidence recomputed from the texts differs.';
}

function informationInText(text: string, informationOf: (word: string) => number): bigint {
  const words = cutWords(text);
  let sum = 0n;
  for (let i = 0; i < words.count; i++)
    if (words.wordFlags[i]) sum += BigInt(informationOf(tokenAt(words, i)));
  return sum;
}

const textsOf = (records: readonly ExportRecord[]): readonly string[] =>
  records.flatMap(({ text }) => (text === undefined ? [] : [text]));

const tableOf = ({ words, total, counts }: SnapshotExport['information']): UnigramTable => ({
  words,
  total,
  counts: new Map(counts),
});
