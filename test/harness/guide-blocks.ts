/** The code blocks of a guide, as things to do and things to see. */

export type GuideBlock = { readonly line: number } & (
  | { readonly kind: 'sh'; readonly text: string }
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  /** What the block before it prints: `...` stands for anything. */
  | { readonly kind: 'text'; readonly shows: RegExp }
  | { readonly kind: 'no-run' }
);

/** Blocks in other languages (`json`, `ini`) are only shown. @throws when an `sh` or `js` block cannot be understood */
export function readBlocks(markdown: string): readonly GuideBlock[] {
  const fences = /^```([a-z]+)(.*)\n([\s\S]*?)^```$/gm;
  return [...markdown.matchAll(fences)].flatMap(
    ({ 0: _, 1: language, 2: note, 3: text, index }) => {
      const line = markdown.slice(0, index).split('\n').length;
      const block = toBlock(language, note.trim(), text);
      return block ? [{ line, ...block }] : [];
    },
  );
}

type Unplaced<Block> = Block extends GuideBlock ? Omit<Block, 'line'> : never;

function toBlock(language: string, note: string, text: string): Unplaced<GuideBlock> | undefined {
  if (language === 'text') return { kind: 'text', shows: patternOf(text) };
  if (language !== 'sh' && language !== 'js') return undefined;
  if (/^no-run: \S/.test(note)) return { kind: 'no-run' };
  if (language === 'sh' && note === '') return { kind: 'sh', text };
  if (language === 'js' && /^[a-z-]+\.mjs$/.test(note)) return { kind: 'file', name: note, text };
  throw new Error(`Neither run, nor named, nor excused: \`\`\`${language} ${note}\n${text}`);
}

/** Columns are as wide as their widest cell, so any number of spaces stands for any other. */
const patternOf = (text: string): RegExp =>
  new RegExp(text.trim().split('...').map(escaped).join('[\\s\\S]*?'));

const escaped = (text: string): string =>
  text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(/ +/g, ' +');
