/**
 * The shared words of OpenLedger: money, ids, errors, operations, and everything a verifier recomputes.
 *
 * Pure: runs in Node and in browsers, and imports nothing of ours.
 */
export * from './bytes.ts';
export * from './canonical.ts';
export * from './errors.ts';
export * from './hash.ts';
export * from './ids.ts';
export * from './money.ts';
export * from './operations.ts';
