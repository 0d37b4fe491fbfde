import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { failed } from '../operators/failures.ts';
import type { OperatorEvent } from '../operators/operator.ts';
import { attemptInTurn, type Turns } from './attempt-in-turn.ts';

type Play = (signal: AbortSignal) => AsyncGenerator<OperatorEvent, void, void>;

const word = (text: string): OperatorEvent => ({ kind: 'text', text, tokens: 1, logprobs: [] });
const end: OperatorEvent = { kind: 'end', finishReason: 'stop', usage: undefined };

const says = (...texts: readonly string[]): Play =>
  async function* () {
    for (const text of texts) yield word(text);
    yield end;
  };
const refuses = (operatorStatus?: number): Play =>
  async function* () {
    yield* [];
    throw failed('It refuses.', { operatorStatus });
  };
const breaksOff: Play = async function* () {
  yield word('half ');
  throw failed('It broke off.');
};
/** Whatever it is told. */
const hangs: Play = async function* () {
  await new Promise(() => {});
  yield end;
};
const lateBy = (ms: number, then: Play): Play =>
  async function* (signal) {
    await pause(ms, undefined, { signal });
    yield* then(signal);
  };

function turnsOf(plays: readonly Play[], turns: Partial<Turns<string, OperatorEvent>> = {}) {
  const told: string[] = [];
  const names = plays.map((_, index) => 'abcdef'[index]);
  const stream = attemptInTurn<string, OperatorEvent>({
    asked: names.map((attempt) => ({ attempt, pauseMs: 0 })),
    ask: (attempt, signal) => plays[names.indexOf(attempt)](signal),
    ...{ patience: { firstMs: 300, idleMs: 300 }, hedgeAfterMs: undefined, isWhole: false },
    ...{ signal: new AbortController().signal, mayRetry: () => true },
    onBegin: (attempt) => told.push(`${attempt} asked`),
    onSpoke: (attempt) => told.push(`${attempt} spoke`),
    onFailed: (attempt) => told.push(`${attempt} failed`),
    ...turns,
  });
  return { stream, told };
}

async function heard(plays: readonly Play[], turns: Partial<Turns<string, OperatorEvent>> = {}) {
  const { stream, told } = turnsOf(plays, turns);
  const texts: string[] = [];
  let error: unknown;
  try {
    for await (const { attempt, event } of stream) {
      texts.push(event.kind === 'text' ? `${attempt}:${event.text}` : `${attempt} ended`);
    }
  } catch (caught) {
    error = caught;
  }
  return { texts, told, error };
}

test('the next is asked until one speaks, and what that one says is handed on', async () => {
  const { texts, told, error } = await heard([
    refuses(503),
    refuses(),
    says('one', 'two'),
    says('x'),
  ]);
  expect(texts).toEqual(['c:one', 'c:two', 'c ended']);
  expect(told).toEqual(['a asked', 'a failed', 'b asked', 'b failed', 'c asked', 'c spoke']);
  expect(error).toBeUndefined();
});

test('after the first word nobody else is asked, and the failure is told', async () => {
  const { texts, told, error } = await heard([breaksOff, says('x')]);
  expect(texts).toEqual(['a:half ']);
  expect(told).toEqual(['a asked', 'a spoke', 'a failed']);
  expect(error).toMatchObject({ code: 'operator_failed' });
});

test('an answer that is wanted whole is spoken when it is over: one that breaks off is asked of the next', async () => {
  const { texts } = await heard([breaksOff, says('whole')], { isWhole: true });
  expect(texts).toEqual(['b:whole', 'b ended']);
});

test('a request that is itself at fault is not asked again', async () => {
  const { told, error } = await heard([refuses(400), says('x')]);
  expect(told).toEqual(['a asked', 'a failed']);
  expect(error).toMatchObject({ details: { operatorStatus: 400 } });
});

test('whoever is silent too long is left, before the first word and between two', async () => {
  const patience = { firstMs: 30, idleMs: 30 };
  const first = await heard([hangs, says('x')], { patience });
  expect(first.texts).toEqual(['b:x', 'b ended']);
  const stalls: Play = async function* () {
    yield word('half ');
    await new Promise(() => {});
  };
  const between = await heard([stalls, says('x')], { patience });
  expect(between.texts).toEqual(['a:half ']);
  expect(between.error).toMatchObject({ message: 'The operator said nothing for 30 ms.' });
});

test('without a retry in the budget the first failure is the last', async () => {
  const { told } = await heard([refuses(503), says('x')], { mayRetry: () => false });
  expect(told).toEqual(['a asked', 'a failed']);
});

test('hedged, the next is asked beside one that is slow; who speaks first is heard, the other stopped and not blamed', async () => {
  let stopped = false;
  const slow: Play = async function* (signal) {
    await pause(5000, undefined, { signal }).catch(() => {
      stopped = true;
    });
    yield word('late');
  };
  const { texts, told } = await heard([slow, says('soon')], {
    ...{ hedgeAfterMs: 20, patience: { firstMs: 10_000, idleMs: 300 } },
  });
  expect(texts).toEqual(['b:soon', 'b ended']);
  expect(told).toEqual(['a asked', 'b asked', 'b spoke']);
  await pause(5);
  expect(stopped).toBe(true);
});

test('hedged, one that fails leaves the word to the one beside it', async () => {
  const { texts } = await heard([lateBy(60, refuses()), lateBy(80, says('x'))], {
    hedgeAfterMs: 20,
  });
  expect(texts).toEqual(['b:x', 'b ended']);
});

test('a client that leaves stops whoever is asked, at once, also where that one is deaf', async () => {
  const leaving = new AbortController();
  const { stream, told } = turnsOf([hangs, says('x')], { signal: leaving.signal });
  const next = stream.next();
  await pause(5);
  leaving.abort();
  await expect(next).rejects.toMatchObject({ code: 'operator_failed' });
  expect(told).toEqual(['a asked']);
});

test('between two attempts it waits as the plan says, and no longer than the client does', async () => {
  const leaving = new AbortController();
  const stream = attemptInTurn<Play, OperatorEvent>({
    asked: [
      { attempt: refuses(), pauseMs: 0 },
      { attempt: says('x'), pauseMs: 60_000 },
    ],
    ask: (play, signal) => play(signal),
    ...{ patience: { firstMs: 300, idleMs: 300 }, hedgeAfterMs: undefined, isWhole: false },
    ...{ signal: leaving.signal, mayRetry: () => true },
  });
  const next = stream.next();
  await pause(5);
  leaving.abort();
  await expect(next).rejects.toMatchObject({ code: 'operator_failed' });
});
