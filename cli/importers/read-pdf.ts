/** The text of a PDF file, page by page. */
import { getDocumentProxy } from 'unpdf';
import { joinHyphens } from './join-hyphens.ts';
import { layOutPdf, type TextPiece } from './lay-out-pdf.ts';

const MAX_PAGES = 10_000;
const MAX_CHARACTERS = 20_000_000;

/** Of the permissions of a protected file: text may be taken out. */
const COPY = 0x10;

export type ReadPdf = {
  /** In order; empty where a page has no text, as of a scan. */
  readonly pages: readonly string[];
  readonly title?: string;
  readonly author?: string;
};

/**
 * Reads by pdf.js, which runs no script of the file and is given no address to fetch from.
 *
 * A word that was cut at a line's end is joined where the same file has it whole.
 */
export async function readPdf(bytes: Uint8Array): Promise<ReadPdf | { readonly refusal: string }> {
  const opened = await openPdf(bytes);
  if ('refusal' in opened) return opened;
  const { pdf } = opened;
  if (pdf.numPages > MAX_PAGES) return { refusal: `It has more than ${MAX_PAGES} pages.` };
  const permissions = await pdf.getPermissions();
  if (permissions && !permissions.includes(COPY))
    return { refusal: 'It does not permit that its text is taken out.' };
  const pages: string[] = [];
  let characters = 0;
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    const text = layOutPdf(items.flatMap((item) => ('str' in item ? [toPiece(item)] : [])));
    page.cleanup();
    pages.push(text);
    characters += text.length;
    if (characters > MAX_CHARACTERS)
      return { refusal: `It has more than ${MAX_CHARACTERS} characters.` };
  }
  return { pages: joinHyphens(pages), ...(await factsOf(pdf)) };
}

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;

async function openPdf(
  bytes: Uint8Array,
): Promise<{ readonly pdf: Pdf } | { readonly refusal: string }> {
  try {
    const pdf = await getDocumentProxy(new Uint8Array(bytes), {
      ...{ verbosity: 0, isEvalSupported: false, enableXfa: false, disableFontFace: true },
      ...{ useSystemFonts: false, useWorkerFetch: false },
      ...{ cMapUrl: undefined, standardFontDataUrl: undefined },
    });
    return { pdf };
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    const isLocked = name === 'PasswordException';
    return { refusal: isLocked ? 'It is encrypted.' : 'It is no PDF file that can be read.' };
  }
}

type Item = {
  readonly str: string;
  readonly hasEOL: boolean;
  readonly height: number;
  readonly transform: readonly number[];
};

const toPiece = ({ str, hasEOL, height, transform }: Item): TextPiece => ({
  ...{ text: str, endsLine: hasEOL, height, y: transform[5] },
});

async function factsOf(pdf: Pdf): Promise<Pick<ReadPdf, 'title' | 'author'>> {
  const { info } = await pdf.getMetadata().catch(() => ({ info: {} }));
  const told = new Map(Object.entries(info));
  return { title: plain(told.get('Title')), author: plain(told.get('Author')) };
}

const plain = (value: unknown): string | undefined =>
  (typeof value === 'string' &&
    value
      .replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .trim()
      .slice(0, 500)) ||
  undefined;
