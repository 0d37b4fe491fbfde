import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeLegs, parseLegs } from './legs.ts';

const number = fc.integer({ min: 1, max: 40 }); // few, so that the same one pays several legs
const legs = fc.array(
  fc.record({ from: number, to: number, amount: fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }) }),
);

const textOf = (all: readonly { from: number; to: number; amount: bigint }[]) =>
  encodeLegs(
    all.flatMap(({ from, to }) => [{ number: from }, { number: to }]),
    all,
  );

test('legs are read as they were written', () => {
  expect(textOf([])).toBe('');
  expect(parseLegs('')).toEqual({ sides: [], amounts: [] });
  fc.assert(
    fc.property(legs, (all) => {
      expect(parseLegs(textOf(all))).toEqual({
        sides: all.flatMap(({ from, to }) => [from, to]),
        amounts: all.map(({ amount }) => amount.toString()),
      });
    }),
  );
});

test('no other text says the same: what can be read is what would be written', () => {
  const marks = fc.string({ unit: fc.constantFrom(...'0123>:,;- '), maxLength: 12 });
  const near = fc.tuple(legs, marks, fc.nat(), fc.nat({ max: 2 })).map(([all, more, at, less]) => {
    const text = textOf(all);
    const place = at % (text.length + 1);
    return text.slice(0, place) + more + text.slice(place + less);
  });
  fc.assert(
    fc.property(fc.oneof(marks, near), (text) => {
      let read: ReturnType<typeof parseLegs>;
      try {
        read = parseLegs(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'unprocessable' });
        return;
      }
      const sides = read.sides.map((one) => ({ number: one }));
      const amounts = read.amounts.map((amount) => ({ amount: BigInt(amount) }));
      expect(encodeLegs(sides, amounts)).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  '1>2:3,',
  '1>2:3;',
  '1>2',
  '1>2:',
  '>2:3',
  '1>2:03',
  '01>2:3',
  '1>2:-3',
  '1>2:3;1>4:5',
  '1>2:3,4>5:6',
  ' 1>2:3',
])('"%s" is no text of legs', (text) => {
  expect(() => parseLegs(text)).toThrow(expect.objectContaining({ code: 'unprocessable' }));
});
