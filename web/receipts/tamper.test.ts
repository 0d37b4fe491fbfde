import { utf8 } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flipByte, tamper } from './tamper.ts';

test('flips one bit of one byte and leaves the original alone', () => {
  const bytes = utf8('units 1200');
  const flipped = flipByte(bytes, 6);
  expect(new TextDecoder().decode(flipped)).toBe('units 0200');
  expect(new TextDecoder().decode(bytes)).toBe('units 1200');
});

test('changes exactly one digit into another, so that JSON stays JSON', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.nat(9),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (around, digit, chance) => {
        const text = `${around.toWellFormed()}${digit}`;
        const bytes = utf8(text);
        const tampering = tamper(text, chance);
        const changed = [...bytes.keys()].filter((at) => bytes[at] !== tampering?.bytes[at]);
        expect(changed).toEqual([tampering?.at]);
        expect(tampering?.before.byte).toMatch(/^[0-9]$/);
        expect(tampering?.after.byte).toMatch(/^[0-9]$/);
      },
    ),
  );
});

test('a text without digits cannot be tampered with this way', () => {
  expect(tamper('{}', 0.5)).toBeUndefined();
});

test('shows the bytes around the change', () => {
  const tampering = tamper('{"units":"700"}', 0);
  expect(tampering?.before).toEqual({ left: '{"units":"', byte: '7', right: '00"}' });
  expect(tampering?.after.byte).toBe('6');
});
