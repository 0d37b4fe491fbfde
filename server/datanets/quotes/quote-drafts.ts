/** Says what would become of drafts, and what of them would be their own, before they are contributed. Stores nothing. */
import { type Draft, PPM_ONE, type RejectionReason, sha256Hex } from '@openledger/protocol';
import type { Reader } from '../../platform/db.ts';
import { siftDrafts } from '../contribute.ts';
import { readDoor } from '../datanets.ts';
import { findNearDuplicates } from '../ownership/near-duplicates.ts';
import { createTokenIds } from '../ownership/token-ids.ts';
import { scoreQuality } from '../quality.ts';
import type { RetrievedRecord, Retriever } from '../retrieval/retrieve.ts';
import { newestSnapshot } from '../snapshots.ts';
import { type AcceptedWindows, createAcceptedWindows } from './accepted-windows.ts';
import { createWindowShelf } from './window-shelf.ts';

export type Quote = {
  /** Why it would be refused; undefined: it would be accepted. */
  readonly refusal: { readonly reason: RejectionReason; readonly message: string } | undefined;
  /** ppm. */
  readonly quality: number;
  /** How much of it would be its own; undefined where it is refused for itself, or there is nothing to compare it with. */
  readonly owned:
    | {
        readonly ppm: number;
        /** Words and symbols of the draft. */
        readonly tokens: number;
        /** Compared with all that was ever accepted, or with the nearest records, which says too much rather than too little. */
        readonly basis: 'all' | 'nearest';
      }
    | undefined;
  /** The most similar of the nearest records, where it would be disputed with. */
  readonly nearDuplicate:
    | { readonly recordHash: string; readonly similarityPpm: number }
    | undefined;
  /** The records of the newest snapshot that are nearest to it, the nearest first. */
  readonly nearest: readonly string[];
};

export type Quoter = (order: {
  readonly datanetId: string;
  readonly drafts: readonly Draft[];
}) => Promise<readonly Quote[]>;

/** Records that a draft is compared with for likeness, and where the datanet is too large for windows of all of it. */
const NEAREST = 10;
const NEAREST_FOR_WINDOWS = 50;

/** Characters of a draft that are searched by, and of a near record that are compared: a quote is an estimate. */
const QUERY_CHARACTERS = 2000;
const COMPARED_CHARACTERS = 20_000;

export function createQuoter({
  reader,
  retrieve,
  mostTokens,
}: {
  readonly reader: Reader;
  readonly retrieve: Retriever;
  /** Absent: as many as a server keeps of all datanets together. */
  readonly mostTokens?: number;
}): Quoter {
  const shelf = createWindowShelf(reader, mostTokens);

  /** @throws not_found */
  return async ({ datanetId, drafts }) => {
    const datanet = await readDoor(reader, datanetId);
    const numbered = drafts.map((draft, line) => ({ line, draft }));
    const { fresh, rejected } = await siftDrafts(reader, datanet, numbered);
    const accepted = new Map(fresh.map((one) => [one.line, one]));
    const refusals = new Map(rejected.map(({ line, ...refusal }) => [line, refusal]));
    const windows = await shelf.windowsOf(datanetId);
    const isSealed = (await newestSnapshot(reader, datanetId)) !== undefined;
    const limit = windows ? NEAREST : NEAREST_FOR_WINDOWS;
    const quotes: Quote[] = [];
    for (const { line, draft: offered } of numbered) {
      const refusal = refusals.get(line);
      // What is accepted is scored already, and may be redacted.
      const { draft, quality: scored } = accepted.get(line) ?? {
        draft: offered,
        quality: scoreQuality(offered.text),
      };
      const quality = scored.ppm;
      if (refusal && !isKnownText(refusal)) {
        quotes.push({ refusal, quality, owned: undefined, nearDuplicate: undefined, nearest: [] });
        continue;
      }
      const query = draft.text.slice(0, QUERY_CHARACTERS);
      const found = isSealed ? (await retrieve(datanetId, query, { limit })).records : [];
      const nearest = found.slice(0, NEAREST);
      quotes.push({
        ...{ refusal, quality, owned: ownedShare(draft, windows, found) },
        nearDuplicate: nearDuplicateOf(draft, nearest),
        nearest: nearest.map(({ recordHash }) => recordHash),
      });
    }
    return quotes;
  };
}

const isKnownText = ({ reason }: { readonly reason: RejectionReason }): boolean =>
  reason === 'duplicate' || reason === 'withdrawn';

function ownedShare(
  { text }: Draft,
  all: AcceptedWindows | undefined,
  nearest: readonly RetrievedRecord[],
): Quote['owned'] {
  const windows = all ?? windowsIn(nearest);
  if (!windows) return undefined;
  const { tokens, ownTokens } = windows.shareOf(text);
  const ppm = Math.floor((ownTokens * PPM_ONE) / Math.max(1, tokens));
  return { ppm, tokens, basis: all ? 'all' : 'nearest' };
}

function windowsIn(records: readonly RetrievedRecord[]): AcceptedWindows | undefined {
  if (records.length === 0) return undefined;
  const windows = createAcceptedWindows();
  for (const { text } of records) windows.accept(text.slice(0, COMPARED_CHARACTERS));
  return windows;
}

/** By the rules of the seal, except that it does not know whose the draft will be. */
function nearDuplicateOf(
  { text }: Draft,
  records: readonly RetrievedRecord[],
): Quote['nearDuplicate'] {
  const ids = createTokenIds();
  const texts = [...records.map((one) => one.text), text].map(
    (one) => ids.tokenize(one.slice(0, COMPARED_CHARACTERS)).tokens,
  );
  const [found] = findNearDuplicates(texts, (_, later) => later === records.length);
  if (!found || records[found.earlier].recordHash === sha256Hex(text)) return undefined;
  const { recordHash } = records[found.earlier];
  return { recordHash, similarityPpm: found.similarityPpm };
}
