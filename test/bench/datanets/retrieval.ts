/** Retrieval over many passages: how long words take, and words with vectors, as a caller of the index process waits for it. */
import { createHash } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Hit, keepBest, prepareSegment } from '../../../server/compute/bm25.ts';
import { createIndexBuilder } from '../../../server/compute/inverted-index.ts';
import { learnProjectedTerms } from '../../../server/compute/projected-terms.ts';
import { createRandom } from '../../../server/compute/random.ts';
import { createSignCodes, nearest, setVector } from '../../../server/compute/sign-codes.ts';
import { createIndexHost, type IndexHost } from '../../../server/datanets/retrieval/index-host.ts';
import { candidatesAmong, type Mode } from '../../../server/datanets/retrieval/search-segments.ts';
import type { Options } from '../options.ts';
import { percentile } from '../percentiles.ts';
import { figure, mention, type Row } from '../table.ts';
import { drawPassages, type Material } from './passages.ts';
import { plainBm25 } from './plain-bm25.ts';

/** At scale 1. */
const PASSAGES = 1_000_000;
const QUERIES = 1000;
const SMOKE_SCALE = 0.02;
const BATCH = 500;
const LIMIT = 10;
const GOAL_MS = { words: 10, hybrid: 50 };
/** The floors' sample: one segment. */
const SAMPLE = 65_536;
const DIMENSIONS = 384;
const DEPTH = 100;

export async function benchRetrieval(
  material: Material,
  { scale = SMOKE_SCALE }: Pick<Options, 'scale'>,
): Promise<{
  readonly notes: readonly string[];
  readonly rows: readonly Row[];
}> {
  const count = Math.round(PASSAGES * scale);
  const queries = drawQueries(material, QUERIES);
  const host = createIndexHost();
  const built = await build(host, material, count);
  const words = await timed(host, queries, 'words');
  const hybrid = await timed(host, queries, 'hybrid');
  const measured = await host.ask('measure', 'bench', {});
  host.stop();
  mention('floors on a sample');
  const floors = measureFloors(material, queries, count);
  const up = count / floors.passages;
  const perPassage = measured.bytes / measured.passages;
  const all = figure(count);
  return {
    notes: [
      `${all} passages of ${figure(built.words / count)} words put together from ${material.from}; ${QUERIES} titles, headings and descriptions of two to twelve words as queries, one after the other, ${LIMIT} asked for; times include the message to the index process and back.`,
      `Index built in ${figure(built.seconds)} s (drawing and sending the texts included), vectors in ${figure(hybrid.firstSeconds)} s more, in another process; meanwhile the event loop of this one waited ${figure(built.loopP99Ms)} ms at p99, ${figure(built.loopMostMs)} ms at most.`,
      `Floors on ${figure(floors.passages)} passages, scaled by ${figure(up)}: a scan of all vectors in float32, and BM25 in maps.`,
      `Lost by the signs: of the ${LIMIT} nearest by the exact scan of ${figure(floors.passages)} passages, the ${figure(candidatesAmong(floors.passages))} nearest by signs hold ${figure(100 * floors.recall)} %, the ${figure(floors.fewer)} nearest ${figure(100 * floors.recallLess)} %: of ${all} passages ${figure(candidatesAmong(count))} are taken, the same part.`,
    ],
    rows: [
      row(
        `BM25 over ${all} passages`,
        words,
        `${figure(floors.plainP95Ms * up)} ms p95, maps`,
        floors.plainP95Ms * up,
        GOAL_MS.words,
      ),
      row(
        `hybrid over ${all} passages`,
        hybrid,
        `${figure(floors.scanP95Ms * up)} ms p95, float32 scan alone`,
        floors.scanP95Ms * up,
        GOAL_MS.hybrid,
      ),
      {
        what: 'index with vectors, bytes a passage',
        peer: `${figure(4 * DIMENSIONS)} B, float32 vectors alone`,
        ours: `${figure(perPassage)} B`,
        ratio: (4 * DIMENSIONS) / perPassage,
      },
    ],
  };
}

type Times = { readonly p50: number; readonly p95: number; readonly firstSeconds: number };

const row = (
  what: string,
  { p50, p95 }: Times,
  peer: string,
  peerMs: number,
  goalMs: number,
): Row => ({
  ...{ what, peer, ours: `p50 ${figure(p50)}, p95 ${figure(p95)} ms`, ratio: peerMs / p95 },
  ...{ goal: `p95 <= ${goalMs} ms`, reached: p95 <= goalMs },
});

