/**
 * A trace index that grows, shrinks and outlives its process: immutable segments in a folder, and a tier of fresh records in
 * memory.
 *
 * What is added is found at once. `flush` writes the fresh tier down as a segment; `merge` makes one segment of several that
 * are alike in size, without what was withdrawn in the meantime. The manifest names the segments that count and the
 * tombstones, and is replaced as a whole: whenever the process dies, the folder holds the state before a step or the one
 * after it. What was added and not flushed is lost with the process; whoever adds keeps the records, and asks `has`.
 *
 * Source: O'Neil, Cheng, Gawlick, O'Neil, "The Log-Structured Merge-Tree", 1996.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { canonicalHash, OpenLedgerError, type TraceRecord } from '@openledger/protocol';
import { z } from 'zod';
import { inTurn } from '../../platform/in-turn.ts';
import { buildSegments } from './build-segments.ts';
import { openSegment, type Segment } from './segment-file.ts';
import { buildShard, indexOf, inShards, SHARD_CHARACTERS, type TraceIndex } from './trace-index.ts';

export type TraceLog = {
  /** Records are found from now on. Those that are in it already, withdrawn or not, are left out. */
  add(records: Iterable<TraceRecord>): void;
  has(recordHash: string): boolean;
  /** Records are not found any more, for good. Durable when it returns. */
  withdraw(recordHashes: Iterable<string>): void;
  /** Makes what was added durable. */
  flush(): Promise<void>;
  /** One step of merging. @returns false when there is nothing to merge */
  merge(): Promise<boolean>;
  /** All that is there now, withdrawn records too: a query leaves those out (`withdrawn`). */
  index(): TraceIndex;
  readonly withdrawn: ReadonlySet<string>;
  /** On disk. */
  bytes(): number;
  close(): void;
};

const Manifest = z.strictObject({
  version: z.literal('trace-log-1'),
  segments: z.array(z.string().regex(/^[0-9]{8}-[0-9a-f]{8}\.segment$/)),
  withdrawn: z.array(z.string()),
  /** SHA-256 of the canonical form of the rest. */
  checksum: z.string(),
});
type Manifest = Omit<z.output<typeof Manifest>, 'checksum'>;

/** Segments of about one size that are merged into one. */
const MERGED_TOGETHER = 4;

type Named = Segment & { readonly name: string };

type SegmentSource = Parameters<typeof openSegment>[1];

/**
 * Opens a folder's log, or begins one.
 *
 * Segments that are damaged are left out, and so are their records: `has` says that they are to be added again. Files that the
 * manifest does not name are removed.
 *
 * @param textOf the text of a record that was added; asked while merging, and to say where in a record a passage stands
 * @param shardCharacters of text in one segment, about
 */
