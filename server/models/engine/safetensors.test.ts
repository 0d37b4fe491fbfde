import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../../compute/random.ts';
import { initialAdapter, mergeAdapter } from './adapter.ts';
import { loadAdapter, writeAdapter } from './adapter-files.ts';
import { readModel, writeModel } from './model-files.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import { tinyConfig, tinyModel } from './tiny.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file with this header and so many bytes of data. */
function file(header: unknown, dataBytes: number): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}
const f32 = (shape: unknown, begin: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

test('writes the bytes that the format describes', () => {
  const tensors = new Map([['b', { shape: [2], data: Float32Array.of(1, 2) }]]);
  const bytes = Buffer.from(encodeSafetensors({ tensors, metadata: { format: 'pt' } }));
  const headerLength = Number(bytes.readBigUInt64LE(0));
  expect(headerLength % 8).toBe(0);
  expect(bytes.toString('utf8', 8, 8 + headerLength).trimEnd()).toBe(
    '{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
  );
  expect(bytes.subarray(8 + headerLength).toString('hex')).toBe('0000803f00000040');
});

test('reads back every array it wrote, whatever its name and shape', () => {
  const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
  const named = fc.uniqueArray(fc.tuple(fc.string(), shape), {
    selector: ([name]) => name,
    maxLength: 6,
  });
  fc.assert(
    fc.property(named, (entries) => {
      const random = createRandom(1);
      const tensors = new Map(
        entries
          .filter(([name]) => name !== '__metadata__' && name !== '__proto__')
          .map(([name, dims]) => {
            const length = dims.reduce((a, b) => a * b, 1);
            return [name, { shape: dims, data: Float32Array.from({ length }, random.gaussian) }];
          }),
      );
      const read = decodeSafetensors(encodeSafetensors({ tensors, metadata: { a: 'b' } }));
      expect(new Map([...read.tensors].sort())).toEqual(new Map([...tensors].sort()));
      expect(read.metadata).toEqual({ a: 'b' });
    }),
  );
});

test.each([
  ['nothing', new Uint8Array(0)],
  ['a header length beyond the file', Buffer.from('ffffffffffffffff7b7d', 'hex')],
  ['a header that is not JSON', file('{"a":', 0)],
  [
    'a header that is not UTF-8',
    Buffer.concat([file('{"\xff', 0).subarray(0, 8), Buffer.from('7b22ff22', 'hex')]),
  ],
  ['a header that is a list', file('[]', 0)],
  ['white space before the header', file(' {}', 0)],
  ['another element type', file({ a: { dtype: 'F16', shape: [2], data_offsets: [0, 4] } }, 4)],
  ['a negative size', file({ a: f32([-1], 0, 4) }, 4)],
  ['a fractional size', file({ a: f32([0.5], 0, 2) }, 2)],
  ['an extent that is too short', file({ a: f32([2], 0, 4) }, 4)],
  ['an extent beyond the file', file({ a: f32([2], 0, 8) }, 4)],
  ['sizes that overflow', file({ a: f32([2 ** 40, 2 ** 40], 0, 0) }, 0)],
  ['overlapping tensors', file({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4)],
  ['a hole', file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12)],
  ['bytes left over', file({ a: f32([1], 0, 4) }, 8)],
  [
    'the same name twice',
    file(`{"a":${JSON.stringify(f32([1], 0, 4))},"a":${JSON.stringify(f32([1], 0, 4))}}`, 4),
  ],
  ['an unknown field', file({ a: { ...f32([1], 0, 4), extra: 1 } }, 4)],
  ['metadata that is not text', file({ __metadata__: { a: 1 } }, 0)],
])('refuses %s', (_, bytes) => {
  expect(() => decodeSafetensors(bytes)).toThrow(OpenLedgerError);
});

test('no flipped byte of a header makes reading fail in an untyped way', () => {
  const tensors = new Map([['a.b', { shape: [2, 1], data: Float32Array.of(1, 2) }]]);
  const good = encodeSafetensors({ tensors, metadata: { format: 'pt' } });
  fc.assert(
    fc.property(fc.nat(good.length - 9), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const bytes = Uint8Array.from(good);
      bytes[at] ^= mask;
      try {
        decodeSafetensors(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(OpenLedgerError);
      }
    }),
  );
});

test('a model directory reads back as the same model, and one with other shapes is refused', async () => {
  const directory = join(folder, 'model');
  const model = tinyModel(1);
  await writeModel(directory, model);
  expect(await readModel(directory)).toEqual(model);
  const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'));
  expect(config).toMatchObject({ architectures: ['LlamaForCausalLM'], num_key_value_heads: 2 });
  const tied = { ...config, tie_word_embeddings: true };
  await writeFile(join(directory, 'config.json'), JSON.stringify(tied));
  await expect(readModel(directory)).rejects.toMatchObject({ code: 'invalid_input' });
  await writeFile(join(directory, 'config.json'), '{');
  await expect(readModel(directory)).rejects.toMatchObject({ code: 'invalid_input' });
});

test("an adapter is stored under PEFT's names and read back exactly", async () => {
  const directory = join(folder, 'adapter');
  const adapter = initialAdapter(tinyConfig, { rank: 3, alpha: 6, random: createRandom(2) });
  await writeAdapter(directory, adapter, { baseModel: 'openledger/base' });
  expect(await loadAdapter(directory)).toEqual({
    ...adapter,
    weights: new Map([...adapter.weights].sort(([a], [b]) => (a < b ? -1 : 1))),
  });
  const config = JSON.parse(await readFile(join(directory, 'adapter_config.json'), 'utf8'));
  expect(config).toMatchObject({
    peft_type: 'LORA',
    r: 3,
    lora_alpha: 6,
    base_model_name_or_path: 'openledger/base',
    target_modules: ['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'q_proj', 'up_proj', 'v_proj'],
  });
  const { tensors } = decodeSafetensors(
    await readFile(join(directory, 'adapter_model.safetensors')),
  );
  const layer = 'base_model.model.model.layers.0.self_attn.k_proj';
  expect(tensors.get(`${layer}.lora_A.weight`)?.shape).toEqual([3, 16]);
  expect(tensors.get(`${layer}.lora_B.weight`)?.shape).toEqual([8, 3]);

  await writeFile(
    join(directory, 'adapter_config.json'),
    JSON.stringify({ ...config, use_dora: true }),
  );
  await expect(loadAdapter(directory)).rejects.toMatchObject({ code: 'invalid_input' });
});

test('merging adds (alpha / rank) B A to each adapted weight, and refuses a stranger', () => {
  const model = tinyModel(3);
  const adapter = initialAdapter(tinyConfig, { rank: 2, alpha: 6, random: createRandom(2) });
  const name = 'model.layers.1.mlp.down_proj';
  const [w, a, b] = [
    model.weights.get(`${name}.weight`)!,
    adapter.weights.get(`${name}.lora_A.weight`)!,
    adapter.weights.get(`${name}.lora_B.weight`)!,
  ];
  b.data.fill(0.5);
  const merged = mergeAdapter(model, adapter).weights.get(`${name}.weight`)!;
  const [row, column] = [3, 17];
  const at = row * 24 + column;
  expect(merged.data[at]).toBeCloseTo(
    w.data[at] + 3 * 0.5 * (a.data[column] + a.data[24 + column]),
    5,
  );
  const foreign = { ...adapter, rank: 4 };
  expect(() => mergeAdapter(model, foreign)).toThrow(OpenLedgerError);
});
