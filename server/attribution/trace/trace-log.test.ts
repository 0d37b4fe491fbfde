import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutWords, type TraceRecord, tokenAt, traceByScan } from '@openledger/protocol';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { createPageCache } from '../../platform/page-cache.ts';
import { countWordTokens, trace } from './trace-index.ts';
import { openTraceLog, type TraceLog } from './trace-log.ts';

const home = mkdtempSync(join(tmpdir(), 'openledger-trace-log-'));
afterAll(() => rmSync(home, { recursive: true }));
let folders = 0;
const newFolder = () => join(home, String(folders++));

/** Eight pages at most, as small as a cache can be. */
const pages = createPageCache({ mostBytes: 0 });

/** Few words, so that everything comes again and again; astral letters, symbols and odd white space among them. */
const piece = fc.constantFrom('ab ', 'ab\n', 'cd ', 'ef', '𝒳y ', '. ', ', ', '🙂', ' ');
const text = fc.array(piece, { maxLength: 40, size: 'max' }).map((parts) => parts.join(''));

type Step =
  | { readonly kind: 'add'; readonly texts: readonly string[]; readonly isFlushed: boolean }
  | { readonly kind: 'withdraw'; readonly which: number }
  | { readonly kind: 'flush' | 'merge' | 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      texts: fc.array(text, { minLength: 1, maxLength: 2 }),
      isFlushed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('flush' as const, 'merge' as const, 'restart' as const),
    }),
  },
);

const plan = fc.record({
  steps: fc.array(step, { minLength: 8, maxLength: 24, size: 'max' }),
  outputs: fc.array(
    fc.record({
      parts: fc.array(fc.oneof(text, fc.tuple(fc.nat(), fc.nat(), fc.nat(60))), {
        minLength: 1,
        maxLength: 3,
      }),
      minWords: fc.integer({ min: 1, max: 8 }),
      maxRecords: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 50, maxLength: 50 },
  ),
});

const tokensOf = (of: string) => {
  const words = cutWords(of);
  return Array.from({ length: words.count }, (_, i) => tokenAt(words, i));
};

/** Every position of every record, one after the other. */
function countByLooking(wanted: readonly string[], records: readonly TraceRecord[]) {
  let occurrences = 0;
  const found = new Set<string>();
  for (const { hash, text } of wanted.length > 0 ? records : []) {
    const tokens = tokensOf(text);
    for (let at = 0; at + wanted.length <= tokens.length; at++) {
      if (!wanted.every((token, i) => tokens[at + i] === token)) continue;
      occurrences += 1;
      found.add(hash);
    }
  }
  return { occurrences, records: found.size };
}

test('answers 10,000 queries as a plain scan does, through merges, tombstones and restarts', async () => {
  let [asked, merges, restarts, tombstones] = [0, 0, 0, 0];
  await fc.assert(
    fc.asyncProperty(plan, async ({ steps, outputs }) => {
      const folder = newFolder();
      const texts = new Map<string, string>();
      const live = new Map<string, TraceRecord>();
      const open = () =>
        openTraceLog(folder, {
          pages,
          textOf: (hash) => texts.get(hash) ?? '',
          shardCharacters: 2000,
        });
      let log: TraceLog = open();
      const query = ({ parts, minWords, maxRecords }: (typeof outputs)[number]) => {
        const records = [...live.values()];
        const output = parts
          .map((part) => {
            if (typeof part === 'string') return part;
            const source = records[part[0] % Math.max(1, records.length)]?.text ?? '';
            return source.slice(part[1] % (source.length + 1)).slice(0, part[2]);
          })
          .join(' ');
        const scope = { indexes: [log.index()], withdrawn: log.withdrawn };
        const rules = { minWords, maxRecords };
        expect(trace(output, { scope, clientTexts: [], rules })).toEqual(
          traceByScan(output, { records, clientTexts: [], rules }),
        );
        const wanted = tokensOf(output).slice(0, 1 + (minWords % 4));
        const counted = countWordTokens(wanted.join(' '), scope);
        expect({ occurrences: counted.occurrences, records: counted.records }).toEqual(
          countByLooking(tokensOf(wanted.join(' ')), records),
        );
        asked += 1;
      };
      let nextOutput = 0;
      for (const [i, one] of steps.entries()) {
        if (one.kind === 'add') {
          const added = one.texts.map((text, k) => ({ hash: `${i}-${k}`, text }));
          for (const record of added) {
            texts.set(record.hash, record.text);
            live.set(record.hash, record);
          }
          log.add(added);
          if (one.isFlushed) await log.flush();
        } else if (one.kind === 'withdraw') {
          const hash = [...live.keys()][one.which % Math.max(1, live.size)];
          if (hash === undefined) continue;
          live.delete(hash);
          log.withdraw([hash]);
          tombstones += 1;
        } else if (one.kind === 'flush') {
          await log.flush();
        } else if (one.kind === 'merge') {
          await log.flush();
          if (await log.merge()) merges += 1;
        } else {
          log.close();
          log = open();
          log.add(
            [...texts].filter(([hash]) => !log.has(hash)).map(([hash, text]) => ({ hash, text })),
          );
          restarts += 1;
        }
        const due = Math.ceil(((i + 1) * outputs.length) / steps.length);
        for (; nextOutput < due; nextOutput++) query(outputs[nextOutput]);
      }
      for (; nextOutput < outputs.length; nextOutput++) query(outputs[nextOutput]);
      log.close();
    }),
    { numRuns: 200 },
  );
  expect(asked).toBeGreaterThanOrEqual(10_000);
  expect(Math.min(merges, restarts, tombstones)).toBeGreaterThan(20);
});

const records = (count: number): TraceRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    hash: `h${i}`,
    text: `Record ${i} says that the harbour of town ${i * 7} was closed for ${i + 2} days in winter.`,
  }));
