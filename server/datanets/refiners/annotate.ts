/**
 * 'annotate-1': puts before a passage what it stands under, so that it can be read, and found, alone.
 *
 * One line, `Title > Heading > Heading`, and a blank one: the document's title, then the headings that are open where the
 * passage begins, outermost first, each once. A passage that begins with one of them does not get that one; one that stands under
 * nothing, or already begins with them, is left as it is. Nothing of it is changed.
 */
import type { LinedText } from './lined-text.ts';
import type { Place } from './place.ts';

const SEPARATOR = ' > ';
/** Of one name in the line; what is longer is no name. */
const LONGEST_NAME = 200;

export function annotate(text: string, { title, above }: Place): readonly LinedText[] {
  const lines = text.split('\n');
  const unchanged = [{ text, lines: lines.map((_, i) => i + 1) }];
  const own = headingOf(lines[0]);
  const open = above
    ? openHeadings(above.text.split('\n').slice(0, above.line - 1), own?.level)
    : [];
  const names = [...(title ? [title] : []), ...open]
    .map((name) => name.replaceAll(/\s+/g, ' ').trim())
    .filter((name) => name !== '' && name.length <= LONGEST_NAME && name !== own?.name);
  const context = [...new Set(names)].join(SEPARATOR);
  const isThere = lines[0] === context || lines[0].startsWith(context + SEPARATOR);
  if (context === '' || isThere) return unchanged;
  return [{ text: `${context}\n\n${text}`, lines: [1, 1, ...unchanged[0].lines] }];
}

/** @param level of the heading that comes next: it closes those of its own level and below */
function openHeadings(lines: readonly string[], level: number | undefined): readonly string[] {
  let open: Heading[] = [];
  let fence: string | undefined;
  for (const line of lines) {
    const marker = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined) fence = marker;
    else if (marker?.startsWith(fence)) fence = undefined;
    const heading = fence === undefined ? headingOf(line) : undefined;
    if (heading) open = [...open.filter((outer) => outer.level < heading.level), heading];
  }
  return open.filter((outer) => level === undefined || outer.level < level).map(({ name }) => name);
}

type Heading = { readonly level: number; readonly name: string };

function headingOf(line: string): Heading | undefined {
  const match = /^ {0,3}(#{1,6})\s+(.*)$/.exec(line);
  return match
    ? { level: match[1].length, name: match[2].replace(/\s#+\s*$/, '').trim() }
    : undefined;
}
