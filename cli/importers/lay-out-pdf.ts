/** Pieces of text with their places on a page, as lines and paragraphs. */

export type TextPiece = {
  readonly text: string;
  readonly endsLine: boolean;
  /** Of its letters, in points; 0 for a piece that only ends a line. */
  readonly height: number;
  /** Of its baseline, in points from the bottom. */
  readonly y: number;
};

/** Lines of one paragraph are nearer than this many times the height of their letters. */
const PARAGRAPH = 1.7;

type Line = { readonly text: string; readonly y: number; readonly height: number };

/** In the order of the file, which is nearly always that of reading; a gap or a new column begins a paragraph. */
export function layOutPdf(pieces: readonly TextPiece[]): string {
  let text = '';
  let before: Line | undefined;
  for (const line of linesOf(pieces)) {
    if (before) text += beginsParagraph(before, line) ? '\n\n' : '\n';
    text += line.text;
    before = line;
  }
  return text === '' ? '' : `${text}\n`;
}

function* linesOf(pieces: readonly TextPiece[]): Generator<Line> {
  let parts: TextPiece[] = [];
  for (const piece of [...pieces, { text: '', endsLine: true, height: 0, y: 0 }]) {
    parts.push(piece);
    if (!piece.endsLine) continue;
    const text = parts
      .map((part) => part.text)
      .join('')
      .replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .trim();
    const height = Math.max(...parts.map((part) => part.height));
    if (text !== '') yield { text, height, y: parts[0].y };
    parts = [];
  }
}

const beginsParagraph = (before: Line, { y, height }: Line): boolean => {
  const gap = before.y - y;
  return gap < -height || gap > PARAGRAPH * Math.max(height, before.height);
};
