/** Whether the evidence is what it says: policy, snapshots, records and the disclosed texts. */
import { fromHex } from '../bytes.ts';
import { parseCanonical } from '../canonical.ts';
import { EmbeddingOutput } from '../embedding.ts';
import type { EvidenceSpan } from '../evidence.ts';
import { sha256Hex } from '../hash.ts';
import { leafHash, verifyInclusion } from '../merkle.ts';
import { hashOwnerMap, parseOwnerMap, wordsIn } from '../owner-map.ts';
import { policyHash } from '../policy.ts';
import { commitment, type InferenceReceipt, RequestDocument, recordsCited } from '../receipt.ts';
import { snapshotRoles } from '../shares.ts';
import { entitlementHash, parseEntitlement, snapshotHash, snapshotLeaf } from '../snapshot.ts';
import { standsAt } from '../trace-by-scan.ts';
import { cutsWord, cutWords, wordCount } from '../words.ts';
import type { Bundle, BundleRecord } from './bundle.ts';
import { type Finding, must } from './check.ts';

export function checkPolicy({ policy, receipt }: Bundle): string {
  const hash = policyHash(policy);
  must(
    hash === receipt.policy,
    `The policy shown is ${hash}, the receipt names ${receipt.policy}.`,
  );
  const { attribution } = receipt;
  if (attribution) {
    for (const rule of ['algorithm', 'minWords', 'maxRecords', 'confidencePpm'] as const) {
      must(attribution[rule] === policy.trace[rule], `The trace's ${rule} is not the policy's.`);
    }
  }
  return `Policy ${hash.slice(0, 12)}…`;
}

/** The manifests shown are those the receipt names, each once and in its order. */
export function checkSnapshots({ receipt, snapshots }: Bundle): string {
  const named = new Map(receipt.snapshots.map((one) => [one.snapshot, one]));
  const ids = snapshots.map(({ snapshot }) => snapshot);
  must(
    ids.join() === [...named.keys()].join(),
    "The manifests are not those of the receipt's snapshots.",
  );
  for (const manifest of snapshots) {
    const isNamed = snapshotHash(manifest) === named.get(manifest.snapshot)?.hash;
    must(isNamed, `The manifest of ${manifest.snapshot} is not the one the receipt names.`);
  }
  for (const { snapshot, hash, pool } of receipt.snapshots) {
    must(hash === named.get(snapshot)?.hash, `The receipt names two hashes of ${snapshot}.`);
    must(pool.startsWith(`pool:${snapshot}:`), `${pool} is not a pool of ${snapshot}.`);
    must(pool === named.get(snapshot)?.pool, `The receipt names two pools of ${snapshot}.`);
  }
  const places = receipt.snapshots.map(
    (one) => `${snapshotRoles.indexOf(one.role)} ${one.snapshot}`,
  );
  const isOrdered = places.every((place, i) => i === 0 || places[i - 1] < place);
  must(isOrdered, 'The snapshots are not sorted by role and id, each once in a role.');
  checkContext(receipt);
  return count(snapshots.length, 'snapshot manifest');
}

/** A snapshot is context if, and only if, records of it were put into the prompt. */
function checkContext({ snapshots, retrieved }: InferenceReceipt): void {
  const context = new Set(
    snapshots.filter(({ role }) => role === 'context').map(({ snapshot }) => snapshot),
  );
  for (const { snapshot } of retrieved) {
    must(
      context.has(snapshot),
      `Records were retrieved from ${snapshot}, which is not named as context.`,
    );
  }
  const used = new Set<string>(retrieved.map(({ snapshot }) => snapshot));
  for (const snapshot of context) {
    must(used.has(snapshot), `${snapshot} is context, but nothing was retrieved from it.`);
  }
}

/** Each cited record stands in its snapshot under its owners, and each passage stands in its record. */
export function checkRecords({ receipt, snapshots, records }: Bundle): string | Finding {
  const spans = receipt.attribution?.spans ?? [];
  const cited = new Map<string, string>();
  for (const { record, snapshot } of recordsCited(receipt)) {
    const before = cited.get(record) ?? snapshot;
    must(before === snapshot, `Record ${record} is cited from two snapshots.`);
    cited.set(record, snapshot);
  }
  const shown = records.map(({ record, snapshot }) => `${record} ${snapshot}`);
  const expected = [...cited].map(([record, snapshot]) => `${record} ${snapshot}`).sort();
  must(
    shown.join() === expected.join(),
    'The records shown are not those that the evidence cites.',
  );

  const roots = new Map(snapshots.map((manifest) => [manifest.snapshot, manifest]));
  for (const one of records) {
    const manifest = roots.get(one.snapshot);
    must(manifest !== undefined, `Record ${one.record} is of a snapshot that is not shown.`);
    const stands = verifyInclusion({
      leaf: leafHash(
        snapshotLeaf({
          record: one.record,
          owners: ownersHash(one),
          map: hashOwnerMap(parseOwnerMap(one.map)),
        }),
      ),
      index: one.index,
      size: manifest.records,
      proof: one.proof.map(fromHex),
      root: fromHex(manifest.root),
    });
    must(stands, `Record ${one.record} with these owners does not stand in ${one.snapshot}.`);
    const isItself = one.text === null || sha256Hex(one.text) === one.record;
    must(isItself, `The text shown for record ${one.record} is another one.`);
    const isWhole = one.text === null || wordsIn(one.map) === wordCount(one.text);
    must(isWhole, `The owners of record ${one.record} are not of all its words.`);
  }
  const textOf = new Map(records.map(({ record, text }) => [record, text]));
  const wordsOf = new Map(records.map(({ record, map }) => [record, wordsIn(map)]));
  for (const span of spans) {
    for (const { record, firstWord } of span.records) {
      const isThere = firstWord + span.words <= (wordsOf.get(record) ?? 0);
      must(isThere, `Record ${record} has no ${span.words} words from word ${firstWord} on.`);
    }
    passageOf(span, textOf);
  }
  const withdrawn = records.filter(({ text }) => text === null).length;
  const detail = `${count(spans.length, 'passage')} in ${count(records.length, 'record')}`;
  if (withdrawn === 0) return `${detail}.`;
  return { detail: `${detail}; ${withdrawn} withdrawn or closed, text not shown.`, withdrawn };
}

