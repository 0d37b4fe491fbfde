/**
 * 'deduplicate-1': keeps the first of equal lines of a text.
 *
 * Only lines of at least 20 characters count, outside fenced code: shorter ones (list marks, braces, table rules) repeat for a
 * reason. Blank lines that come together so are one.
 */
import type { LinedText } from './lined-text.ts';

const LEAST_CHARACTERS = 20;

export function deduplicate(text: string): readonly LinedText[] {
  const seen = new Set<string>();
  const kept: { readonly text: string; readonly line: number }[] = [];
  let fence: string | undefined;
  let dropped = false;
  for (const [index, line] of text.split('\n').entries()) {
    const marker = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    const isCode = fence !== undefined || marker !== undefined;
    if (fence === undefined) fence = marker;
    else if (marker?.startsWith(fence)) fence = undefined;
    const content = line.trim();
    if (!isCode && content.length >= LEAST_CHARACTERS) {
      if (seen.has(content)) {
        dropped = true;
        continue;
      }
      seen.add(content);
    }
    if (dropped && content === '' && (kept.length === 0 || isBlank(kept[kept.length - 1])))
      continue;
    dropped &&= content === '';
    kept.push({ text: line, line: index + 1 });
  }
  while (dropped && kept.length > 0 && isBlank(kept[kept.length - 1])) kept.pop();
  return [{ text: kept.map((line) => line.text).join('\n'), lines: kept.map(({ line }) => line) }];
}

const isBlank = (line: { readonly text: string }): boolean => line.text.trim() === '';
