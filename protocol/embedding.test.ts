import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exampleReceipt } from '../test/harness/example-receipt.ts';
import { canonicalize } from './canonical.ts';
import { EmbeddingOutput, embeddingOutput, vectorBytes } from './embedding.ts';
import { commitment } from './receipt.ts';
import { checkOutput } from './verify/check-evidence.ts';

const number = fc.double({ noNaN: true, min: -1e38, max: 1e38 });

const someVectors = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }))
  .chain(([vectors, dimensions]) =>
    fc.array(fc.array(number, { minLength: dimensions, maxLength: dimensions }), {
      minLength: vectors,
      maxLength: vectors,
    }),
  );

/** Written out once more, with Node's own. */
function digestOf(vectors: readonly (readonly number[])[]): string {
  const hash = createHash('sha256');
  for (const value of vectors.flat()) {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(Math.fround(value) + 0); // zero has no sign
    hash.update(bytes);
  }
  return hash.digest('hex');
}

test('an answer is named by the little-endian bytes of its vectors, one after the other', () => {
  fc.assert(
    fc.property(someVectors, (vectors) => {
      expect(EmbeddingOutput.parse(JSON.parse(embeddingOutput(vectors)))).toEqual({
        ...{ vectors: vectors.length, dimensions: vectors[0].length },
        sha256: digestOf(vectors),
      });
    }),
  );
});

test('the same numbers cut into other vectors are another answer, and so is any other order', () => {
  const [a, b] = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
  const named = [[a, b], [b, a], [Float32Array.of(1, 2, 3, 4)], [a]].map(embeddingOutput);
  expect(new Set(named).size).toBe(named.length);
});

test('the bytes of a vector are those that OpenAI’s base64 holds', () => {
  expect(Buffer.from(vectorBytes(Float32Array.of(1, -2.5))).toString('base64')).toBe(
    'AACAPwAAIMA=',
  );
});

const { bundle } = exampleReceipt();

/** A receipt that commits to these two texts, which are shown. */
function checkOf(request: object, output: string): string {
  const shown = { request: canonicalize({ ...request }), output };
  const salt = '0'.repeat(64);
  const [asked, answered] = [shown.request, shown.output].map((text) => ({ salt, text }));
  const receipt = {
    ...{ ...bundle.receipt, attribution: null },
    ...{ request: commitment(asked), output: commitment(answered) },
  };
  return checkOutput({ ...bundle, receipt, disclosures: { request: asked, output: answered } });
}

test('a verifier holds the vectors’ number and length against what was asked for', () => {
  const two = embeddingOutput([Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)]);
  const asked = { kind: 'embedding', model: 'm', inputs: ['a', [1, 2]] };
  expect(checkOf(asked, two)).toBe('The texts shown are those committed to.');
  expect(checkOf({ ...asked, dimensions: 3 }, two)).toBe('The texts shown are those committed to.');
  expect(() => checkOf({ ...asked, dimensions: 2 }, two)).toThrow('Vectors of 2 dimensions');
  expect(() => checkOf({ ...asked, inputs: ['a'] }, two)).toThrow('1 vectors were asked for');
  expect(() => checkOf(asked, '{"vectors":2}')).toThrow('does not say which vectors');
  expect(() => checkOf(asked, 'some text')).toThrow();
  expect(() => checkOf({ ...asked, inputs: [[0.5]] }, two)).toThrow();
  const chat = { kind: 'chat', model: 'm', messages: [] };
  expect(checkOf(chat, 'some text')).toBe('The texts shown are those committed to.');
});
