/**
 * The client of OpenLedger's public API, and all shared words beside it.
 *
 * Every method is read off the table of operations: what the server can do, the client can ask.
 */
export * from '@openledger/protocol';
export { type Client, type ClientOptions, createClient } from './client.ts';
export { type Field, fieldsOf } from './fields.ts';
