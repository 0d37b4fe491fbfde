/** Verifying receipts: pure, offline, in Node and in browsers. */
export * from './bundle.ts';
export { recompute } from './recompute.ts';
export { firstFailure, openBundle, verifyBundle } from './verify-bundle.ts';
