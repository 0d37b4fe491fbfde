/**
 * 'clean-1': leaves of a Markdown page what a reader reads.
 *
 * It only ever deletes, never within code: badges and images, HTML comments and tags, link targets and definitions,
 * white space at line ends, all but one of several blank lines. Words stay verbatim and each line knows where it stood.
 * Patterns are bounded, so a page of any shape is cleaned in linear time. Files of other kinds, program code above all,
 * are left alone: what is markup there, here would be text.
 */
import type { LinedText } from './lined-text.ts';

export function clean(text: string, path?: string): readonly LinedText[] {
  if (path !== undefined && !isPage(path)) return [{ text, lines: everyLine(text) }];
  const kept: { text: string; line: number }[] = [];
  let fence: string | undefined;
  let inComment = false;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd();
    const marker = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== undefined || (marker !== undefined && !inComment)) {
      kept.push({ text: line, line: index + 1 });
      fence = nextFence(fence, marker);
      continue;
    }
    const uncommented = withoutComments(line, inComment);
    inComment = uncommented.inComment;
    const cleaned = withoutMarkup(uncommented.text);
    const emptied = cleaned === '' && line !== '';
    const follows = kept.length > 0 && kept[kept.length - 1].text !== '';
    if (!emptied && (cleaned !== '' || follows)) kept.push({ text: cleaned, line: index + 1 });
  }
  while (kept.length > 0 && kept[kept.length - 1].text === '') kept.pop();
  if (kept.length === 0) return [];
  return [{ text: kept.map((line) => line.text).join('\n'), lines: kept.map(({ line }) => line) }];
}

/** Pages of text, and files without an extension, such as README. */
const isPage = (path: string): boolean =>
  /(?:^|\/)(?:[^./]+|[^/]+\.(?:md|markdown|mdx|txt|text|rst|adoc|html?|jsonl|ndjson))$/i.test(path);

const everyLine = (text: string): readonly number[] => text.split('\n').map((_, i) => i + 1);

/** A fence closes with at least as many of its own characters. */
const nextFence = (open: string | undefined, marker: string | undefined): string | undefined => {
  if (open === undefined) return marker;
  return marker?.startsWith(open) ? undefined : open;
};

function withoutComments(
  line: string,
  begunBefore: boolean,
): { readonly text: string; readonly inComment: boolean } {
  let text = '';
  let inComment = begunBefore;
  for (let at = 0; at < line.length; ) {
    const next = line.indexOf(inComment ? '-->' : '<!--', at);
    if (!inComment) text += line.slice(at, next < 0 ? line.length : next);
    if (next < 0) break;
    at = next + (inComment ? 3 : 4);
    inComment = !inComment;
  }
  return { text, inComment };
}

/** Links in links and images in links come off layer by layer; nobody writes more of them. */
const MOST_LAYERS = 4;

function withoutMarkup(line: string): string {
  if (DEFINITION.test(line)) return '';
  const parts = line.split(/(`[^`]{1,500}`)/); // every second one is code
  const cleaned = parts.map((part, i) => (i % 2 === 1 ? part : withoutLayers(part)));
  return cleaned.join('').trimEnd();
}

function withoutLayers(text: string): string {
  let cleaned = text;
  for (let layer = 0; layer < MOST_LAYERS; layer++) {
    const before = cleaned;
    cleaned = cleaned.replace(IMAGE, '').replace(LINK, '$1').replace(TAG, '');
    if (cleaned === before) break;
  }
  return cleaned;
}

/** `[name]: https://...`, but no footnote. */
const DEFINITION = /^ {0,3}\[(?!\^)[^\]]{1,200}\]:[ \t]*\S/;
const IMAGE = /!\[[^[\]]{0,300}\](?:\([^()\n]{0,1000}\)|\[[^[\]]{0,200}\])/g;
const LINK =
  /(?<![\w\]])\[([^[\]]{0,300})\](?:\([^()\s]{0,1000}(?:[ \t]{1,4}["'][^"'()]{0,200}["'])?\)|\[[^[\]]{0,200}\])/g;
const TAG =
  /<\/?(?:a|abbr|article|aside|b|big|blockquote|br|center|code|dd|details|div|dl|dt|em|figure|figcaption|font|footer|h[1-6]|header|hr|i|img|kbd|li|main|mark|nav|ol|p|picture|pre|samp|section|small|source|span|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|video)(?:\s[^<>]{0,1000})?\/?>/gi;
