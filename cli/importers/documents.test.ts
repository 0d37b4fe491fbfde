import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Draft } from '@openledger/sdk';
import { afterAll, expect, test } from 'vitest';
import { htmlDrafts } from './html.ts';
import { joinHyphens } from './join-hyphens.ts';
import { pdfDrafts } from './pdf.ts';
import type { ImporterOptions, Problem } from './problem.ts';
import { openReader } from './reader.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'openledger-documents-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

async function read(
  importer: (path: string, options: ImporterOptions) => AsyncIterable<Draft>,
  path: string,
) {
  const problems: Problem[] = [];
  const drafts: Draft[] = [];
  const onProblem = (problem: Problem) => problems.push(problem);
  for await (const draft of importer(path, { licence: 'CC0-1.0', onProblem })) drafts.push(draft);
  return { drafts, problems };
}

const TIDE =
  'A spring tide comes with the new moon and the full moon, when sun and moon pull along one line, and it rises higher.';
const paragraphs = `<p>${TIDE}</p>`.repeat(4);

test('HTML: the article as structured text, what the page says of itself beside it', async () => {
  const folder = folderWith({
    'tides.html': `<!doctype html><html lang="en-GB"><head><title>Tides</title>
      <meta name="author" content="Inger Holm"><link rel="canonical" href="https://example.org/tides">
      <link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head>
      <body><nav><a href="/">Home</a><a href="/all">All pages</a></nav><article><h1>Tides</h1>${paragraphs}
      <h2>How to   measure</h2><ol><li>Set a <b>pole</b>.</li><li>Read it:<ul><li>at dawn</li><li>at dusk</li></ul></li></ol>
      <pre><code>height = pole
  - zero</code></pre><blockquote><p>The sea is never level.</p></blockquote>
      <table><tr><th>Day</th><th>Height</th></tr><tr><td>1</td><td>40 cm</td></tr></table>
      <p>Call <code>tide()</code> twice<br>a day.</p></article><footer>Copyright</footer></body></html>`,
  });
  const { drafts, problems } = await read(htmlDrafts, folder);
  expect(problems).toEqual([]);
  expect(drafts).toEqual([
    {
      text: `# Tides

${`${TIDE}\n\n`.repeat(4)}## How to measure

1. Set a pole.
2. Read it:
   - at dawn
   - at dusk

\`\`\`
height = pole
  - zero
\`\`\`

> The sea is never level.

Day | Height
1 | 40 cm

Call \`tide()\` twice
a day.
`,
      licence: 'CC-BY-4.0',
      source: { kind: 'html', path: 'tides.html', url: 'https://example.org/tides' },
      metadata: { title: 'Tides', byline: 'Inger Holm', language: 'en-GB' },
    },
  ]);
});

