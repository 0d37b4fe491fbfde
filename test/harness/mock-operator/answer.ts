/** Answers one request with as many words as it asks for, or goes wrong on the way. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type { Random } from '../../../server/compute/random.ts';
import type { Fault } from './faults.ts';
import type { Entry, Reported } from './journal.ts';
import { type Asked, wordOf } from './prompt.ts';

export type Order = Asked & {
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly fault: Fault | undefined;
  readonly chance: Random;
  readonly entry: Entry;
};

/** So many words of an endless answer, then it ends after all. */
const ENDLESS = 20_000;
const LARGE_CHARACTERS = 3_000_000;
const DRIP_MS = 40;

export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  order: Order,
): Promise<void> {
  const { fault } = order;
  if (fault === 'reset') return void request.socket.destroy();
  if (fault === 'hang-first') return untilClosed(response);
  if (fault?.startsWith('status-')) return refuse(response, Number(fault.slice(7)));
  const count = Math.min(order.completionTokens, order.maxTokens);
  if (!order.stream) return answerWhole(response, { ...order, count });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  await streamWords(response, { ...order, count });
}

type Counted = Order & { readonly count: number };

/** Where in the answer it goes wrong: after its first word, or before its last. */
const breakAt = ({ count, chance }: Counted): number => 1 + chance.below(Math.max(1, count - 1));

async function streamWords(response: ServerResponse, order: Counted): Promise<void> {
  const { fault, count } = order;
  const at = breakAt(order);
  switch (fault) {
    case 'blank':
      await send(response, text(' '));
      return finish(response, order);
    case 'endless':
      await words(response, { ...order, to: ENDLESS, isPatient: true });
      return finish(response, order);
    case 'break':
    case 'hang-middle':
    case 'malformed':
    case 'large-event':
    case 'error-event':
      await words(response, { ...order, to: Math.min(at, count) });
      return goWrong(response, fault, order.chance);
    case 'drip':
      await words(response, { ...order, to: count, isDripping: true });
      return finish(response, order);
    case 'invalid-utf8':
      order.entry.sent(1);
      await send(response, Buffer.concat([textStart, invalidWord, textEnd]));
      await words(response, { ...order, from: 1, to: count });
      return finish(response, order);
    default:
      await words(response, { ...order, to: count });
      return finish(response, order);
  }
}

type Words = Order & {
  readonly from?: number;
  readonly to: number;
  readonly isDripping?: boolean;
  /** Lets others have a turn after each piece. */
  readonly isPatient?: boolean;
};

/** Some words a piece, each an event of its own. */
async function words(response: ServerResponse, order: Words): Promise<void> {
  const { tag, to, chance, entry } = order;
  for (let at = order.from ?? 0; at < to; ) {
    const size = order.isDripping ? 1 : Math.min(to - at, 1 + chance.below(32));
    entry.sent(at + size);
    const piece = Array.from({ length: size }, (_, i) => text(wordOf(tag, at + i)));
    if (!(await send(response, piece.join('')))) return;
    at += size;
    if (order.isDripping) await pause(DRIP_MS);
    else if (order.isPatient || chance.below(4) === 0) await turn();
  }
}

async function goWrong(response: ServerResponse, fault: Fault, chance: Random): Promise<void> {
  if (chance.below(2) === 0) await pause(chance.below(20)); // so that the words may be on their way already, or not
  switch (fault) {
    case 'hang-middle':
      return untilClosed(response);
    case 'malformed':
      await send(response, 'data: {"choices":[{"delta":\n\n');
      break;
    case 'large-event':
      await send(response, event({ padding: 'x'.repeat(LARGE_CHARACTERS), choices: [] }));
      break;
    case 'error-event':
      await send(response, event({ error: { message: 'Out of memory.', code: 500 } }));
      break;
    default:
      return void response.destroy();
  }
  response.end();
}

