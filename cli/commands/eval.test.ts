import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { evaluate } from './eval.ts';

let app: TestApp;
let folder: string;

beforeAll(async () => {
  app = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'openledger-test-'));
}, 120_000);
afterAll(async () => {
  await app.end();
  await rm(folder, { recursive: true, force: true });
});

test('measures each mode on labelled questions, by hash and by path, and what the second gains', async () => {
  const client = app.admin;
  const { id: datanetId } = await client.datanets.create({ name: 'birds' });
  const hashes: string[] = [];
  for (const bird of ['heron', 'ibis', 'ornithologist']) {
    const text = `The ${bird} is described here in a sentence of its own, long enough to say something.`;
    const source = { kind: 'api' as const, path: `${bird}.md` };
    const made = await client.datanets.contribute({ datanetId, text, licence: 'MIT', source });
    hashes.push(made.recordHash);
  }
  await client.datanets.seal({ datanetId });
  const labels = [
    { query: 'heron', relevant: [hashes[0]] },
    { query: 'ibis', relevant: ['ibis.md'] },
    { query: 'ornithology', relevant: ['ornithologist.md'] },
  ];
  const file = join(folder, 'labels.jsonl');
  await writeFile(file, labels.map((label) => `${JSON.stringify(label)}\n`).join(''));
  const said = vi.spyOn(console, 'log').mockImplementation(() => {});
  const session = ['--url', app.baseUrl, '--key', app.adminKey];
  await evaluate(['retrieval', '--datanet', 'birds', '--labels', file, '--json', ...session]);
  const { items } = JSON.parse(said.mock.calls[0][0]);
  said.mockRestore();
  const [words, hybrid, gain] = items;
  expect(words).toMatchObject({ mode: 'words', recall: { mean: 2 / 3 }, otherwise: 0 });
  expect(hybrid).toMatchObject({ mode: 'hybrid', ndcg: { mean: 1 }, mrr: { mean: 1 } });
  expect(gain.mode).toBe('hybrid - words');
  expect(gain.ndcg.mean).toBeCloseTo(1 / 3, 12);
}, 60_000);

test('a line that is no label is named', async () => {
  const file = join(folder, 'broken.jsonl');
  await writeFile(file, '{"query":"heron","relevant":["a"]}\n{"query":"ibis"}\n');
  const measuring = evaluate(['retrieval', '--datanet', 'birds', '--labels', file]);
  await expect(measuring).rejects.toThrow('Line 2 is no label');
  await expect(evaluate(['retrieval', '--datanet', 'birds'])).rejects.toThrow('openledger eval');
});