function drawQueries({ queries }: Material, count: number): readonly string[] {
  const random = createRandom(12);
  return Array.from({ length: count }, () => queries[random.below(queries.length)]);
}

async function build(host: IndexHost, material: Material, count: number) {
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  const begun = performance.now();
  let batch: { hash: string; document: string; text: string; group: number; time: number }[] = [];
  let [sent, words] = [0, 0];
  const send = async () => {
    await host.ask('add', 'bench', { passages: batch });
    sent += batch.length;
    if (sent % 100_000 < BATCH) mention(`${figure(sent)} passages sent`);
    batch = [];
  };
  for (const { text, document } of drawPassages(material, count)) {
    const hash = createHash('sha256')
      .update(`${sent + batch.length}`)
      .digest('hex');
    batch.push({ hash, document: `${document}`, text, group: 0, time: 0 });
    words += text.split(/\s+/).length;
    if (batch.length === BATCH) await send();
  }
  await send();
  await host.ask('finish', 'bench', {});
  loop.disable();
  const seconds = (performance.now() - begun) / 1000;
  const [loopP99Ms, loopMostMs] = [loop.percentile(99) / 1e6, loop.max / 1e6];
  return { seconds, words, loopP99Ms, loopMostMs };
}

/** The first searches are not counted: vectors are made, and code is compiled. */
const WARM_UP = 50;

async function timed(host: IndexHost, queries: readonly string[], mode: Mode): Promise<Times> {
  mention(mode);
  const ask = (query: string) =>
    host.ask('search', 'bench', { search: { query, mode, limit: LIMIT } });
  const begun = performance.now();
  while ((await ask(queries[0])).mode !== mode) mention('vectors are being made');
  const firstSeconds = (performance.now() - begun) / 1000;
  for (const query of queries.slice(0, WARM_UP)) await ask(query);
  const tookMs: number[] = [];
  for (const query of queries) {
    const from = performance.now();
    await ask(query);
    tookMs.push(performance.now() - from);
  }
  return { p50: percentile(tookMs, 0.5), p95: percentile(tookMs, 0.95), firstSeconds };
}

function finished<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

const FLOOR_QUERIES = 100;

function measureFloors(material: Material, queries: readonly string[], count: number) {
  const passages = Math.min(SAMPLE, count);
  const texts = Array.from(drawPassages(material, passages), ({ text }) => text);
  const asked = queries.slice(0, FLOOR_QUERIES);
  const plain = plainBm25(texts);
  const plainMs = asked.map((query) => milliseconds(() => plain(query, LIMIT)));

  const builder = createIndexBuilder();
  for (const text of texts) builder.add(text);
  const { index } = prepareSegment(builder.build());
  const terms = finished(learnProjectedTerms([index], { dimensions: DIMENSIONS }));
  const rows = finished(terms.embedIndex(index));
  const codes = createSignCodes(passages, DIMENSIONS);
  for (let i = 0; i < passages; i++) {
    setVector(codes, i, rows.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS));
  }
  const scanMs: number[] = [];
  let [recall, recallLess] = [0, 0];
  const fewer = Math.max(LIMIT, Math.round((candidatesAmong(count) * passages) / count));
  for (const query of asked) {
    const vector = terms.embed(query);
    const begun = performance.now();
    const exact = scan(rows, vector, LIMIT);
    scanMs.push(performance.now() - begun);
    const part = (candidates: number) => {
      const found = new Set(
        nearest([codes], vector, { limit: DEPTH, candidates }).map((hit) => hit.document),
      );
      return exact.filter((document) => found.has(document)).length / LIMIT / asked.length;
    };
    recall += part(candidatesAmong(passages));
    recallLess += part(fewer);
  }
  const [plainP95Ms, scanP95Ms] = [percentile(plainMs, 0.95), percentile(scanMs, 0.95)];
  return { passages, fewer, plainP95Ms, scanP95Ms, recall, recallLess };
}

/** Every vector, by its dot product. */
function scan(rows: Float32Array, query: Float32Array, limit: number): readonly number[] {
  const hits: Hit[] = [];
  const dimensions = query.length;
  for (let document = 0, at = 0; at < rows.length; document++) {
    let score = 0;
    for (let i = 0; i < dimensions; i++, at++) score += rows[at] * query[i];
    if (hits.length < limit || score > hits[0].score) keepBest(hits, { document, score }, limit);
  }
  return hits.map((hit) => hit.document);
}

function milliseconds(work: () => void): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}
