/**
 * Guides and concepts are programs: every `sh` block runs here in order, and what a `text` block shows must be printed.
 *
 * A `js` block with a file's name is saved under it, for the `sh` block that runs it. A block that cannot run here says
 * why: ```sh no-run: takes three minutes.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPeople } from '../cli/first-loop/people.ts';
import { train } from '../cli/first-loop/train.ts';
import { startTestApp, type TestApp } from './harness/app.ts';
import { gardenBooks } from './harness/garden.ts';
import { readBlocks } from './harness/guide-blocks.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = ['docs/guides', 'docs/concepts'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
);

let running: TestApp;
let operator: TestOperator;
let home: string;

beforeAll(async () => {
  running = await startTestApp();
  operator = await startOperator();
  operator.plays((call) => {
    call.text('Good day to you.');
    call.finish({ prompt: 9, completion: 5 });
  });
  home = await realpath(await mkdtemp(join(tmpdir(), 'openledger-guides-')));
  await mkdir(join(home, 'bin'));
  const shim = join(home, 'bin/openledger');
  await writeFile(shim, `#!/bin/sh\nexec "${process.execPath}" "${root}cli/openledger.mjs" "$@"\n`);
  await chmod(shim, 0o755);
  await turnTinyLoop(running);
});
afterAll(async () => {
  await operator.close();
  await running.end();
  await rm(home, { recursive: true, force: true });
});

test.each(pages)('%s does what it says', async (page) => {
  const folder = join(home, page.replace(/\.md$/, ''));
  await furnish(folder);
  let printed: string | undefined;
  for (const block of readBlocks(readFileSync(join(root, page), 'utf8'))) {
    const at = `${page}:${block.line}`;
    if (block.kind === 'no-run') printed = undefined;
    else if (block.kind === 'file') await writeFile(join(folder, block.name), block.text);
    else if (block.kind === 'sh') printed = await runBlock(block.text, folder, at);
    else if (printed !== undefined) expect(printed, at).toMatch(block.shows);
  }
}, 120_000);

/** What the first loop leaves behind, made of less: its datanet and its base model, by their names. */
async function turnTinyLoop({ admin, baseUrl }: TestApp): Promise<void> {
  const { curator, builder } = await findPeople(admin, baseUrl);
  const { id: datanetId } = await curator.client.datanets.create({ name: 'npm-docs' });
  await curator.client.datanets.contributeMany({ datanetId }, { body: gardenBooks() });
  await curator.client.datanets.refine({ datanetId });
  const { id: snapshot } = await curator.client.datanets.seal({ datanetId });
  const tiny = { width: 32, layers: 1, heads: 2, contextLength: 128, vocabulary: 400, steps: 40 };
  const silent = { write: () => true };
  await train(builder, silent, { kind: 'base', name: 'npm-docs', snapshot, ...tiny });
}

/** A folder of somebody's own: what the pages use is installed, and one package whose README can be imported. */
async function furnish(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'tide-table'), { recursive: true });
  for (const name of ['openai', 'tsx', '@openledger']) {
    await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  await writeFile(
    join(modules, 'tide-table/package.json'),
    JSON.stringify({ name: 'tide-table', version: '1.0.0', license: 'MIT', author: 'Inger' }),
  );
  await writeFile(
    join(modules, 'tide-table/README.md'),
    '# tide-table\n\nComputes when the water is highest, for any harbour whose constants are known.\n',
  );
}

/** Blocks of a guide share their folder and their variables, as in one terminal. @returns what was printed */
async function runBlock(text: string, folder: string, at: string): Promise<string> {
  const script = `set -ea
if [ -f "$GUIDE_STATE" ]; then . "$GUIDE_STATE"; fi
${text}
export -p > "$GUIDE_STATE"`;
  const child = spawn('bash', ['-o', 'pipefail', '-c', script], {
    cwd: folder,
    env: {
      PATH: `${join(home, 'bin')}:${process.env.PATH}`,
      HOME: folder,
      GUIDE_STATE: join(folder, '.state'),
      OPENLEDGER_CLI_HOME: join(folder, '.openledger'),
      OPENLEDGER_URL: running.baseUrl,
      OPENLEDGER_KEY: running.adminKey,
      OPERATOR_URL: operator.baseUrl,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  let printed = '';
  const keep = (part: Buffer) => {
    printed += part;
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0) throw new Error(`${at}\n${text}\nended with status ${status}:\n${printed}`);
  return printed;
}
