/** Joins words that were cut at the ends of lines, where the document itself says how they are written. */

const WORD = /\p{L}+(?:-\p{L}+)*/gu;
const CUT = /(?<![\p{L}-])(\p{L}+)[-\u2010]\n(\p{Ll}+)(?![\p{L}-])/gu;

/**
 * A soft hyphen is always a cut. A hyphen at a line's end is one where the word stands whole elsewhere (`exam-/ple`,
 * `example`); it belongs to the word where that stands with it (`well-/known`, `well-known`); otherwise nobody knows, and
 * both lines stay as they are.
 */
export function joinHyphens(pages: readonly string[]): readonly string[] {
  const known = new Set<string>();
  for (const page of pages) {
    for (const [word] of page.replaceAll(CUT, ' ').matchAll(WORD)) known.add(word.toLowerCase());
  }
  return pages.map((page) =>
    page.replaceAll(/\u00ad\n?/g, '').replaceAll(CUT, (cut, left: string, right: string) => {
      const isKnown = (word: string) => known.has(word.toLowerCase());
      if (isKnown(`${left}-${right}`)) return `${left}-${right}`;
      return isKnown(left + right) ? left + right : cut;
    }),
  );
}
