/**
 * The contract with a worker elsewhere that trains an adapter too large for this server: what it returns, what it is asked for
 * each answer, and how others find out whether it did what it says.
 *
 * A worker is trusted for nothing. It commits to its run in segments of steps; after it has committed, the head of the receipts'
 * log draws some of them, and another worker recomputes those from the state before to the state behind. Two machines do not add
 * floats in the same order, so states are compared by how far they are apart, not by their hashes.
 */
import { z } from 'zod';
import { canonicalHash } from './canonical.ts';
import { Sha256Hex, sha256Hex } from './hash.ts';
import { idSchema } from './ids.ts';
import { Address, WalletSignature } from './signatures.ts';

export const WORKER_VERSION = 'openledger-worker-1';

const Count = z.number().int().min(0);

/** A file by its content; where it is fetched is agreed elsewhere. */
const File = z.strictObject({ name: z.string().min(1).max(200), sha256: Sha256Hex, bytes: Count });

/** Some steps of a run: from the state that one hash names to the state that another does. */
const Segment = z.strictObject({
  fromStep: Count,
  toStep: z.number().int().min(1),
  /** Weights, moments and random state, in canonical order. */
  before: Sha256Hex,
  after: Sha256Hex,
  /** Mean loss over the segment, in 2^-20 nats a token. */
  loss: z.number().int(),
});

/** What a worker returns of a run. */
export const WorkerResult = z
  .strictObject({
    version: z.literal(WORKER_VERSION),
    run: idSchema('run'),
    /** SHA-256 of the recipe's canonical JSON. */
    recipe: Sha256Hex,
    /** Hashes of the manifests it learned from. */
    snapshots: z.array(Sha256Hex).min(1),
    /** The adapter, in PEFT's format. */
    adapter: z.array(File).min(1),
    /** What influence is read from; null where the worker makes none: then trace and prior pay. */
    influence: z
      .strictObject({
        /** Names the method and its version, as receipts will. */
        algorithm: z.string().regex(/^[a-z0-9][a-z0-9.+-]{0,99}$/),
        /** Of the ensemble; 0 for features alone. */
        adapters: Count,
        /** Records by groups of their owners, in the order of the features. */
        groups: z.array(z.array(Sha256Hex).min(1)).min(2),
        /** Numbers of each record's feature. */
        width: z.number().int().min(1).max(65_536),
        files: z.array(File).min(1),
      })
      .nullable(),
    /** From the first step to the last, without gaps. */
    segments: z.array(Segment).min(1),
    worker: Address,
  })
  .refine(
    ({ segments }) =>
      segments.every(
        ({ fromStep, toStep, before }, i) =>
          toStep > fromStep &&
          (i === 0 ? fromStep === 0 : fromStep === segments[i - 1].toStep) &&
          (i === 0 || before === segments[i - 1].after),
      ),
    {
      path: ['segments'],
      error: 'Segments follow each other, each from where the last one ended.',
    },
  );
export type WorkerResult = z.output<typeof WorkerResult>;

/** As it is signed and kept: the result, and the worker's signature of its hash. */
export const SignedWorkerResult = z.strictObject({
  result: WorkerResult,
  signature: WalletSignature,
});

export const workerResultHash = (result: WorkerResult): string => canonicalHash(result);

/** `score`: the log-likelihood of one output under each adapter of the ensemble, in one mixed batch. */
export const ScoreRequest = z.strictObject({ prompt: z.string(), output: z.string().min(1) });
export const ScoreAnswer = z.strictObject({
  tokens: z.number().int().min(1),
  /** In 2^-20 nats, one an adapter. */
  scores: z.array(z.number().int()),
});

/** `queryFeatures`: what an output is held against records with: the same projection as theirs, of its own gradient. */
export const QueryFeaturesAnswer = z.strictObject({
  tokens: z.number().int().min(1),
  /** [width], whole numbers; their scale says nothing, only their direction does. */
  feature: z.array(z.number().int()),
});

/**
 * Which segments are recomputed elsewhere.
 *
 * @param root of the log after it holds the result's hash: nobody knew it while the run could still be chosen
 * @param count at most; no segment is drawn twice
 * @returns indexes, ascending
 */
export function drawSegments(
  result: WorkerResult,
  { root, count }: { readonly root: string; readonly count: number },
): readonly number[] {
  const hash = workerResultHash(result);
  return result.segments
    .map((_, index) => ({ index, ticket: sha256Hex(`${root} ${hash} ${index}`) }))
    .sort((a, b) => (a.ticket < b.ticket ? -1 : 1))
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b);
}

/**
 * Whether one tensor of a recomputed state is the one that was committed to, as far as floats can tell: the relative distance of the
 * two. Tensors are compared one by one, since moments are far smaller than weights; what is not finite agrees with nothing.
 *
 * What a dishonest state gains it gains by being far away; `tolerance` is measured on honest pairs of machines, and said in the policy.
 *
 * @param committed all numbers of the tensor, in order @param recomputed the same of the other worker
 */
export function statesAgree(
  committed: ArrayLike<number>,
  recomputed: ArrayLike<number>,
  tolerance: number,
): boolean {
  if (committed.length !== recomputed.length) return false;
  let [apart, size] = [0, 0];
  for (let i = 0; i < committed.length; i++) {
    apart += (committed[i] - recomputed[i]) ** 2;
    size += committed[i] ** 2;
  }
  return Number.isFinite(apart) && Number.isFinite(size) && apart <= tolerance ** 2 * size;
}
