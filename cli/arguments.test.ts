import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flagOf, hasFlag, parseArguments, toCamel, toKebab } from './arguments.ts';

test('words and flags are told apart, in every way to write them', () => {
  const args = parseArguments(['a', '--x', '1', '--y=2', '--y', '3', '--json', 'b', '--end']);
  expect(args.words).toEqual(['a', 'b']);
  expect(Object.fromEntries(args.flags)).toEqual({
    x: ['1'],
    y: ['2', '3'],
    json: ['true'],
    end: ['true'],
  });
  expect(parseArguments(['--', '--not-a-flag']).words).toEqual(['--not-a-flag']);
  expect(flagOf(args, 'x')).toBe('1');
  expect(() => flagOf(args, 'y')).toThrow('--y is given twice');
  expect(hasFlag(parseArguments(['--json=false']), 'json')).toBe(false);
});

test("the table's names survive being typed", () => {
  const name = fc.stringMatching(/^[a-z]+([A-Z][a-z]+){0,3}$/);
  fc.assert(
    fc.property(name, (camel) => {
      expect(toCamel(toKebab(camel))).toBe(camel);
    }),
  );
});
