/** The built console in a real browser: what somebody sees and does, under the content security policy of the server. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { chromiumPath, launchChromium, NO_CHROMIUM } from './harness/chromium.ts';
import { consoleAnswers } from './harness/console-answers.ts';
import { type ConsoleServer, serveConsole } from './harness/console-server.ts';
import { exampleReceipt } from './harness/example-receipt.ts';

const apiKey = 'ol_test_of_the_console';
const example = exampleReceipt();
const { receipt, disclosures } = example.bundle;
const folder = mkdtempSync(join(tmpdir(), 'openledger-console-'));

let browser: Browser;
let server: ConsoleServer;
let asked = false;

beforeAll(async () => {
  if (chromiumPath === undefined) return;
  const vite = ['node_modules/vite/bin/vite.js', 'build', 'web', '--logLevel', 'error'];
  const options = ['--outDir', folder, '--emptyOutDir'];
  const built = spawnSync(process.execPath, [...vite, ...options], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  server = await serveConsole({
    ...{ folder, apiKey, chat },
    answers: consoleAnswers(example, () => asked),
  });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach((context) => {
  context.skip(chromiumPath === undefined, NO_CHROMIUM);
  asked = false;
});

async function* chat() {
  yield { choices: [{ delta: { content: 'Indeed: a ledger ' } }] };
  yield { choices: [{ delta: { content: 'that balances.' } }] };
  yield { choices: [{ delta: {} }], openledger: { price: '0.25', receipt: receipt.id } };
  asked = true;
}

/** Opens the page, and collects whatever the browser complains of. */
async function open(
  address: string,
  viewport = { width: 1280, height: 900 },
): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const page = await browser.newPage({ viewport });
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(`${server.url}/${address}`);
  return { page, complaints };
}

test('without a key it shows what is public, asks for nothing else, and wants a key', async () => {
  const { page, complaints } = await open('');
  await page.getByText('Parties credited').waitFor();
  await page.getByText('The vault covers what is owed').waitFor();
  expect(await page.locator('.loop').innerText()).toContain('200');
  expect(await page.locator('#receipts').count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.getByLabel('Your API key').fill(apiKey);
  await page.getByRole('button', { name: 'Use key' }).click();
  await page.getByText('A reader').waitFor();
  await page.close();
});

test('takes the key out of the address, keeps it for the tab, and forgets it on request', async () => {
  const { page, complaints } = await open(`#key=${apiKey}&receipt=${receipt.id}`);
  await page.getByText('A reader').waitFor();
  await page.getByText('Local test units; nobody was contacted').waitFor();
  await page.getByText('You have 0.9981 OPEN to spend.').waitFor();
  expect(page.url()).toBe(`${server.url}/#receipt=${receipt.id}`);
  await page.reload();
  await page.getByText('A reader').waitFor();
  await page.getByRole('button', { name: 'Forget key' }).click();
  await page.getByLabel('Your API key').waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

/** The output as it stands on the page, without the passages' numbers. */
const OUTPUT_SHOWN = `(() => {
  const quote = document.querySelector('.output').cloneNode(true);
  for (const number of quote.querySelectorAll('sup')) number.remove();
  return quote.textContent;
})()`;

test('marks the passages, names whose they are, verifies, and finds one changed byte', async () => {
  const { page, complaints } = await open(`#key=${apiKey}`);
  const sheet = page.getByRole('article', { name: 'The chosen receipt' });
  await sheet.locator('mark').first().waitFor();
  expect(await page.evaluate(OUTPUT_SHOWN)).toBe(disclosures.output?.text);
  await sheet.getByText('balance-sheet').first().waitFor();
  await sheet.getByText('docs@1.2.0 README.md:14').first().waitFor();

  const verify = sheet.getByRole('button', { name: 'Verify' });
  await verify.click();
  await sheet.getByText('It holds: 15 checks passed').waitFor();
  for (const check of ['signature', 'inclusion', 'anchor', 'arithmetic', 'conservation']) {
    await sheet.locator('.checks li[data-ok="true"] .check-name', { hasText: check }).waitFor();
  }
  await sheet.getByRole('button', { name: 'Tamper' }).click();
  await sheet.getByText(/^It does not hold: the check "[a-z]+" fails\.$/).waitFor();
  await verify.click();
  await sheet.getByText('It holds: 15 checks passed').waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

test('asks, shows the answer and its price, and leads to its receipt', async () => {
  const { page, complaints } = await open(`#key=${apiKey}`);
  await page.getByLabel('Your prompt').fill('A ledger');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.getByText('Indeed: a ledger that balances.').waitFor();
  await page.locator('.answer-foot', { hasText: '0.25 OPEN' }).waitFor();
  await page.waitForURL(`${server.url}/#receipt=${receipt.id}`);
  await page.locator('.receipt-list [aria-current="true"]').waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

test.each([390, 1280])('fits a window %i pixels wide', async (width) => {
  const { page } = await open(`#key=${apiKey}`, { width, height: 800 });
  await page.locator('mark').first().waitFor();
  await page.locator('.loss-chart').first().waitFor();
  const needed = await page.evaluate('document.documentElement.scrollWidth');
  expect(needed).toBeLessThanOrEqual(width);
  await page.close();
});
