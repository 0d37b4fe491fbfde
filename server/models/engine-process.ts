/** The process that answers: loads models when they are first asked for, and generates for many callers at once. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadTokenizer } from '../compute/tokenizer/tokenizer.ts';
import { serveParent } from '../platform/child.ts';
import { readCorpus } from './corpus.ts';
import { mergeAdapter } from './engine/adapter.ts';
import { loadAdapter } from './engine/adapter-files.ts';
import { type AnswerScorer, createAnswerScorer } from './engine/answer-scorer.ts';
import { createDatastore } from './engine/datastore.ts';
import { createDecoder } from './engine/decoder.ts';
import { createGenerator, type Generator } from './engine/generator.ts';
import { readInfluence } from './engine/influence-files.ts';
import { createInfluenceScorer, type InfluenceScorer } from './engine/influence-scorer.ts';
import { readModel } from './engine/model-files.ts';
import type { EngineModel, FromEngine, ToEngine } from './engine-messages.ts';

const BATCH = 8;
/** Models held in memory; the one not asked for longest goes first, when its last answer has ended. */
const MOST_MODELS = 4;

type Loaded = {
  readonly generator: Generator;
  readonly scorer: AnswerScorer;
  /** @throws Error for a model without an ensemble */
  readonly influence: () => Promise<InfluenceScorer>;
};

const loaded = new Map<string, Promise<Loaded>>();
const running = new Map<number, AbortController>();

const parent = serveParent<ToEngine, FromEngine>((message) => {
  if (message.kind === 'abort') {
    running.get(message.id)?.abort();
    return;
  }
  serve(message).catch((error: unknown) =>
    parent.send({
      kind: 'failed',
      id: message.id,
      reason: error instanceof Error ? error.message : String(error),
    }),
  );
});

async function serve(message: Exclude<ToEngine, { kind: 'abort' }>): Promise<void> {
  const { id } = message;
  const stop = new AbortController();
  running.set(id, stop);
  try {
    const { generator, scorer, influence } = await modelOf(message.model);
    if (message.kind === 'influence') {
      const scores = await (await influence()).score(message.answer);
      parent.send({ kind: 'influence', id, influence: scores });
      return;
    }
    if (message.kind === 'score') {
      parent.send({ kind: 'scores', id, scores: await scorer.score(message.answer) });
      return;
    }
    const { generation } = message;
    if (message.kind === 'count') {
      parent.send({ kind: 'count', id, tokens: generator.countPrompt(generation) });
      return;
    }
    await generator.generate(
      generation,
      (event) => parent.send({ kind: 'event', id, event }),
      stop.signal,
    );
  } finally {
    running.delete(id);
  }
}

function modelOf(model: EngineModel): Promise<Loaded> {
  const found = loaded.get(model.key) ?? load(model);
  loaded.delete(model.key);
  loaded.set(model.key, found); // the youngest is last
  found.catch(() => loaded.delete(model.key));
  for (const oldest of loaded.keys()) {
    if (loaded.size <= MOST_MODELS) break;
    loaded.delete(oldest);
  }
  return found;
}

async function load({ baseFolder, adapterFolder, corpora }: EngineModel): Promise<Loaded> {
  const tokenizer = loadTokenizer(
    JSON.parse(await readFile(join(baseFolder, 'tokenizer.json'), 'utf8')),
  );
  const base = await readModel(baseFolder);
  const adapter = adapterFolder ? await loadAdapter(adapterFolder) : undefined;
  const model = adapter ? mergeAdapter(base, adapter) : base;
  const decoder = await createDecoder(model, {
    batch: BATCH,
    maxLength: model.config.max_position_embeddings,
    threads: 1, // a step is too small to be worth a second thread
  });
  const datastore = createDatastore(await Promise.all(corpora.map(readCorpus)), tokenizer);
  return {
    generator: createGenerator(decoder, { tokenizer, datastore }),
    scorer: createAnswerScorer(model, { tokenizer, datastore }),
    influence: once(async () => {
      if (!adapter || !adapterFolder) throw new Error('A base has no influence to tell apart.');
      const ensemble = await readInfluence(adapterFolder, adapter);
      return createInfluenceScorer(base, { served: adapter, ensemble, tokenizer });
    }),
  };
}

/** Most models are never asked for it. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