async function finish(response: ServerResponse, order: Counted): Promise<void> {
  if (response.destroyed) return;
  const reason = order.count < order.completionTokens ? 'length' : 'stop';
  const usages = usagesOf(order);
  for (const usage of usages) order.entry.reported(usage);
  order.entry.ended();
  await send(
    response,
    [
      event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }),
      ...usages.map((usage) => event({ choices: [], usage })),
      order.fault === 'no-done' ? '' : 'data: [DONE]\n\n',
    ].join(''),
  );
  response.end();
}

/** What it says of its usage, which is not always true. */
function usagesOf({ fault, promptTokens, count }: Counted): readonly Reported[] {
  const usage = (prompt_tokens: unknown, completion_tokens: unknown) => ({
    prompt_tokens,
    completion_tokens,
  });
  const truth = usage(promptTokens, count);
  switch (fault) {
    case 'usage-missing':
      return [];
    case 'usage-zero':
      return [usage(0, 0)];
    case 'usage-negative':
      return [usage(-promptTokens, -count)];
    case 'usage-huge':
      return [usage(1e9, 1e9)];
    case 'usage-fraction':
      return [usage(promptTokens + 0.5, count + 0.5)];
    case 'usage-contradictory':
      return [truth, usage(promptTokens + 1, count + 1)];
    default:
      return [truth];
  }
}

/** The same in one piece of JSON. What goes wrong in the middle of a stream goes wrong in the middle of it. */
async function answerWhole(response: ServerResponse, order: Counted): Promise<void> {
  const { tag, fault, count, entry } = order;
  const words = fault === 'endless' ? 10 * count : count;
  const all = Array.from({ length: words }, (_, at) => wordOf(tag, at)).join('');
  const content = fault === 'blank' ? ' ' : all;
  const usages = usagesOf(order);
  entry.sent(words);
  for (const usage of usages) entry.reported(usage);
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
  const members = { object: 'chat.completion', choices: [choice], usage: usages.at(-1) };
  const text = JSON.stringify(members);
  response.writeHead(200, { 'content-type': 'application/json' });
  switch (fault) {
    case 'break':
    case 'hang-middle':
      await send(response, text.slice(0, text.length / 2));
      return goWrong(response, fault, order.chance);
    case 'malformed':
      return void response.end(text.slice(0, -1));
    case 'large-event':
      return void response.end(
        JSON.stringify({ ...members, padding: 'x'.repeat(LARGE_CHARACTERS) }),
      );
    case 'error-event':
      return void response.end(JSON.stringify({ error: { message: 'Out of memory.' } }));
    case 'drip':
      for (const part of [text.slice(0, 5), text.slice(5, 50), text.slice(50)]) {
        await send(response, part);
        await pause(DRIP_MS);
      }
      break;
    case 'invalid-utf8':
      await send(response, Buffer.concat([Buffer.from(text.slice(0, -1)), invalidMember]));
      break;
    default:
      await send(response, text);
  }
  entry.ended();
  response.end();
}

/** One more member, whose text is none. */
const invalidMember = Buffer.concat([
  Buffer.from(',"note":"'),
  Buffer.from([0x78, 0xff, 0xc3]),
  Buffer.from('"}'),
]);

const event = (members: object): string => `data: ${JSON.stringify(members)}\n\n`;
const text = (content: string): string =>
  event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });

const [textStart, textEnd] = text('|')
  .split('|')
  .map((part) => Buffer.from(part));
/** A word with bytes that begin no character, and one that is cut short. */
const invalidWord = Buffer.from([0x78, 0xff, 0xc3, 0x20]);

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' });
  response.end('{"error":{"message":"Not now."}}');
}

/** @returns false when nobody listens any more */
async function send(response: ServerResponse, piece: string | Uint8Array): Promise<boolean> {
  if (response.destroyed) return false;
  if (response.write(piece)) return true;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
  return !response.destroyed;
}

const untilClosed = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => response.once('close', () => resolve()));
