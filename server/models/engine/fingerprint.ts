/** Says in one hash which run this is: the same recipe, data and starting weights, or another. */
import { createHash } from 'node:crypto';
import type { Weights } from './weights.ts';
import type { TokenStream } from './windows.ts';

export type RunIdentity = {
  /** Everything else that changes the result; must survive JSON. */
  readonly recipe: unknown;
  readonly streams: readonly TokenStream[];
  readonly weights: readonly Weights[];
};

export function fingerprintRun({ recipe, streams, weights }: RunIdentity): string {
  const hash = createHash('sha256').update(JSON.stringify(recipe));
  for (const stream of streams) hash.update(`\nstream ${stream.length}\n`).update(bytesOf(stream));
  for (const [name, { shape, data }] of weights.flatMap((each) => [...each])) {
    hash.update(`\nweight ${name} ${shape}\n`).update(bytesOf(data));
  }
  return hash.digest('hex');
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array | Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
