/** A training run's state on disk: one safetensors file a checkpoint, written whole or not at all. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import type { RandomState } from '../../compute/random.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import type { Weights } from './weights.ts';

export type Checkpoint = {
  readonly fingerprint: string;
  /** Steps done. */
  readonly step: number;
  /** The generator's state before the next batch is drawn. */
  readonly random: RandomState;
  readonly weights: Weights;
  /** AdamW's running means of the gradient and of its square. */
  readonly m: Weights;
  readonly v: Weights;
};

/** The newest, and the one before it in case the newest cannot be read. */
const kept = 2;

const word = z.int().min(0).max(0xffff_ffff);
const stateSchema = z.strictObject({
  fingerprint: z.string(),
  step: z.int().nonnegative(),
  random: z.tuple([word, word, word, word]),
});

export async function writeCheckpoint(directory: string, checkpoint: Checkpoint): Promise<void> {
  const { fingerprint, step, random, weights, m, v } = checkpoint;
  const tensors = new Map([
    ...prefixed('weights', weights),
    ...prefixed('m', m),
    ...prefixed('v', v),
  ]);
  const bytes = encodeSafetensors({
    tensors,
    metadata: { state: JSON.stringify({ fingerprint, step, random }) },
  });
  await mkdir(directory, { recursive: true });
  await writeWhole(join(directory, fileName(step)), bytes);
  const older = (await checkpointFiles(directory)).slice(0, -kept);
  for (const name of older) await rm(join(directory, name), { force: true });
}

/**
 * The newest checkpoint that can be read, or nothing where none was written.
 *
 * @throws invalid_input when there are checkpoints and none can be read
 */
export async function readCheckpoint(directory: string): Promise<Checkpoint | undefined> {
  const failures: OpenLedgerError[] = [];
  for (const name of (await checkpointFiles(directory)).toReversed()) {
    try {
      return decodeCheckpoint(await readFile(join(directory, name)));
    } catch (error) {
      if (!(error instanceof OpenLedgerError)) throw error;
      failures.push(error); // damaged: the one before it may be whole
    }
  }
  if (failures.length > 0) throw failures[0];
  return undefined;
}

function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const state = stateSchema.safeParse(parseJson(metadata.state));
  if (!state.success) {
    const sentence = 'The checkpoint does not say where its run stood.';
    throw new OpenLedgerError('invalid_input', sentence);
  }
  return {
    ...state.data,
    weights: unprefixed('weights', tensors),
    m: unprefixed('m', tensors),
    v: unprefixed('v', tensors),
  };
}

/** Writes beside the target, then renames: readers see the old file or the new one. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const draft = `${path}.draft`;
  const file = await open(draft, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

const fileName = (step: number): string => `step-${String(step).padStart(8, '0')}.safetensors`;

/** Oldest first. */
async function checkpointFiles(directory: string): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  return (await readdir(directory)).filter((name) => /^step-\d{8}\.safetensors$/.test(name)).sort();
}

const prefixed = (prefix: string, weights: Weights): Weights =>
  new Map([...weights].map(([name, tensor]) => [`${prefix}/${name}`, tensor]));

const unprefixed = (prefix: string, tensors: Weights): Weights =>
  new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]),
  );

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