/** The disclosed texts are those committed to, and the passages stand in the output where the receipt says. */
export function checkOutput({ receipt, records, disclosures }: Bundle): string {
  const { request, output } = disclosures;
  if (request) {
    must(commitment(request) === receipt.request, 'The request shown is not the one committed to.');
    const isRequest = RequestDocument.safeParse(parseCanonical(request.text)).success;
    must(isRequest, 'The request shown is not one that a receipt can commit to.');
  }
  if (!output) return request ? 'Output not disclosed.' : 'Nothing disclosed.';
  must(commitment(output) === receipt.output, 'The output shown is not the one committed to.');
  if (request) checkVectors(RequestDocument.parse(parseCanonical(request.text)), output.text);

  const textOf = new Map(records.map(({ record, text }) => [record, text]));
  const words = cutWords(output.text);
  const wordStarts = [...words.starts].filter((_, i) => words.wordFlags[i] === 1);
  for (const span of receipt.attribution?.spans ?? []) {
    const { start, end, firstWord } = span;
    const passage = output.text.slice(start, end);
    must(isWhole(output.text, span), `The passage at ${start} of the output cuts a word.`);
    must(wordStarts[firstWord] === start, `Word ${firstWord} does not begin at ${start}.`);
    must(wordCount(passage) === span.words, `The passage at ${start} is not ${span.words} words.`);
    const shown = passageOf(span, textOf);
    must(shown === undefined || shown === passage, `The passage at ${start} is not the record's.`);
  }
  return 'The texts shown are those committed to.';
}

/** An answer of vectors says which they are, and there is one for each input. */
function checkVectors(request: RequestDocument, output: string): void {
  if (request.kind !== 'embedding') return;
  const { success, data } = EmbeddingOutput.safeParse(parseCanonical(output));
  must(success, 'The output shown does not say which vectors it was.');
  const { inputs, dimensions } = request;
  must(data.vectors === inputs.length, `${inputs.length} vectors were asked for.`);
  must(
    dimensions === undefined || data.dimensions === dimensions,
    `Vectors of ${dimensions} dimensions were asked for.`,
  );
}

/**
 * The words of a span, as its records have them; undefined when no text of them is shown.
 *
 * @throws Error when a record does not hold the passage there first and whole, or two records differ
 */
function passageOf(
  span: EvidenceSpan,
  textOf: ReadonlyMap<string, string | null>,
): string | undefined {
  let passage: string | undefined;
  for (const { record, start, end, firstWord } of span.records) {
    const text = textOf.get(record);
    if (text === null || text === undefined) continue;
    must(end <= text.length, `Record ${record} ends before offset ${end}.`);
    const here = text.slice(start, end);
    must(
      passage === undefined || here === passage,
      `Record ${record} holds other words at ${start}.`,
    );
    passage = here;
    const stands = isWhole(text, { start, end }) && standsAt(here, text) === start;
    must(
      stands,
      `The passage at ${start} of record ${record} does not stand there first and whole.`,
    );
    must(
      wordCount(here) === span.words,
      `The passage of record ${record} is not ${span.words} words.`,
    );
    must(
      wordCount(text.slice(0, start)) === firstWord,
      `The passage of record ${record} does not begin with its word ${firstWord}.`,
    );
  }
  return passage;
}

/** Begins and ends with a word, and cuts none. */
function isWhole(text: string, { start, end }: { readonly start: number; readonly end: number }) {
  const words = cutWords(text.slice(start, end));
  return (
    words.count > 0 &&
    words.starts[0] === 0 &&
    words.wordFlags[0] === 1 &&
    words.wordFlags[words.count - 1] === 1 &&
    words.ends[words.count - 1] === end - start &&
    !cutsWord(text, start) &&
    !cutsWord(text, end)
  );
}

const ownersHash = ({ owners }: BundleRecord): string => entitlementHash(parseEntitlement(owners));

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
