/** One request as a client makes it, over HTTP, and what he saw of the answer. */
import { parseOpen } from '@openledger/protocol';
import { promptOf } from '../harness/mock-operator/prompt.ts';
import { eventsOf } from './server-sent-events.ts';
import { readChat, readMessages, type Told } from './wordings.ts';

export type Wish = {
  readonly tag: string;
  /** The gateway's name and its address. */
  readonly gateway: string;
  readonly url: string;
  readonly secret: string;
  readonly model: string;
  readonly route: 'chat' | 'messages';
  readonly stream: boolean;
  readonly promptTokens: number;
  /** What the operator is to answer. */
  readonly completionTokens: number;
  /** What it may answer at most. */
  readonly maxTokens: number;
  /** Leaves after so many words of a stream. */
  readonly leavesAfter?: number;
  /** Leaves when it has taken so long. */
  readonly patienceMs: number;
};

export type Outcome = {
  readonly wish: Wish;
  readonly startedAt: number;
  readonly endedAt: number;
  /** As the answer's header says. */
  readonly inferenceId: string | undefined;
  /**
   * `whole` to its end; `refused` with a status; `broken` after the status went out; `left` by himself; `lost`: the connection
   * was gone before there was a status.
   */
  readonly kind: 'whole' | 'refused' | 'broken' | 'left' | 'lost';
  readonly status: number | undefined;
  readonly text: string;
  /** What a whole answer says of its usage and price. */
  readonly told: (Told & { readonly units: bigint }) | undefined;
};

type Seen = { inferenceId?: string; status?: number; text: string; told?: Told; isWhole: boolean };

/** An answer whose connection is gone may never say that it has ended: whoever has left waits no longer than this. */
const LEAVING_MS = 1000;

export async function call(wish: Wish): Promise<Outcome> {
  const startedAt = Date.now();
  const leaving = new AbortController();
  const timer = setTimeout(() => leaving.abort(), wish.patienceMs);
  const seen: Seen = { text: '', isWhole: false };
  const left = new Promise<void>((leave) =>
    leaving.signal.addEventListener('abort', () => setTimeout(leave, LEAVING_MS)),
  );
  try {
    await Promise.race([ask(wish, seen, leaving), left]);
  } catch {
    // it was broken off, by whom is told by what was seen
  }
  clearTimeout(timer);
  const { inferenceId, status, text, told } = seen;
  return {
    ...{ wish, startedAt, endedAt: Date.now(), inferenceId, status, text },
    kind: kindOf(seen, leaving.signal.aborted),
    told: told && { ...told, units: parseOpen(told.cost) },
  };
}

function kindOf({ status, isWhole }: Seen, hasLeft: boolean): Outcome['kind'] {
  if (isWhole) return 'whole';
  if (hasLeft) return 'left';
  if (status === undefined) return 'lost';
  return status === 200 ? 'broken' : 'refused';
}

async function ask(wish: Wish, seen: Seen, leaving: AbortController): Promise<void> {
  const { read, path, bodyOf } = wish.route === 'chat' ? chat : messages;
  const response = await fetch(`${wish.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${wish.secret}` },
    body: JSON.stringify(bodyOf(wish)),
    signal: leaving.signal,
  });
  seen.status = response.status;
  seen.inferenceId = response.headers.get('x-openledger-inference') ?? undefined;
  if (response.status !== 200) return void (await response.text());
  if (!wish.stream) {
    const whole = read.whole(await response.json());
    [seen.text, seen.told, seen.isWhole] = [whole.text, whole.told, true];
    return;
  }
  let words = 0;
  for await (const data of eventsOf(response)) {
    const { text, told, isEnd } = read.event(data);
    if (text) {
      seen.text += text;
      if (++words === wish.leavesAfter) leaving.abort();
    }
    seen.told = told ?? seen.told;
    if (isEnd && seen.told) seen.isWhole = true;
  }
}

const shared = ({ model, maxTokens, stream }: Wish) => ({ model, max_tokens: maxTokens, stream });

const chat = {
  ...{ read: readChat, path: '/v1/chat/completions' },
  bodyOf: (wish: Wish) => ({
    ...shared(wish),
    messages: textsOf(wish).map((content) => ({ role: 'user', content })),
    ...(wish.stream ? { stream_options: { include_usage: true } } : {}),
  }),
};

const messages = {
  ...{ read: readMessages, path: '/v1/messages' },
  bodyOf(wish: Wish) {
    const [system, content] = textsOf(wish);
    return { ...shared(wish), system, messages: [{ role: 'user', content }] };
  },
};

/** The texts of the prompt: one message, or a system prompt of one word and a message with the rest. */
export function textsOf({ route, ...wish }: Wish): readonly string[] {
  const prompt = promptOf(wish);
  if (route === 'chat') return [prompt];
  const [first, ...rest] = prompt.split(' ');
  return [first, rest.join(' ')];
}