test('HTML: hostile pages run nothing, fetch nothing, read nothing, and end in problems or in their words alone', async () => {
  let asked = 0;
  const server = createServer((_, answer) => {
    asked += 1;
    answer.end('fetched');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const page = (head: string, body: string) =>
    `<html><head><title>Page</title>${head}</head><body><article>${paragraphs}${body}</article></body></html>`;
  const folder = folderWith({
    'base.html': page(
      `<base href="file:///etc/"><link rel="canonical" href="file:///etc/passwd">`,
      '<p><a href="passwd">a link to follow</a></p>',
    ),
    'entities.html': `<!DOCTYPE html [<!ENTITY a "boom boom"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/hostname">]>${page('', '<p>&b;&b;&c;</p>')}`,
    'frames.html': page(
      `<meta http-equiv="refresh" content="0;url=${url}/r"><link rel="stylesheet" href="${url}/css">`,
      `<iframe src="${url}/f" srcdoc="framed words"></iframe><object data="${url}/o"></object><img src="${url}/i" onerror="alert(1)"><video src="${url}/v"></video>`,
    ),
    'links.html': page(
      '',
      '<p onclick="alert(1)">Press <a href="javascript:alert(1)">here now</a>, please.</p>',
    ),
    'script.html': page(
      `<script>require("fs").writeFileSync("owned","")</script><script src="${url}/s"></script>`,
      '<script>document.title = "owned"; fetch("/x")</script><p>The end.</p>',
    ),
    'deep.html': page('', `${'<div>'.repeat(2000)}deep${'</div>'.repeat(2000)}`),
    'empty.html': '',
    'many.html': page('', '<b>x</b>'.repeat(60_000)),
    'plain.html': '<html><body></body></html>',
    'vast.html': `<html>${' '.repeat(4_000_001)}`,
  });
  const { drafts, problems } = await read(htmlDrafts, folder);
  const texts = new Map(drafts.map(({ source, text }) => [source?.path, text]));
  expect([...texts.keys()]).toEqual(
    ['base', 'entities', 'frames', 'links', 'script'].map((name) => `${name}.html`),
  );
  expect(texts.get('links.html')).toContain('Press here now, please.');
  expect(texts.get('base.html')).toContain('a link to follow');
  expect(drafts.every(({ source }) => source?.url === undefined)).toBe(true);
  expect(drafts.every(({ metadata }) => metadata?.title === 'Page')).toBe(true);
  for (const foreign of ['boom', 'framed', 'alert', 'owned', 'javascript', 'fetched', 'passwd'])
    for (const text of texts.values()) expect(text).not.toContain(foreign);
  expect(Object.fromEntries(problems.map(({ path, message }) => [path, message]))).toMatchObject({
    'deep.html': expect.stringContaining('deep'),
    'empty.html': expect.any(String),
    'many.html': expect.stringContaining('elements'),
    'plain.html': 'It holds no article to read.',
    'vast.html': expect.stringContaining('bytes'),
  });
  expect(asked).toBe(0);
  server.close();
}, 120_000);

test('HTML: the encoding that a page declares is kept, another than it holds is a problem', async () => {
  const body = `<article>${paragraphs}<p>Gr\u00fc\u00dfe vom Meer, \u20ac 5, sagte sie zu allen.</p></article>`;
  const latin = (head: string) =>
    Buffer.from(
      `<html><head>${head}</head><body>${body.replace('\u20ac', '\x80')}</body></html>`,
      'latin1',
    );
  const folder = folderWith({
    'declared.html': latin('<meta charset="windows-1252">'),
    'equiv.html': latin('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'),
    'false.html': latin('<meta charset="utf-8">'),
    'marked.html': Buffer.from(`\ufeff<html><body>${body}</body></html>`, 'utf16le'),
    'silent.html': Buffer.from(`<html><body>${body}</body></html>`),
    'strange.html': latin('<meta charset="x-none">'),
    'utf16.html': Buffer.from(
      `<html><head><meta charset="utf-16"></head><body>${body}</body></html>`,
    ),
  });
  const { drafts, problems } = await read(htmlDrafts, folder);
  expect(drafts.map(({ source }) => source?.path?.replace('.html', ''))).toEqual([
    'declared',
    'equiv',
    'marked',
    'silent',
    'utf16',
  ]);
  for (const { text } of drafts) expect(text).toContain('Gr\u00fc\u00dfe vom Meer, \u20ac 5');
  expect(problems).toMatchObject([
    { path: 'false.html', message: 'It is not valid UTF-8.' },
    { path: 'strange.html', message: 'Its encoding "x-none" is not known.' },
  ]);
});

test('a document that takes too long is given up', async () => {
  const reader = openReader(20);
  const slow = await reader.readHtml(Buffer.from(`<p>${'<div>'.repeat(100_000)}`));
  expect(slow).toMatchObject({ refusal: expect.stringContaining('seconds') });
  reader.close();
});

/** A PDF file of our own making: a content stream a page, and what stands in the trailer beside the root. */
function pdfWith(pages: readonly string[], { info = '', trailer = '', catalog = '' } = {}): Buffer {
  const objects = [
    `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`,
    `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, i) => `${5 + 2 * i} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    `<< ${info} >>`,
    ...pages.flatMap((content, i) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> /Contents ${6 + 2 * i} 0 R >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    ]),
  ];
  let file = '%PDF-1.4\n';
  const offsets = objects.map((object, i) => {
    const offset = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const size = objects.length + 1;
  return Buffer.from(
    `${file}xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}trailer\n<< /Size ${size} /Root 1 0 R /Info 4 0 R ${trailer} >>\nstartxref\n${file.length}\n%%EOF\n`,
    'latin1',
  );
}

/** Lines of a page, 14 points apart; an empty one leaves a gap. */
const pageOf = (...lines: readonly string[]) =>
  `BT /F 12 Tf 14 TL 72 700 Td ${lines.map((line) => (line === '' ? 'T*' : `(${line}) Tj T*`)).join(' ')} ET`;

test('PDF: text by page, paragraphs kept, cut words joined where the file has them whole', async () => {
  const folder = folderWith({
    'tides.pdf': pdfWith(
      [
        pageOf(
          'The harbour has a well-',
          'known pole, and its measure-',
          'ment is read twice.',
          '',
          'Next para-',
          'graph.',
        ),
        pageOf(),
        pageOf('A measurement of a well-known kind.'),
      ],
      { info: '/Title (Tides) /Author (Inger Holm)' },
    ),
  });
  const { drafts, problems } = await read(pdfDrafts, folder);
  expect(problems).toEqual([]);
  const rest = { licence: 'CC0-1.0', metadata: { title: 'Tides', author: 'Inger Holm' } };
  expect(drafts).toEqual([
    {
      text: 'The harbour has a well-known pole, and its measurement is read twice.\n\nNext para-\ngraph.\n',
      ...{ source: { kind: 'pdf', path: 'tides.pdf', page: 1 }, ...rest },
    },
    {
      text: 'A measurement of a well-known kind.\n',
      ...{ source: { kind: 'pdf', path: 'tides.pdf', page: 3 }, ...rest },
    },
  ]);
});

test('PDF: encrypted, broken, empty and scripted files are problems or their words alone, and the others go in', async () => {
  const whole = pdfWith([pageOf('A page that can be read.')]);
  const locked = `/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${'41'.repeat(32)}> /U <${'42'.repeat(32)}> >> /ID [<${'43'.repeat(16)}> <${'43'.repeat(16)}>]`;
  const folder = folderWith({
    'a-broken.pdf': whole.subarray(0, 60),
    'b-locked.pdf': pdfWith([pageOf('secret')], { trailer: locked }),
    'c-none.pdf': 'no PDF at all',
    'd-scan.pdf': pdfWith(['']),
    'e-script.pdf': pdfWith([pageOf('Words of a page with a script.')], {
      catalog: '/OpenAction << /S /JavaScript /JS (app.launchURL\\("http://127.0.0.1:1"\\)) >>',
    }),
    'f-loop.pdf': pdfWith([pageOf('round')], { catalog: '/Pages 1 0 R' }),
    'g-whole.pdf': whole,
  });
  const { drafts, problems } = await read(pdfDrafts, folder);
  expect(drafts.map(({ source, text }) => [source?.path, text])).toEqual([
    ['e-script.pdf', 'Words of a page with a script.\n'],
    ['g-whole.pdf', 'A page that can be read.\n'],
  ]);
  expect(problems.map(({ path }) => path)).toEqual(
    ['a-broken', 'b-locked', 'c-none', 'd-scan', 'f-loop'].map((name) => `${name}.pdf`),
  );
  expect(problems[1].message).toBe('It is encrypted.');
  expect(problems[3].message).toContain('no text');
});

test('cut words: soft hyphens go, compounds and unknown words stay as they are', () => {
  expect(
    joinHyphens([
      'a co\u00adope\u00ad\nration of state-of-the-\nart and lamp-\nPost\n',
      'lamppost\n',
    ]),
  ).toEqual(['a cooperation of state-of-the-\nart and lamp-\nPost\n', 'lamppost\n']);
});
