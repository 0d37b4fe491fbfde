/** Verifying receipts: pure, offline, in Node and in browsers. */
export { attributableIn } from './attributable-in.ts';
export * from './bundle.ts';
export { type CheckName, type CheckResult, checkNames } from './check.ts';
export { ownersIn } from './owners-in.ts';
export { recompute } from './recompute.ts';
export { firstFailure, openBundle, verifyBundle } from './verify-bundle.ts';
export * from './verify-statement.ts';
