/** The log: an append-only Merkle tree in tables, its signed heads, and proofs for any size it has had. */
import {
  appendLeaf,
  consistencyRanges,
  fullNodes,
  hashRange,
  inclusionRanges,
  type LeafRange,
  type NodeCoordinate,
  OpenLedgerError,
  toHex,
} from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db, Reader, Tx } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';
import type { LogSigner } from './signers.ts';

/** A signed head of the log. */
export type LogHead = {
  readonly treeSize: number;
  /** 64 lower-case hex digits. */
  readonly rootHash: string;
  /** The signed note. */
  readonly note: string;
};

/** One appender at a time: a leaf's nodes are computed from the tree's right edge, which no one else is moving. */
export async function lockLog(tx: Tx): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(7300301)`);
}

/** Leaves in the log. */
export async function logSize(on: Reader): Promise<number> {
  const [row] = await on.query<{ size: string }>(
    prepared(
      'receipts.log-size',
      sql`
    select coalesce(max(index) + 1, 0) as size
    from receipts.nodes
    where level = 0`,
    ),
  );
  return Number(row.size);
}

/** Appends leaves' hashes; the caller holds the log's lock. @returns the first one's index */
export async function appendToLog(tx: Tx, leaves: readonly Uint8Array[]): Promise<number> {
  const size = await logSize(tx);
  const stored = await readNodes(tx, [{ start: 0, end: size }]);
  const added = new Map<string, Uint8Array>();
  const nodeAt = (node: NodeCoordinate) => added.get(nameOf(node)) ?? stored(node);
  const filled = leaves.flatMap((leaf, i) => {
    const nodes = appendLeaf(size + i, leaf, nodeAt);
    for (const node of nodes) added.set(nameOf(node), node.hash);
    return nodes;
  });
  await tx.query(
    prepared(
      'receipts.add-nodes',
      sql`
    insert into receipts.nodes (level, index, hash)
    select * from unnest(
      ${filled.map(({ level }) => level)}::smallint[],
      ${filled.map(({ index }) => index)}::bigint[],
      ${filled.map(({ hash }) => Buffer.from(hash))}::bytea[])`,
    ),
  );
  return size;
}

/** @returns sibling hashes in lower-case hex @throws invalid_input when the tree of that size lacks the leaf */
export const proveInclusion = (
  on: Reader,
  { index, size }: { readonly index: number; readonly size: number },
): Promise<string[]> => prove(on, size, () => inclusionRanges(index, size));

/** @returns hashes in lower-case hex @throws invalid_input when the log never grew from the one size to the other */
export const proveConsistency = (
  on: Reader,
  { first, second }: { readonly first: number; readonly second: number },
): Promise<string[]> => prove(on, second, () => consistencyRanges(first, second));

/** The newest head, signed now when the log has grown since the last one. */
export async function signHead(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  signer: LogSigner,
): Promise<LogHead> {
  const size = await logSize(db);
  const known = await findHead(db, size);
  if (known) return known;
  const range = { start: 0, end: size };
  const root = hashRange(range, await readNodes(db, [range]));
  const note = await signer.sign({ size, root });
  await db.transaction((tx) =>
    tx.query(sql`
      insert into receipts.checkpoints (size, root, note, signed_at)
      values (${size}, ${toHex(root)}, ${note}, ${clock.now()})
      on conflict (size) do nothing`),
  );
  return { treeSize: size, rootHash: toHex(root), note };
}

async function findHead(on: Reader, size: number): Promise<LogHead | undefined> {
  const [row] = await on.query<{ root: string; note: string }>(sql`
    select root, note
    from receipts.checkpoints
    where size = ${size}`);
  return row && { treeSize: size, rootHash: row.root, note: row.note };
}

async function prove(
  on: Reader,
  size: number,
  plan: () => readonly LeafRange[],
): Promise<string[]> {
  const grown = await logSize(on);
  if (size > grown) {
    throw new OpenLedgerError('invalid_input', `The log has ${grown} leaves, not ${size}.`);
  }
  const ranges = planned(plan);
  const nodeAt = await readNodes(on, ranges);
  return ranges.map((range) => toHex(hashRange(range, nodeAt)));
}

function planned(plan: () => readonly LeafRange[]): readonly LeafRange[] {
  try {
    return plan();
  } catch (cause) {
    throw new OpenLedgerError('invalid_input', (cause as Error).message, {}, { cause });
  }
}

/** Reads the full nodes of some subtrees at once. */
async function readNodes(
  on: Reader,
  ranges: readonly LeafRange[],
): Promise<(node: NodeCoordinate) => Uint8Array> {
  const wanted = ranges.flatMap(fullNodes);
  const rows = await on.query<{ level: number; index: string; hash: Buffer }>(
    prepared(
      'receipts.read-nodes',
      sql`
    select level, index, hash
    from receipts.nodes
    join unnest(
      ${wanted.map(({ level }) => level)}::smallint[],
      ${wanted.map(({ index }) => index)}::bigint[]) as wanted (level, index) using (level, index)`,
    ),
  );
  const hashes = new Map(
    rows.map(({ level, index, hash }) => [nameOf({ level, index: Number(index) }), hash]),
  );
  return (node) => {
    const hash = hashes.get(nameOf(node));
    if (!hash) throw new Error(`The log lacks its node ${node.index} at level ${node.level}.`);
    return Uint8Array.from(hash);
  };
}

const nameOf = ({ level, index }: NodeCoordinate): string => `${level} ${index}`;