export function openTraceLog(
  folder: string,
  {
    shardCharacters = SHARD_CHARACTERS,
    ...source
  }: SegmentSource & { readonly shardCharacters?: number },
): TraceLog {
  mkdirSync(folder, { recursive: true });
  const manifest = readManifest(folder);
  const withdrawn = new Set(manifest.withdrawn);
  let segments: readonly Named[] = manifest.segments.flatMap(
    (name) => openWhole(folder, name, source) ?? [],
  );
  let fresh: TraceRecord[] = [];
  let freshIndex: TraceIndex['shards'] | undefined;
  const held = new Set(segments.flatMap(({ shard }) => shard.hashes));
  const alone = inTurn(); // flushes and merges
  let next = 1 + Math.max(0, ...manifest.segments.map((name) => Number.parseInt(name, 10)));
  removeOthers(folder, manifest.segments);

  const has = (recordHash: string) => held.has(recordHash) || withdrawn.has(recordHash);

  async function write(rows: readonly (readonly TraceRecord[])[]): Promise<readonly Named[]> {
    // Two processes that build one folder's log write two files; the manifest names those of one of them.
    const names = rows.map(
      () => `${String(next++).padStart(8, '0')}-${randomBytes(4).toString('hex')}.segment`,
    );
    await buildSegments(rows.map((records, i) => ({ path: join(folder, names[i]), records })));
    return names.map((name) => ({ name, ...openSegment(join(folder, name), source) }));
  }

  /** From here on these are the segments that count. */
  function commit(now: readonly Named[]): void {
    writeManifest(folder, {
      version: 'trace-log-1',
      segments: now.map(({ name }) => name),
      withdrawn: [...withdrawn],
    });
    const gone = segments.filter((one) => !now.includes(one));
    segments = now;
    for (const segment of gone) {
      segment.close();
      rmSync(join(folder, segment.name));
    }
  }

  return {
    add(records) {
      const added = [...records].filter(({ hash }) => !has(hash) && held.add(hash));
      [fresh, freshIndex] = [[...fresh, ...added], undefined];
    },
    has,
    withdraw(recordHashes) {
      for (const hash of recordHashes) withdrawn.add(hash);
      commit(segments);
    },
    flush: () =>
      alone(async () => {
        const taken = fresh;
        if (taken.length === 0) return;
        const written = await write(inShards(taken, shardCharacters));
        // What was added meanwhile stays fresh.
        [fresh, freshIndex] = [fresh.slice(taken.length), undefined];
        commit([...segments, ...written]);
      }),
    merge: () =>
      alone(async () => {
        const chosen = alike(segments, shardCharacters);
        if (chosen.length === 0) return false;
        const records = chosen
          .flatMap(({ shard }) => shard.hashes)
          .filter((hash) => !withdrawn.has(hash))
          .map((hash) => ({ hash, text: source.textOf(hash) }));
        const merged = records.length > 0 ? await write([records]) : [];
        commit([...segments.filter((one) => !chosen.includes(one)), ...merged]);
        return true;
      }),
    index() {
      freshIndex ??= fresh.length > 0 ? [buildShard(fresh)] : [];
      return indexOf([...segments.map(({ shard }) => shard), ...freshIndex]);
    },
    withdrawn,
    bytes: () => segments.reduce((sum, segment) => sum + segment.bytes, 0),
    close() {
      for (const segment of segments) segment.close();
      segments = [];
    },
  };
}

/** @returns undefined for a segment that is gone or damaged */
function openWhole(folder: string, name: string, source: SegmentSource): Named | undefined {
  try {
    return { name, ...openSegment(join(folder, name), source) };
  } catch (error) {
    if (error instanceof OpenLedgerError || isAbsent(error)) return undefined;
    throw error;
  }
}

/** What was written by somebody who died before it counted, or counted before a merge. */
function removeOthers(folder: string, segments: readonly string[]): void {
  const counting = new Set([MANIFEST, ...segments]);
  for (const name of readdirSync(folder)) if (!counting.has(name)) rmSync(join(folder, name));
}

/** The first segments of one tier, if they are enough for a merge and fit into one: a tier is a power of `MERGED_TOGETHER`. */
function alike(segments: readonly Named[], shardCharacters: number): readonly Named[] {
  const tiers = new Map<number, Named[]>();
  for (const segment of segments) {
    const tier = Math.floor(Math.log(segment.shard.tokens + 1) / Math.log(MERGED_TOGETHER));
    tiers.set(tier, [...(tiers.get(tier) ?? []), segment]);
  }
  for (const [, tier] of [...tiers].sort(([a], [b]) => a - b)) {
    const chosen = tier.slice(0, MERGED_TOGETHER);
    const tokens = chosen.reduce((sum, { shard }) => sum + shard.tokens, 0);
    // A token has a character at least.
    if (chosen.length === MERGED_TOGETHER && tokens <= shardCharacters) return chosen;
  }
  return [];
}

const MANIFEST = 'manifest.json';

/** A manifest that cannot be read is as good as none: all is added again. */
function readManifest(folder: string): Manifest {
  const none: Manifest = { version: 'trace-log-1', segments: [], withdrawn: [] };
  const path = join(folder, MANIFEST);
  if (!existsSync(path)) return none;
  try {
    const { checksum, ...manifest } = Manifest.parse(JSON.parse(readFileSync(path, 'utf8')));
    return canonicalHash(manifest) === checksum ? manifest : none;
  } catch {
    return none;
  }
}

function writeManifest(folder: string, manifest: Manifest): void {
  const path = join(folder, MANIFEST);
  const checked = { ...manifest, checksum: canonicalHash(manifest) };
  writeFileSync(`${path}.part`, JSON.stringify(checked), { flush: true });
  renameSync(`${path}.part`, path);
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle); // the new names, of segments too
  } finally {
    closeSync(handle);
  }
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
