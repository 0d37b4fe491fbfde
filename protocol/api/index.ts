/**
 * The table: every operation of every noun. A noun is an `/api/<noun>`, an SDK namespace and a CLI word.
 *
 * Adding a noun: write `<noun>.ts` beside this file and its line here, then `server/http/<noun>.ts` implements
 * `api.<noun>`. SDK, CLI and OpenAPI document follow by themselves.
 */
import { identityOperations } from './identity.ts';

export const api = {
  identity: identityOperations,
} as const;

export type Api = typeof api;
export type Noun = keyof Api;

export { partyKinds } from './identity.ts';
export { pageOf, paging } from './paging.ts';