const textOf = (hash: string) => records(40)[Number(hash.slice(1))].text;
const found = (log: TraceLog, of: string) =>
  trace(of, {
    scope: { indexes: [log.index()], withdrawn: log.withdrawn },
    clientTexts: [],
    rules: { minWords: 8, maxRecords: 4 },
  }).spans.flatMap((span) => span.records.map(({ hash }) => hash));

test('a fresh record is found before anything is written', () => {
  const folder = newFolder();
  const log = openTraceLog(folder, { pages, textOf });
  log.add(records(3));
  expect(found(log, textOf('h2'))).toEqual(['h2']);
  expect(readdirSync(folder)).toEqual([]);
});

test.each<[string, (path: string) => void]>([
  ['cut short', (path) => truncateSync(path, 200)],
  ['empty', (path) => truncateSync(path, 0)],
  [
    'changed in its head',
    (path) => {
      const bytes = readFileSync(path);
      bytes[40] ^= 1;
      writeFileSync(path, bytes);
    },
  ],
  ['gone', (path) => rmSync(path)],
])('a segment that is %s is never searched: its records are to be added again', async (_, damage) => {
  const folder = newFolder();
  const log = openTraceLog(folder, { pages, textOf });
  log.add(records(4));
  await log.flush();
  log.add(records(8));
  await log.flush();
  log.close();
  damage(join(folder, readdirSync(folder).sort()[1]));
  const again = openTraceLog(folder, { pages, textOf });
  expect([again.has('h3'), again.has('h4')]).toEqual([true, false]);
  again.add(records(8).filter(({ hash }) => !again.has(hash)));
  expect(found(again, textOf('h6'))).toEqual(['h6']);
  again.close();
});

test('a page that was changed under way is refused, and gives no wrong answer', async () => {
  const folder = newFolder();
  const log = openTraceLog(folder, { pages, textOf });
  log.add(records(40));
  await log.flush();
  log.close();
  const path = join(folder, readdirSync(folder).sort()[0]);
  const bytes = readFileSync(path);
  bytes[bytes.length - 5] ^= 1; // of the suffixes, which stand last
  writeFileSync(path, bytes);
  const again = openTraceLog(folder, { pages, textOf });
  expect(() => found(again, textOf('h6'))).toThrow('is damaged');
  again.close();
});

test('a manifest in which one letter was changed counts for nothing: all is to be added again', async () => {
  const folder = newFolder();
  const log = openTraceLog(folder, { pages, textOf });
  log.add(records(3));
  await log.flush();
  log.withdraw(['h1']);
  log.close();
  const path = join(folder, 'manifest.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"h1"', '"h2"'));
  const again = openTraceLog(folder, { pages, textOf });
  expect([again.has('h0'), again.has('h1'), again.withdrawn.size]).toEqual([false, false, 0]);
  again.close();
});

test('files that the manifest does not name are removed: they were written by somebody who died', async () => {
  const folder = newFolder();
  const log = openTraceLog(folder, { pages, textOf });
  log.add(records(2));
  await log.flush();
  log.close();
  writeFileSync(join(folder, '00000009.segment'), 'half');
  writeFileSync(join(folder, '00000009.segment.part'), 'half');
  openTraceLog(folder, { pages, textOf }).close();
  expect(readdirSync(folder).sort()).toEqual([
    expect.stringMatching(/^00000001-[0-9a-f]{8}\.segment$/),
    'manifest.json',
  ]);
});

test('merging drops what was withdrawn, and nothing else', async () => {
  const folder = newFolder();
  const log = openTraceLog(folder, { pages, textOf });
  for (let i = 0; i < 4; i++) {
    log.add(records(5 * (i + 1)));
    await log.flush();
  }
  log.withdraw(['h7']);
  expect(await log.merge()).toBe(true);
  expect(await log.merge()).toBe(false);
  expect(log.index().records).toBe(19);
  expect([found(log, textOf('h7')), found(log, textOf('h8'))]).toEqual([[], ['h8']]);
  expect(readdirSync(folder)).toHaveLength(2);
  log.close();
});

test('many records are built in processes of their own; what is added meanwhile is found, and flushed next', async () => {
  const folder = newFolder();
  const long = Array.from({ length: 3 }, (_, i) => ({
    hash: `long-${i}`,
    text: Array.from({ length: 80_000 }, (_, k) => `w${i}x${k}`).join(' '),
  }));
  const texts = new Map([...long, ...records(2)].map(({ hash, text }) => [hash, text]));
  const log = openTraceLog(folder, {
    ...{ pages, textOf: (hash) => texts.get(hash) ?? '', shardCharacters: 700_000 },
  });
  log.add(long);
  const flushing = log.flush();
  await new Promise(setImmediate); // it has begun
  log.add(records(2));
  expect(found(log, texts.get('h1') ?? '')).toEqual(['h1']);
  await flushing;
  const passage = long[2].text.slice(0, 100);
  expect([found(log, texts.get('h1') ?? ''), found(log, passage)]).toEqual([['h1'], ['long-2']]);
  expect(readdirSync(folder)).toHaveLength(4);
  await log.flush();
  expect(readdirSync(folder)).toHaveLength(5);
  log.close();
});
