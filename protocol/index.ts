/**
 * The shared words of OpenLedger: money, ids, errors, operations, and everything a verifier recomputes.
 *
 * Pure: runs in Node and in browsers, and imports nothing of ours.
 */
export * from './api/index.ts';
export * from './books.ts';
export * from './bytes.ts';
export * from './canonical.ts';
export * from './channel-earnings.ts';
export * from './channel-evidence.ts';
export * from './channels.ts';
export * from './copied-tokens.ts';
export * from './coverage.ts';
export * from './croissant.ts';
export * from './embedding.ts';
export * from './errors.ts';
export * from './evidence.ts';
export * from './hash.ts';
export * from './ids.ts';
export * from './information.ts';
export * from './merkle.ts';
export * from './merkle-tree.ts';
export * from './money.ts';
export * from './note.ts';
export * from './operations.ts';
export * from './owner-map.ts';
export * from './passage-earnings.ts';
export * from './policy.ts';
export * from './ranking-metrics.ts';
export * from './receipt.ts';
export * from './sampling.ts';
export * from './shard-of.ts';
export * from './shares.ts';
export * from './signatures.ts';
export * from './snapshot.ts';
export * from './split.ts';
export * from './statement.ts';
export * from './terms.ts';
export * from './trace.ts';
export * from './trace-by-scan.ts';
export * from './training-worker.ts';
export * from './typed-data.ts';
export * from './verify/index.ts';
export * from './words.ts';
