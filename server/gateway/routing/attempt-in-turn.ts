/**
 * Asks one operator after the other until one speaks, and hands on what that one says.
 *
 * Nothing has been handed on before the first word, so until then another may be asked; after it, a failure is the answer's
 * end. With hedging the next is asked beside one that is slow, and whoever speaks first is heard.
 */
import { OpenLedgerError } from '@openledger/protocol';
import { sleep } from '../../platform/clock.ts';
import { failed } from '../operators/failures.ts';
import { afterFailure } from './after-failure.ts';

/** Somebody to be asked, and after which pause. */
export type Asked<A> = { readonly attempt: A; readonly pauseMs: number };

/** One after the other; there is one at least. */
export type InOrder<A> = readonly [Asked<A>, ...Asked<A>[]];

/** How long an operator may be silent. */
export type Patience = {
  /** Before its first word. */
  readonly firstMs: number;
  /** Between two words. */
  readonly idleMs: number;
};

/** Part of what an operator says, or the `end` of it. */
export type Said = { readonly kind: string };

export type Turns<A, E extends Said> = {
  readonly asked: readonly Asked<A>[];
  readonly ask: (attempt: A, signal: AbortSignal) => AsyncIterable<E>;
  readonly patience: Patience;
  readonly hedgeAfterMs: number | undefined;
  /** An answer that is wanted whole is spoken when it is over. */
  readonly isWhole: boolean;
  readonly signal: AbortSignal;
  /** Whether one more may be asked after a failure: retries must not become the load. */
  readonly mayRetry: () => boolean;
  readonly onBegin?: (attempt: A) => void;
  readonly onSpoke?: (attempt: A, ms: number) => void;
  readonly onFailed?: (attempt: A, ms: number, error: unknown) => void;
};

export type Heard<A, E extends Said> = { readonly attempt: A; readonly event: E };

/** @throws what the last operator that was asked failed with */
export async function* attemptInTurn<A, E extends Said>(
  turns: Turns<A, E>,
): AsyncGenerator<Heard<A, E>, void, void> {
  const { asked, signal, hedgeAfterMs } = turns;
  const running = new Set<Running<A, E>>();
  let next = 0;
  let failure: unknown;
  try {
    while (next < asked.length || running.size > 0) {
      if (running.size === 0) {
        const { pauseMs } = asked[next];
        if (pauseMs > 0) await sleep(pauseMs, signal);
        if (signal.aborted) throw stopped();
        running.add(begin(turns, asked[next++].attempt));
      }
      const outcome = await firstOutcome(running, next < asked.length ? hedgeAfterMs : undefined);
      if (outcome === 'slow') {
        running.add(begin(turns, asked[next++].attempt));
        continue;
      }
      running.delete(outcome.from);
      if (outcome.kind === 'spoke') {
        const { from, words } = outcome;
        stopAll(running);
        running.add(from);
        for (let at = 0; ; at++) {
          const { done, value: event } = at < words.length ? words[at] : await nextOf(from);
          if (done) throw failed('The operator broke off.');
          const isEnd = event.kind === 'end';
          if (isEnd) {
            running.delete(from); // it is no longer running when its end is told: whoever hears that may go
            from.finish();
          }
          yield { attempt: from.attempt, event };
          if (isEnd) return;
        }
      }
      failure = outcome.error;
      const goesOn = afterFailure(failure).mayGoOn && !signal.aborted;
      if (!goesOn || (running.size === 0 && !turns.mayRetry())) break;
    }
    throw failure ?? new OpenLedgerError('unavailable', 'There is no operator to ask.');
  } finally {
    stopAll(running);
  }
}

type Words<E> = readonly IteratorResult<E, void>[];

type Running<A, E> = {
  readonly attempt: A;
  readonly first: Promise<Outcome<A, E>>;
  next(): Promise<IteratorResult<E, void>>;
  /** Tells of a failure, unless nobody wants its answer any more. */
  fail(error: unknown): void;
  stop(): void;
  /** It has said all: nobody hears it any more, and it is not stopped. */
  finish(): void;
};

/** Made once: an error of its own for each would cost more than the rest of a stop. */
const NOT_WANTED = new Error('Nobody wants the answer any more.');

