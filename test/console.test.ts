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
  const vite = [
    'node_modules/vite/bin/vite.js',
    'build',
    '--logLevel',
    'error',
    '--outDir',
    folder,
  ];
  const built = spawnSync(process.execPath, [...vite, '--emptyOutDir', 'web'], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  const answers = consoleAnswers(example, () => asked);
  server = await serveConsole({ folder, apiKey, answers, chat });
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
  for (const text of ['Indeed: a ledger ', 'that balances.'])
    yield { choices: [{ delta: { content: text } }] };
  yield { choices: [{ delta: {} }], openledger: { price: '0.25', receipt: receipt.id } };
  asked = true;
}

/** Opens the page, and remembers whatever the browser complains of. */
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

test('without a key it shows public numbers, invents nothing, and asks for one', async () => {
  const { page } = await open('');
  await page.getByText('Parties credited').waitFor();
  expect(await page.locator('.loop').innerText()).toContain('200');
  expect(await page.getByText('A key that may read shows receipts.').count()).toBe(1);
  await page.getByLabel('Your API key').fill(apiKey);
  await page.getByRole('button', { name: 'Use key' }).click();
  await page.getByText('A reader').waitFor();
  await page.close();
});

test('takes the key out of the address, keeps it for the tab, and forgets it on request', async () => {
  const { page, complaints } = await open(`#key=${apiKey}&receipt=${receipt.id}`);
  await page.getByText('A reader').waitFor();
  await page.getByText('Local test units; nobody was contacted').waitFor();
  expect(page.url()).toBe(`${server.url}/#receipt=${receipt.id}`);
  await page.reload();
  await page.getByText('A reader').waitFor();
  await page.getByRole('button', { name: 'Forget key' }).click();
  await page.getByLabel('Your API key').waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

test('marks the passages, names whose they are, verifies, and finds one changed byte', async () => {
  const { page, complaints } = await open(`#key=${apiKey}`);
  const sheet = page.getByRole('article', { name: 'The chosen receipt' });
  await sheet.locator('mark').first().waitFor();
  const output = await sheet
    .locator('.output')
    .evaluate((quote) =>
      [...quote.childNodes]
        .map((node) =>
          (node.textContent ?? '').slice(
            [...(node as Element).querySelectorAll('sup')].join('').length > 0
              ? [...(node as Element).querySelectorAll('sup')]
                  .map((sup) => sup.textContent)
                  .join('').length
              : 0,
          ),
        )
        .join(''),
    );
  expect(output).toBe(disclosures.output?.text);
  await sheet.getByText('balance-sheet').first().waitFor();
  await sheet.getByText('docs@1.2.0 README.md:14').first().waitFor();

  await sheet.getByRole('button', { name: 'Verify' }).click();
  await sheet.getByText(/^It holds: 13 checks passed/).waitFor();
  for (const check of ['signature', 'inclusion', 'anchor', 'arithmetic', 'conservation']) {
    expect(await sheet.locator('.checks li[data-ok="true"]', { hasText: check }).count()).toBe(1);
  }
  await sheet.getByRole('button', { name: 'Tamper' }).click();
  await sheet.getByText(/^It does not hold: the check "[a-z]+" fails\.$/).waitFor();
  await sheet.getByRole('button', { name: 'Verify' }).click();
  await sheet.getByText(/^It holds/).waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

test('asks, shows the answer and its price, and leads to its receipt', async () => {
  const { page, complaints } = await open(`#key=${apiKey}`);
  await page.getByLabel('Your prompt').fill('A ledger');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.getByText('Indeed: a ledger that balances.').waitFor();
  await page.getByText('0.25 OPEN').waitFor();
  await page.waitForURL(`${server.url}/#receipt=${receipt.id}`);
  await page.locator('.receipt-list [aria-current="true"]').waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

test.each([390, 1280])('fits a window %i pixels wide', async (width) => {
  const { page } = await open(`#key=${apiKey}`, { width, height: 800 });
  await page.locator('mark').first().waitFor();
  await page.locator('.loss-chart').first().waitFor();
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(needed).toBeLessThanOrEqual(width);
  await page.close();
});
