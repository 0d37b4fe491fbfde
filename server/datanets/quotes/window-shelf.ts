/** Keeps the windows of the datanets that were asked about last, and takes in what has been accepted since. */
import type { Reader } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import { type AcceptedWindows, createAcceptedWindows } from './accepted-windows.ts';

export type WindowShelf = {
  /** Of all that the datanet has accepted; undefined where that is more than the shelf holds. */
  readonly windowsOf: (datanetId: string) => Promise<AcceptedWindows | undefined>;
};

/** Tokens of all datanets on the shelf together: a hundred megabytes or so. */
const MOST_TOKENS = 4_000_000;

/** Texts in memory at a time; each has a megabyte at most. */
const PAGE = 50;

type Shelved = { readonly windows: AcceptedWindows; sequence: bigint };

export function createWindowShelf(reader: Reader, mostTokens = MOST_TOKENS): WindowShelf {
  const shelved = new Map<string, Shelved>(); // asked for longest ago first
  /** What was accepted is never taken back, so that these stay too large. */
  const tooLarge = new Set<string>();
  let turn: Promise<unknown> = Promise.resolve();

  async function takeUp(datanetId: string): Promise<AcceptedWindows | undefined> {
    if (tooLarge.has(datanetId)) return undefined;
    const one = shelved.get(datanetId) ?? { windows: createAcceptedWindows(), sequence: 0n };
    shelved.delete(datanetId);
    for await (const text of acceptedTexts(reader, datanetId, one)) {
      one.windows.accept(text);
      if (one.windows.size() <= mostTokens) continue;
      tooLarge.add(datanetId);
      return undefined;
    }
    shelved.set(datanetId, one);
    makeRoom();
    return one.windows;
  }

  function makeRoom(): void {
    let tokens = 0;
    for (const { windows } of shelved.values()) tokens += windows.size();
    for (const [datanetId, { windows }] of shelved) {
      if (tokens <= mostTokens) return;
      tokens -= windows.size();
      shelved.delete(datanetId);
    }
  }

  return {
    // One after the other: two would take in the same texts, or hold twice as many.
    windowsOf: (datanetId) => {
      const taken = turn.then(() => takeUp(datanetId));
      turn = taken.catch(() => {});
      return taken;
    },
  };
}

/** What came after a sequence number, which follows; withdrawn texts too, since nobody inherits them. */
async function* acceptedTexts(
  reader: Reader,
  datanetId: string,
  since: { sequence: bigint },
): AsyncGenerator<string> {
  for (;;) {
    const rows = await reader.query<{ sequence: string; text: string }>(sql`
      select contributions.sequence, records.text
      from datanets.contributions
      join datanets.records
        on records.datanet_id = contributions.datanet_id and records.hash = contributions.record_hash
      where contributions.datanet_id = ${datanetId} and contributions.sequence > ${since.sequence}
      order by contributions.sequence
      limit ${PAGE}`);
    for (const { sequence, text } of rows) {
      yield text;
      since.sequence = BigInt(sequence);
    }
    if (rows.length < PAGE) return;
  }
}
