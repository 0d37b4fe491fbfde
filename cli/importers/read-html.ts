/** A page as text: what a reader of it came for, without the site around it. */
import { Readability } from '@mozilla/readability';
import { parseHTML } from 'linkedom';
import { type DomNode, layOutHtml } from './lay-out-html.ts';
import { licenceOfUrl } from './licence-of-url.ts';

/** What real pages stay below; the cost of reading grows with both, faster than they do. */
const MAX_ELEMENTS = 50_000;
const MAX_DEPTH = 256;

/** Pages say how they are encoded within this much of themselves. */
const HEAD_BYTES = 4096;

export type ReadPage = {
  readonly text: string;
  readonly title?: string;
  readonly byline?: string;
  readonly language?: string;
  /** Its address, where the page itself names one. */
  readonly url?: string;
  /** SPDX, where the page links to one licence. */
  readonly licence?: string;
};

/**
 * Extracts the article of a page by Mozilla's Readability. No script of it runs, and nothing that it names is fetched:
 * links lose their addresses, pictures and frames go.
 */
export function readHtml(bytes: Uint8Array): ReadPage | { readonly refusal: string } {
  const decoded = decodeHtml(bytes);
  if ('refusal' in decoded) return decoded;
  const { document } = parseHTML(decoded.html);
  if (!document.documentElement) return { refusal: 'It holds no page.' };
  const excess = excessOf(document.documentElement);
  if (excess) return { refusal: excess };
  const facts = factsOf(document);
  const read = new Readability<DomNode>(document, {
    serializer: (element) => element as DomNode,
  }).parse();
  const blocks = read?.content ? layOutHtml(read.content) : '';
  if (!read || blocks === '') return { refusal: 'It holds no article to read.' };
  const title = plain(read.title, 500);
  const isHeaded =
    title === undefined || blocks.startsWith('# ') || blocks.includes(`# ${title}\n`);
  return {
    text: isHeaded ? blocks : `# ${title}\n\n${blocks}`,
    title,
    byline: plain(read.byline, 500),
    language: facts.language ?? languageOf(read.lang),
    url: facts.url,
    licence: facts.licence,
  };
}

/** By a byte order mark, else as the page says, else as UTF-8. */
function decodeHtml(bytes: Uint8Array): { readonly html: string } | { readonly refusal: string } {
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString('latin1');
  const meta = /<meta\s[^>]{0,500}?charset\s{0,9}=\s{0,9}["']?\s{0,9}([\w:.-]{1,40})/i.exec(head);
  const marked = ['\xff\xfe', '\xfe\xff'].indexOf(head.slice(0, 2));
  const declared = ['utf-16le', 'utf-16be'][marked] ?? meta?.[1] ?? 'utf-8';
  // A page whose own declaration could be read as ASCII is not UTF-16, whatever it says.
  const label = marked < 0 && /^utf-?16/i.test(declared) ? 'utf-8' : declared;
  try {
    const decoder = new TextDecoder(label, { fatal: true });
    const html = decoder.decode(bytes);
    return { html: decoder.encoding === 'windows-1252' ? withoutLatin1(html) : html };
  } catch (error) {
    if (error instanceof RangeError) return { refusal: `Its encoding "${label}" is not known.` };
    return { refusal: `It is not valid ${label.toUpperCase()}.` };
  }
}

/** Of windows-1252, where ISO 8859-1 has control characters: 0x80 to 0x9f. */
const BEYOND_LATIN1 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

/** Node 20 decodes windows-1252 as if it were ISO 8859-1. */
const withoutLatin1 = (html: string): string =>
  html.replaceAll(/[\x80-\x9f]/g, (letter) => BEYOND_LATIN1[letter.charCodeAt(0) - 0x80]);

/** Walks without recursion: what is measured here would overflow it. */
function excessOf(root: DomNode): string | undefined {
  const open: { readonly node: DomNode; readonly depth: number }[] = [{ node: root, depth: 1 }];
  let elements = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.depth > MAX_DEPTH) return `It is nested more than ${MAX_DEPTH} deep.`;
    for (const node of next.node.childNodes) {
      if (node.nodeType !== 1) continue;
      if (++elements > MAX_ELEMENTS) return `It has more than ${MAX_ELEMENTS} elements.`;
      open.push({ node, depth: next.depth + 1 });
    }
  }
  return undefined;
}

type Page = {
  readonly documentElement: { getAttribute(name: string): string | null };
  querySelector(selector: string): { getAttribute(name: string): string | null } | null;
  querySelectorAll(selector: string): Iterable<{ getAttribute(name: string): string | null }>;
};

/** What the page says of itself. Relative addresses are none: who knows where a file came from. */
function factsOf(document: Page): Pick<ReadPage, 'language' | 'url' | 'licence'> {
  const canonical = document.querySelector('link[rel="canonical"]')?.getAttribute('href');
  const shared = document.querySelector('meta[property="og:url"]')?.getAttribute('content');
  const links = document.querySelectorAll('link[rel="license"], a[rel="license"]');
  const named = new Set([...links].map((link) => link.getAttribute('href') ?? ''));
  const [licence] = named.size === 1 ? named : [];
  return {
    language: languageOf(document.documentElement.getAttribute('lang')),
    url: webAddress(canonical) ?? webAddress(shared),
    licence: licence === undefined ? undefined : licenceOfUrl(licence),
  };
}

function webAddress(text: string | null | undefined): string | undefined {
  if (!text || text.length > 1000 || !URL.canParse(text)) return undefined;
  const { protocol, username, href } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && href.length <= 1000 ? href : undefined;
}

const languageOf = (text: string | null | undefined): string | undefined =>
  text && /^[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,4}$/i.test(text) ? text : undefined;

/** One line of at most so many characters. */
function plain(text: string | null | undefined, most: number): string | undefined {
  const line = text?.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line ? [...line].slice(0, most).join('') : undefined;
}
