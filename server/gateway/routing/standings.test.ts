import { expect, test } from 'vitest';
import { failed } from '../operators/failures.ts';
import { createStandings } from './standings.ts';

const one = { operator: 'a', operatorModel: 'm' };

function open() {
  let ms = 1_000_000;
  const standings = createStandings({ now: () => new Date(ms) });
  const pass = (more: number) => {
    ms += more;
  };
  const isOpen = () => standings.list().find(({ operator }) => operator === 'a')?.isOpen;
  return { standings, pass, isOpen };
}

test('three failures in a row open the circuit, longer each time; a word closes it', () => {
  const { standings, pass, isOpen } = open();
  for (const expected of [false, false, true]) {
    standings.failed(one, failed('no'));
    expect(isOpen()).toBe(expected);
  }
  pass(5000);
  expect(isOpen()).toBe(false);
  standings.failed(one, failed('no'));
  pass(5000);
  expect(isOpen()).toBe(true);
  pass(5000);
  expect(isOpen()).toBe(false);
  standings.spoke(one, 20);
  for (let i = 0; i < 2; i++) standings.failed(one, failed('no'));
  expect(isOpen()).toBe(false);
});

test('after its time one call tries, and the others wait for how that ends', () => {
  const { standings, pass, isOpen } = open();
  for (let i = 0; i < 3; i++) standings.failed(one, failed('no'));
  pass(5000);
  standings.begin(one);
  expect(isOpen()).toBe(true);
  standings.spoke(one, 20);
  expect(isOpen()).toBe(false);
});

test('a request that is itself at fault says nothing of its operator', () => {
  const { standings } = open();
  for (let i = 0; i < 9; i++) standings.failed(one, failed('no', { operatorStatus: 400 }));
  expect(standings.list()).toEqual([]);
});

test('an operator that asks for time gets it, within reason', () => {
  const { standings, pass, isOpen } = open();
  standings.failed(one, failed('busy', { operatorStatus: 429, retryAfterMs: 2000 }));
  expect(isOpen()).toBe(true);
  pass(2000);
  expect(isOpen()).toBe(false);
  standings.failed(one, failed('busy', { operatorStatus: 429, retryAfterMs: 10 ** 9 }));
  pass(60_000);
  expect(isOpen()).toBe(false);
});

test('whoever answers a probe may be tried at once, and says what it has loaded', () => {
  const { standings, isOpen } = open();
  for (let i = 0; i < 5; i++) standings.failed(one, failed('no'));
  expect(isOpen()).toBe(true);
  standings.answered('a', ['other']);
  expect(isOpen()).toBe(false);
  expect(standings.of(one).isLoaded).toBe(false);
  expect(standings.of({ ...one, operatorModel: 'other' }).isLoaded).toBe(true);
});

test('retries are a fifth of the calls, and ten a second where there are few', () => {
  const { standings, pass } = open();
  const taken = () => {
    let count = 0;
    while (standings.mayRetry()) count++;
    return count;
  };
  expect(taken()).toBe(10);
  for (let i = 0; i < 50; i++) standings.begin(one);
  expect(taken()).toBe(10);
  pass(500);
  expect(taken()).toBe(5);
});
