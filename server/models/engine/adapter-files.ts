/** Adapters on disk, in PEFT's format: `adapter_config.json` and `adapter_model.safetensors`. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import { type Adapter, adaptedLayers, factorNames } from './adapter.ts';
import { writeWhole } from './checkpoint.ts';
import { frameworkMetadata, readJson } from './model-files.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

/** What PEFT puts before the model's own names. */
const prefix = 'base_model.model.';

/** Only what computes as we do: plain LoRA, scaled by alpha / r, without biases or per-layer ranks. */
const configSchema = z.object({
  peft_type: z.literal('LORA'),
  r: z.int().positive().max(4_096),
  lora_alpha: z.number().positive(),
  bias: z.literal('none').default('none'),
  use_rslora: z.literal(false).default(false),
  use_dora: z.literal(false).default(false),
  fan_in_fan_out: z.literal(false).default(false),
  rank_pattern: z.strictObject({}).default({}),
  alpha_pattern: z.strictObject({}).default({}),
});

/**
 * @param baseModel where a loader finds the base: a directory or a name
 */
export async function writeAdapter(
  directory: string,
  adapter: Adapter,
  { baseModel }: { readonly baseModel: string },
): Promise<void> {
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    target_modules: targetModules(adapter),
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    inference_mode: true,
  };
  const tensors = new Map([...adapter.weights].map(([name, tensor]) => [prefix + name, tensor]));
  await mkdir(directory, { recursive: true });
  await writeWhole(join(directory, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`);
  const bytes = encodeSafetensors({ tensors, metadata: frameworkMetadata });
  await writeWhole(join(directory, 'adapter_model.safetensors'), bytes);
}

/**
 * Reads an adapter; `mergeAdapter` says whether it fits a base.
 *
 * @throws invalid_input when the directory holds something other than a plain LoRA adapter in float32
 */
export async function loadAdapter(directory: string): Promise<Adapter> {
  const config = configSchema.safeParse(await readJson(join(directory, 'adapter_config.json')));
  if (!config.success) {
    throw new OpenLedgerError('invalid_input', 'The adapter is not a plain LoRA adapter.', {
      issues: config.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    });
  }
  const path = join(directory, 'adapter_model.safetensors');
  const { tensors } = decodeSafetensors(await readFile(path));
  const weights = new Map([...tensors].map(([name, tensor]) => [name.replace(prefix, ''), tensor]));
  const adapter = { rank: config.data.r, alpha: config.data.lora_alpha, weights };
  const expected = adaptedLayers(adapter).flatMap((layer) => Object.values(factorNames(layer)));
  const complete = expected.every((name) => tensors.has(prefix + name));
  if (expected.length === 0 || !complete || expected.length !== tensors.size) {
    throw new OpenLedgerError(
      'invalid_input',
      'The adapter holds other tensors than pairs of factors.',
      {
        path,
      },
    );
  }
  return adapter;
}

/** PEFT names modules by their last part: `q_proj`, not `model.layers.0.self_attn.q_proj`. */
const targetModules = (adapter: Adapter): readonly string[] =>
  [...new Set(adaptedLayers(adapter).map((layer) => layer.replace(/^.*\./, '')))].sort();
