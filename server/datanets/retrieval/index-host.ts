/** The server's side of the process of the indexes: starts it when it is needed, and again after it has died. */
import { OpenLedgerError } from '@openledger/protocol';
import { type Child, startChild } from '../../platform/child.ts';
import type { Answered, Asked, FromIndexes, RequestKind, ToIndexes } from './index-messages.ts';

export type IndexHost = {
  /** @throws unavailable when the process dies meanwhile: then all its indexes are gone */
  ask<Kind extends RequestKind>(
    kind: Kind,
    index: string,
    asked: Asked<Kind>,
  ): Promise<Answered<Kind>>;
  /** Counts the processes so far: an index is only in the one that it was built in. */
  life(): number;
  stop(): void;
};

type Waiting = {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: OpenLedgerError) => void;
};

export function createIndexHost(): IndexHost {
  const waiting = new Map<number, Waiting>();
  let child: Child<ToIndexes, FromIndexes> | undefined;
  let nextId = 1;
  let life = 0;

  const start = (): Child<ToIndexes, FromIndexes> => {
    const started = startChild<ToIndexes, FromIndexes>(
      new URL('./index-process.ts', import.meta.url),
    );
    started.onMessage((message) => {
      const waiter = waiting.get(message.id);
      waiting.delete(message.id);
      if ('failure' in message) waiter?.reject(unavailable(message.failure));
      else waiter?.resolve(message.answer as never); // of the kind that was asked for
    });
    started.onExit((reason) => {
      if (child === started) end(reason);
    });
    return started;
  };

  function end(reason: string): void {
    child = undefined;
    life += 1;
    for (const { reject } of waiting.values()) reject(unavailable(reason));
    waiting.clear();
  }

  return {
    ask(kind, index, asked) {
      child ??= start();
      const id = nextId++;
      child.send({ kind, id, index, ...asked } as ToIndexes); // the pair is checked by `ask`
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    },
    life: () => life,
    stop() {
      child?.kill();
      end('stopped');
    },
  };
}

const unavailable = (reason: string) =>
  new OpenLedgerError('unavailable', 'The index of the datanets stopped; ask again.', { reason });
