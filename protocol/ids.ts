/**
 * Ids: a prefix that says what is named, and a UUIDv7 (RFC 9562) in lower-case hex, so that ids sort by time.
 *
 * Content is not named by these but by its SHA-256.
 */
import { z } from 'zod';
import { toHex } from './bytes.ts';

export const idPrefixes = {
  party: 'pty',
  key: 'key',
  datanet: 'dn',
  import: 'imp',
  contribution: 'con',
  snapshot: 'snp',
  model: 'mdl',
  run: 'run',
  inference: 'inf',
  attribution: 'att',
  hold: 'hld',
  transaction: 'txn',
  receipt: 'rct',
  epoch: 'epo',
  agent: 'agt',
  challenge: 'chl',
  claim: 'clm',
  dispute: 'dsp',
  bounty: 'bnt',
  submission: 'sbm',
  read: 'rd',
} as const;

export type IdKind = keyof typeof idPrefixes;
export type Id<K extends IdKind> = `${(typeof idPrefixes)[K]}_${string}`;

const patterns = Object.fromEntries(
  Object.entries(idPrefixes).map(([kind, prefix]) => [
    kind,
    new RegExp(`^${prefix}_[0-9a-f]{32}$`),
  ]),
) as Record<IdKind, RegExp>;

/** A zod schema for one kind of id. */
export const idSchema = <K extends IdKind>(kind: K) =>
  z
    .custom<Id<K>>((value) => typeof value === 'string' && patterns[kind].test(value), {
      error: `Expected an id that begins with ${idPrefixes[kind]}_.`,
    })
    .meta({ type: 'string', pattern: patterns[kind].source }); // a custom check has no JSON Schema of its own

export const isId = <K extends IdKind>(kind: K, value: string): value is Id<K> =>
  patterns[kind].test(value);

/** Makes a new id. @param now milliseconds since the epoch @param random at least 10 random bytes */
export function makeId<K extends IdKind>(
  kind: K,
  { now, random }: { readonly now: number; readonly random: Uint8Array },
): Id<K> {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 6; i++) bytes[i] = Math.floor(now / 2 ** (8 * (5 - i))) % 256;
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f); // version 7
  bytes[8] = 0x80 | (bytes[8] & 0x3f); // variant
  return `${idPrefixes[kind]}_${toHex(bytes)}` as Id<K>;
}
