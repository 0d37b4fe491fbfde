/** The server's side of the engine process: starts it when it is needed, and again after it has died. */
import { OpenLedgerError } from '@openledger/protocol';
import { type Child, startChild } from '../platform/child.ts';
import type { Log } from '../platform/log.ts';
import type {
  AnswerLikelihoods,
  EngineAnswer,
  EngineEvent,
  EngineGeneration,
  EngineModel,
  FromEngine,
  InfluencedAnswer,
  ToEngine,
} from './engine-messages.ts';
import type { InfluenceScores } from './influence/influence-scores.ts';

export type LocalEngine = {
  generate(
    model: EngineModel,
    generation: EngineGeneration,
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>;
  /** Tokens that the prompt and its context will take. */
  count(model: EngineModel, generation: EngineGeneration): Promise<number>;
  /** How far what its adapter learned moved an answer; it has an ensemble. */
  influence(model: EngineModel, answer: InfluencedAnswer): Promise<InfluenceScores>;
  /** How likely the model finds an answer. */
  score(model: EngineModel, answer: EngineAnswer): Promise<AnswerLikelihoods>;
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

  /** One question, one answer. */
  const ask = (question: (id: number) => ToEngine): Promise<FromEngine> => {
    const id = nextId++;
    return new Promise((resolve) => {
      listeners.set(id, (message) => {
        listeners.delete(id);
        resolve(message);
      });
      engine().send(question(id));
    });
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
    async count(model, generation) {
      const message = await ask((id) => ({ kind: 'count', id, model, generation }));
      if (message.kind === 'count') return message.tokens;
      throw unanswered(message);
    },
    async influence(model, answer) {
      const message = await ask((id) => ({ kind: 'influence', id, model, answer }));
      if (message.kind === 'influence') return message.influence;
      throw unanswered(message);
    },
    async score(model, answer) {
      const message = await ask((id) => ({ kind: 'score', id, model, answer }));
      if (message.kind === 'scores') return message.scores;
      throw unanswered(message);
    },
    stop() {
      child?.kill();
      child = undefined;
    },
  };
}

const unanswered = (message: FromEngine): OpenLedgerError =>
  new OpenLedgerError(
    'operator_failed',
    message.kind === 'failed' ? message.reason : 'The local engine answered something else.',
  );

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
