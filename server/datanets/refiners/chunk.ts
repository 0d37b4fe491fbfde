/**
 * 'chunk-1': cuts a text where it has joints, into pieces that say one thing and fit beside others in a prompt.
 *
 * Blocks (paragraphs, lists, fenced code) are packed in order up to 1,200 characters; a heading begins a new chunk once
 * the one before has 300, and is never the last line of a chunk. Longer blocks are cut at line ends, longer lines at
 * spaces. Nothing overlaps, and nothing but blank lines between chunks is lost.
 */
import type { LinedText } from './lined-text.ts';

const MOST_CHARACTERS = 1200;
/** A chunk of this size ends before a heading. */
const ENOUGH_CHARACTERS = 300;
/** A last chunk below this joins the one before, if both stay below `MOST_WITH_REST`. */
const LEAST_CHARACTERS = 160;
const MOST_WITH_REST = 1400;

/** A line, or a part of one too long for a chunk. */
type Piece = { readonly text: string; readonly line: number; readonly continued: boolean };
type Block = readonly Piece[];

export function chunk(text: string): readonly LinedText[] {
  const chunks: Block[] = [];
  let open: Piece[] = [];
  const close = () => {
    const headings = trailingHeadings(open);
    const body = open.slice(0, open.length - headings.length);
    if (isBlank(body)) return;
    chunks.push(body);
    open = [...headings];
  };
  for (const block of blocksOf(text)) {
    const size = sizeOf(open);
    const tooLarge = size > 0 && size + sizeOf(block) > MOST_CHARACTERS;
    if (tooLarge || (isHeading(block[0]) && size >= ENOUGH_CHARACTERS)) close();
    open.push(...block);
  }
  if (!isBlank(open)) chunks.push(open);
  return joinedRest(chunks).map(toText);
}

/** Blocks in order, each with the blank lines that follow it, none larger than a chunk. */
function* blocksOf(text: string): Generator<Block> {
  let block: Piece[] = [];
  let fence: string | undefined;
  for (const piece of piecesOf(text)) {
    const before = block[block.length - 1];
    const begins =
      before !== undefined &&
      fence === undefined &&
      ((before.text.trim() === '' && piece.text.trim() !== '') ||
        isHeading(piece) ||
        isHeading(before));
    const tooLarge = sizeOf(block) + piece.text.length + 1 > MOST_CHARACTERS;
    if (before !== undefined && (begins || tooLarge)) {
      yield block;
      block = [];
    }
    block.push(piece);
    const marker = /^ {0,3}(`{3,}|~{3,})/.exec(piece.text)?.[1];
    if (fence === undefined) fence = marker;
    else if (marker?.startsWith(fence)) fence = undefined;
  }
  if (block.length > 0) yield block;
}

function* piecesOf(text: string): Generator<Piece> {
  for (const [index, whole] of text.split('\n').entries()) {
    let rest = whole;
    let continued = false;
    while (rest.length > MOST_CHARACTERS) {
      const space = rest.lastIndexOf(' ', MOST_CHARACTERS - 1);
      const cut = wholeCharacters(rest, space > MOST_CHARACTERS / 2 ? space + 1 : MOST_CHARACTERS);
      yield { text: rest.slice(0, cut), line: index + 1, continued };
      rest = rest.slice(cut);
      continued = true;
    }
    yield { text: rest, line: index + 1, continued };
  }
}

/** Never between the halves of a surrogate pair. */
const wholeCharacters = (text: string, cut: number): number =>
  /[\ud800-\udbff]/.test(text[cut - 1]) ? cut - 1 : cut;

function joinedRest(chunks: readonly Block[]): readonly Block[] {
  const last = chunks[chunks.length - 1];
  const before = chunks[chunks.length - 2];
  if (!before || sizeOf(last) >= LEAST_CHARACTERS) return chunks;
  if (sizeOf(before) + sizeOf(last) > MOST_WITH_REST) return chunks;
  return [...chunks.slice(0, -2), [...before, ...last]];
}

/** The text of a chunk without blank lines around it. */
function toText(block: Block): LinedText {
  let start = 0;
  let end = block.length;
  while (block[start].text.trim() === '') start++;
  while (block[end - 1].text.trim() === '') end--;
  const pieces = block.slice(start, end);
  const text = pieces
    .map((piece, i) => (i > 0 && !piece.continued ? '\n' : '') + piece.text)
    .join('');
  const lines = pieces.filter((piece, i) => i === 0 || !piece.continued).map(({ line }) => line);
  return { text: text.trimEnd(), lines };
}

function trailingHeadings(pieces: readonly Piece[]): readonly Piece[] {
  let from = pieces.length;
  while (from > 0 && (isHeading(pieces[from - 1]) || pieces[from - 1].text.trim() === '')) from--;
  return pieces.slice(from);
}

const isHeading = (piece: Piece): boolean => !piece.continued && /^ {0,3}#{1,6}\s/.test(piece.text);

const isBlank = (pieces: readonly Piece[]): boolean =>
  pieces.every(({ text }) => text.trim() === '');

const sizeOf = (pieces: readonly Piece[]): number =>
  pieces.reduce((size, { text }) => size + text.length + 1, 0);
