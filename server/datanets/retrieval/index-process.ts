/** The process of the indexes: builds and searches, one message at a time, and puts off what takes long. */
import { serveParent } from '../../platform/child.ts';
import { orAfter } from '../../platform/clock.ts';
import type { Answered, FromIndexes, RequestKind, ToIndexes } from './index-messages.ts';
import { createPassageIndex, type PassageIndex } from './passage-index.ts';

/** How long a search for vectors waits for the first of them; then it makes do with words. */
const PATIENCE_MS = 10_000;
/** Others wait no longer than this for their turn while vectors are made. */
const SLICE_MS = 10;

const indexes = new Map<string, PassageIndex>();
const projecting = new Map<string, Promise<void>>();

const parent = serveParent<ToIndexes, FromIndexes>((message) => {
  answer(message).then(
    (answered) => parent.send({ id: message.id, answer: answered }),
    (error: unknown) =>
      parent.send({ id: message.id, failure: error instanceof Error ? error.message : 'unknown' }),
  );
});

async function answer(message: ToIndexes): Promise<Answered<RequestKind>> {
  const index = indexes.get(message.index) ?? createPassageIndex();
  indexes.set(message.index, index);
  switch (message.kind) {
    case 'keep':
      return index.keep(message.hashes);
    case 'add':
      index.add(message.passages);
      return index.size();
    case 'finish':
      index.finish();
      return undefined;
    case 'strike':
      index.strike(message.hashes);
      return undefined;
    case 'search': {
      const { mode, vector } = message.search;
      if (mode === 'hybrid' && vector === undefined) await projected(message.index, index);
      return index.search(message.search);
    }
    case 'withoutVector':
      return index.withoutVector(message.limit);
    case 'addVectors':
      index.addVectors(message.hashes, message.vectors);
      return undefined;
    case 'measure':
      return { bytes: index.bytes(), passages: index.size() };
    case 'forget':
      indexes.delete(message.index);
      return undefined;
  }
}

/** Vectors are made once somebody asks for them, and on. */
async function projected(name: string, index: PassageIndex): Promise<void> {
  const done = projecting.get(name) ?? inSlices(index.project());
  projecting.set(name, done);
  const forget = () => projecting.delete(name);
  done.then(forget, forget);
  await orAfter(done, PATIENCE_MS);
}

async function inSlices(work: Generator<void, void>): Promise<void> {
  for (let begun = performance.now(); !work.next().done; ) {
    if (performance.now() - begun < SLICE_MS) continue;
    await new Promise(setImmediate);
    begun = performance.now();
  }
}