type Outcome<A, E> =
  | { readonly kind: 'spoke'; readonly from: Running<A, E>; readonly words: Words<E> }
  | { readonly kind: 'failed'; readonly from: Running<A, E>; readonly error: unknown };

function begin<A, E extends Said>(turns: Turns<A, E>, attempt: A): Running<A, E> {
  const { ask, patience, signal, isWhole } = turns;
  const stopping = new AbortController();
  const stop = (why: Error = NOT_WANTED) => stopping.abort(why);
  const leave = () => stop();
  signal.addEventListener('abort', leave, { once: true });
  const iterator = ask(attempt, stopping.signal)[Symbol.asyncIterator]();
  const waiting = createWaiting({ signal: stopping.signal, stop });
  const next = () => waiting.for(iterator.next(), patience.idleMs);
  const begunAt = performance.now();
  const elapsed = () => performance.now() - begunAt;
  turns.onBegin?.(attempt);

  const listen = async (): Promise<Outcome<A, E>> => {
    try {
      const words = [await waiting.for(iterator.next(), patience.firstMs)];
      while (isWhole && !isOver(words[words.length - 1])) words.push(await next());
      if (words[0].done) throw failed('The operator broke off.');
      turns.onSpoke?.(attempt, elapsed());
      return { kind: 'spoke', from: running, words };
    } catch (error) {
      running.fail(error);
      stop();
      return { kind: 'failed', from: running, error };
    }
  };
  let isWanted = true;
  const part = () => {
    signal.removeEventListener('abort', leave);
    waiting.end();
    void iterator.return?.().then(undefined, () => {}); // it may hang: nobody waits for it
  };
  const running: Running<A, E> = {
    ...{ attempt, next },
    first: Promise.resolve().then(listen),
    fail(error) {
      if (isWanted && !signal.aborted) turns.onFailed?.(attempt, elapsed(), error);
    },
    stop() {
      isWanted = false;
      stop();
      part();
    },
    finish: part,
  };
  return running;
}

const isOver = ({ done, value }: IteratorResult<Said, void>): boolean =>
  done === true || value?.kind === 'end';

const nextOf = <A, E>(from: Running<A, E>): Promise<IteratorResult<E, void>> =>
  from.next().catch((error: unknown) => {
    from.fail(error);
    throw error;
  });

async function firstOutcome<A, E>(
  running: ReadonlySet<Running<A, E>>,
  hedgeAfterMs: number | undefined,
): Promise<Outcome<A, E> | 'slow'> {
  const firsts = [...running].map(({ first }) => first);
  if (hedgeAfterMs === undefined) return Promise.race(firsts);
  const heard = new AbortController();
  const slow = sleep(hedgeAfterMs, heard.signal).then(() => 'slow' as const);
  return Promise.race([...firsts, slow]).finally(() => heard.abort());
}

function stopAll<A, E>(running: Set<Running<A, E>>): void {
  for (const one of running) one.stop();
  running.clear();
}

const stopped = () => failed('The operator was stopped.');

type Waiting = {
  /** Waits for one thing at a time, no longer than that, whatever its end does. @throws operator_failed when it is late or stopped */
  for<T>(work: Promise<T>, ms: number): Promise<T>;
  end(): void;
};

/** For all that an attempt waits for, one timer and one ear: a stream is waited for thousands of times. */
function createWaiting({
  signal,
  stop,
}: {
  readonly signal: AbortSignal;
  stop(why: Error): void;
}): Waiting {
  let refuse: ((why: Error) => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let limitMs = 0;
  const late = () => {
    if (!refuse) return; // nobody waits now: whoever reads takes his time
    const error = failed(`The operator said nothing for ${limitMs} ms.`);
    refuse(error);
    stop(error);
  };
  const arm = (ms: number) => {
    if (timer && ms === limitMs) timer.refresh();
    else {
      clearTimeout(timer);
      timer = setTimeout(late, ms);
      limitMs = ms;
    }
  };
  const abort = () => refuse?.(stopped());
  signal.addEventListener('abort', abort, { once: true });
  return {
    for: (work, ms) =>
      new Promise((resolve, reject) => {
        arm(ms);
        refuse = reject;
        if (signal.aborted) abort();
        work.then(
          (value) => {
            refuse = undefined;
            resolve(value);
          },
          (error: unknown) => {
            refuse = undefined;
            reject(error);
          },
        );
      }),
    end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}
