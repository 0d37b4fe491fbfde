/**
 * Counts tokens by the tokenizers that models elsewhere name: files of Hugging Face's form that whoever runs this server has put into
 * a folder. They are read and used in a process of their own, which is started when it is needed, and again after it has died.
 */
import { OpenLedgerError } from '@openledger/protocol';
import { type Child, startChild } from '../platform/child.ts';
import type { Log } from '../platform/log.ts';

export type Tokenizers = {
  /** @returns the tokens of each text; undefined where that cannot be told now: no call is lost over it */
  count(tokenizer: string, texts: readonly string[]): Promise<readonly number[] | undefined>;
  /** @throws not_found (there is no such file), unprocessable (it cannot be used), unavailable */
  assertUsable(tokenizer: string): Promise<void>;
  stop(): void;
};

export type ToTokenizers = {
  readonly id: number;
  readonly file: string;
  readonly texts: readonly string[];
  /** When nobody waits for it any more, in milliseconds since 1970. */
  readonly untilMs: number;
};

export type FromTokenizers = Answer & { readonly id: number };

type Answer = { readonly kind: 'counted'; readonly counts: readonly number[] } | Failure;

type Failure = { readonly kind: 'failed'; readonly isMissing: boolean; readonly reason: string };

/** No answer's count is waited for any longer. The first one waits for the file to be read, which takes a second or two. */
const COUNT_MS = 10_000;
const LOAD_MS = 30_000;

export function createTokenizers({
  log,
  fileOf,
}: {
  readonly log: Log;
  readonly fileOf: (tokenizer: string) => string;
}): Tokenizers {
  const waiting = new Map<number, (answer: Answer) => void>();
  let child: Child<ToTokenizers, FromTokenizers> | undefined;
  let nextId = 1;

  function start(): Child<ToTokenizers, FromTokenizers> {
    const started = startChild<ToTokenizers, FromTokenizers>(
      new URL('./tokenizer-process.ts', import.meta.url),
    );
    started.onMessage((message) => waiting.get(message.id)?.(message));
    started.onExit((reason) => {
      if (child === started) end(reason);
    });
    return started;
  }

  function end(reason: string): void {
    child = undefined;
    for (const hear of waiting.values()) hear(failed(reason));
  }

  function ask(tokenizer: string, texts: readonly string[], limitMs: number): Promise<Answer> {
    const id = nextId++;
    child ??= start();
    child.send({ id, file: fileOf(tokenizer), texts, untilMs: Date.now() + limitMs });
    return new Promise((resolve) => {
      const hear = (answer: Answer) => {
        clearTimeout(timer);
        waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(hear, limitMs, failed(`no answer within ${limitMs} ms`));
      waiting.set(id, hear);
    });
  }

  return {
    async count(tokenizer, texts) {
      const answer = await ask(tokenizer, texts, COUNT_MS);
      if (answer.kind === 'counted') return answer.counts;
      log.warn('models.tokens_not_counted', { tokenizer, reason: answer.reason });
      return undefined;
    },
    async assertUsable(tokenizer) {
      const answer = await ask(tokenizer, [], LOAD_MS);
      if (answer.kind === 'failed') throw unusable(tokenizer, answer);
    },
    stop() {
      child?.kill();
      end('stopped');
    },
  };
}

const failed = (reason: string): Failure => ({ kind: 'failed', isMissing: false, reason });

/** Where on this machine the file would be is nobody's business. */
const unusable = (tokenizer: string, { isMissing, reason }: Failure): OpenLedgerError =>
  isMissing
    ? new OpenLedgerError('not_found', `This server has no tokenizer ${tokenizer}.`, { tokenizer })
    : new OpenLedgerError('unprocessable', `The tokenizer ${tokenizer} cannot be used: ${reason}`, {
        tokenizer,
      });
