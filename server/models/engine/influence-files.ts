/** An influence ensemble beside its adapter's files: `influence.json` and `influence.safetensors`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import type { Adapter } from './adapter.ts';
import { writeWhole } from './checkpoint.ts';
import { type InfluenceEnsemble, SKETCH } from './influence-ensemble.ts';
import { frameworkMetadata, readJson } from './model-files.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

const Description = z.strictObject({
  version: z.literal('influence-1'),
  groups: z.array(z.array(z.string()).min(1)).min(2),
  /** One an adapter: for each group 1 where it was trained on, else 0. */
  masks: z.array(z.string().regex(/^[01]+$/)).min(2),
  /** Tokens of each record that were learned. */
  sizes: z.array(z.int().min(1)),
});

export async function writeInfluence(
  directory: string,
  { groups, masks, adapters, sizes, features }: InfluenceEnsemble,
): Promise<void> {
  const description = {
    ...{ version: 'influence-1', groups, sizes },
    masks: masks.map((mask) => [...mask].join('')),
  };
  const data = new Float32Array(features.length * SKETCH);
  for (const [i, feature] of features.entries()) data.set(feature, i * SKETCH);
  const tensors = new Map([
    ['features', { shape: [features.length, SKETCH], data }],
    ...adapters.flatMap(({ weights }, member) =>
      [...weights].map(([name, tensor]) => [`${member}.${name}`, tensor] as const),
    ),
  ]);
  const bytes = encodeSafetensors({ tensors, metadata: frameworkMetadata });
  await writeWhole(join(directory, 'influence.json'), `${JSON.stringify(description)}\n`);
  await writeWhole(join(directory, 'influence.safetensors'), bytes);
}

/** @param like an adapter of the same rank. @throws invalid_input for files that are something else */
export async function readInfluence(directory: string, like: Adapter): Promise<InfluenceEnsemble> {
  const { data: description } = Description.safeParse(
    await readJson(join(directory, 'influence.json')),
  );
  const { tensors } = decodeSafetensors(await readFile(join(directory, 'influence.safetensors')));
  const features = tensors.get('features');
  if (!description || !features) {
    throw new OpenLedgerError('invalid_input', 'The files of influence are not an ensemble.');
  }
  const adapters = description.masks.map((_, member): Adapter => {
    const prefix = `${member}.`;
    const own = [...tensors].filter(([name]) => name.startsWith(prefix));
    return {
      ...like,
      weights: new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor])),
    };
  });
  return {
    groups: description.groups,
    sizes: description.sizes,
    masks: description.masks.map((mask) => Uint8Array.from(mask, Number)),
    adapters,
    features: description.groups
      .flat()
      .map((_, i) => features.data.subarray(i * SKETCH, (i + 1) * SKETCH)),
  };
}
