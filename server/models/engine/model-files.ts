/** A base model on disk, as Hugging Face's `LlamaForCausalLM` stores it: `config.json` and `model.safetensors`. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import { writeWhole } from './checkpoint.ts';
import { llamaShapes } from './llama.ts';
import { parseLlamaConfig } from './llama-config.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import type { Model } from './weights.ts';

/** What Hugging Face's loader expects to be told about the arrays. */
export const frameworkMetadata = { format: 'pt' };

export async function writeModel(directory: string, { config, weights }: Model): Promise<void> {
  await mkdir(directory, { recursive: true });
  const bytes = encodeSafetensors({ tensors: weights, metadata: frameworkMetadata });
  await writeWhole(join(directory, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  await writeWhole(join(directory, 'model.safetensors'), bytes);
}

/** @throws invalid_input when config and weights are not one complete Llama in float32 */
export async function readModel(directory: string): Promise<Model> {
  const config = parseLlamaConfig(await readJson(join(directory, 'config.json')));
  const { tensors } = decodeSafetensors(await readFile(join(directory, 'model.safetensors')));
  const shapes = llamaShapes(config);
  for (const name of new Set([...shapes.keys(), ...tensors.keys()])) {
    const [expected, found] = [shapes.get(name), tensors.get(name)?.shape];
    if (expected?.join() === found?.join()) continue;
    throw new OpenLedgerError('invalid_input', 'The weights do not fit config.json.', {
      name,
      expected,
      found,
    });
  }
  const weights = new Map([...shapes.keys()].map((name) => [name, tensors.get(name)!]));
  return { config, weights };
}

/** @throws invalid_input when the file is not JSON */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OpenLedgerError('invalid_input', 'The file is not JSON.', { path }, { cause });
  }
}
