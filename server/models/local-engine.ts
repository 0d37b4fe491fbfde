/** The server's side of the engine process: starts it when it is needed, and again after it has died. */
import { OpenLedgerError } from '@openledger/protocol';
import { type Child, startChild } from '../platform/child.ts';
import type { Log } from '../platform/log.ts';
import type {
  EngineEvent,
  EngineGeneration,
  EngineModel,
  FromEngine,
  ToEngine,
} from './engine-messages.ts';

export type LocalEngine = {
  generate(
    model: EngineModel,
    generation: EngineGeneration,
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>;
  /** Tokens that the prompt and its context will take. */
  count(model: EngineModel, generation: EngineGeneration): Promise<number>;
  stop(): void;
};

type Listener = (message: FromEngine) => void;

export function createLocalEngine(log: Log): LocalEngine {
  const listeners = new Map<number, Listener>();
  let child: Child<ToEngine, FromEngine> | undefined;
  let nextId = 1;

  const engine = (): Child<ToEngine, FromEngine> => {
    if (child) return child;
    const started = startChild<ToEngine, FromEngine>(
      new URL('./engine-process.ts', import.meta.url),
    );
    started.onMessage((message) => listeners.get(message.id)?.(message));
    started.onExit((reason) => {
      log.warn('models.engine_stopped', { reason });
      if (child === started) child = undefined;
      for (const [id, listen] of [...listeners])
        listen({ kind: 'failed', id, reason: 'The local engine stopped; ask again.' });
    });
    child = started;
    return started;
  };

  return {
    async *generate(model, generation, signal) {
      const id = nextId++;
      const inbox = createInbox();
      listeners.set(id, inbox.put);
      const abort = () => inbox.put({ kind: 'failed', id, reason: 'aborted' });
      signal.addEventListener('abort', abort);
      try {
        if (signal.aborted) abort();
        else engine().send({ kind: 'generate', id, model, generation });
        for (;;) {
          const message = await inbox.take();
          if (message.kind === 'failed')
            throw new OpenLedgerError('operator_failed', message.reason);
          if (message.kind !== 'event') continue;
          yield message.event;
          if (message.event.kind === 'end') return;
        }
      } finally {
        signal.removeEventListener('abort', abort);
        listeners.delete(id);
        child?.send({ kind: 'abort', id });
      }
    },
    count(model, generation) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        listeners.set(id, (message) => {
          listeners.delete(id);
          if (message.kind === 'count') resolve(message.tokens);
          else
            reject(
              new OpenLedgerError(
                'operator_failed',
                message.kind === 'failed' ? message.reason : 'No count.',
              ),
            );
        });
        engine().send({ kind: 'count', id, model, generation });
      });
    },
    stop() {
      child?.kill();
      child = undefined;
    },
  };
}

/** Messages wait here until they are taken. */
function createInbox() {
  const waiting: FromEngine[] = [];
  let wake: (() => void) | undefined;
  return {
    put: (message: FromEngine) => {
      waiting.push(message);
      wake?.();
    },
    take: async (): Promise<FromEngine> => {
      while (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return waiting.shift() as FromEngine;
    },
  };
}
