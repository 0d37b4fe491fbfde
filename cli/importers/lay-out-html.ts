/** Elements of a page as plain text that keeps its structure: headings, lists, quotations, code and tables, as Markdown. */

/** As much of a DOM as is read. */
export type DomNode = {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly textContent: string | null;
  readonly childNodes: Iterable<DomNode>;
};

const LEFT_OUT =
  /^(?:script|style|noscript|template|iframe|frame|object|embed|applet|svg|math|canvas|audio|video|img|picture|form|input|button|select|textarea|head|link|meta|base)$/i;
const BLOCK =
  /^(?:address|article|aside|blockquote|body|caption|dd|details|dialog|div|dl|dt|figcaption|figure|footer|h[1-6]|header|hgroup|hr|html|li|main|menu|nav|ol|p|pre|section|summary|table|tbody|td|tfoot|th|thead|tr|ul)$/i;

/** Blocks with an empty line between two of them; an empty text where nothing is to be read. */
export function layOutHtml(root: DomNode): string {
  const blocks = blocksOf(root);
  return blocks.length > 0 ? `${blocks.join('\n\n')}\n` : '';
}

function blocksOf(parent: DomNode): readonly string[] {
  const blocks: string[] = [];
  let run = '';
  const finish = () => {
    const text = tidy(run);
    if (text !== '') blocks.push(text);
    run = '';
  };
  for (const node of parent.childNodes) {
    if (!BLOCK.test(node.nodeName)) run += inlineOf(node);
    else {
      finish();
      blocks.push(...blockOf(node).filter((block) => block.trim() !== ''));
    }
  }
  finish();
  return blocks;
}

function blockOf(node: DomNode): readonly string[] {
  const name = node.nodeName.toLowerCase();
  const heading = /^h([1-6])$/.exec(name);
  if (heading) {
    const text = tidy(inlineOf(node)).replaceAll('\n', ' ');
    return text === '' ? [] : [`${'#'.repeat(Number(heading[1]))} ${text}`];
  }
  if (name === 'pre') return [fenced(codeOf(node).replace(/^\n/, '').trimEnd())];
  if (name === 'ul' || name === 'ol' || name === 'menu') return [listOf(node, name === 'ol')];
  if (name === 'blockquote') return [prefixed(blocksOf(node).join('\n\n'), '> ', '> ')];
  if (name === 'tr') return [rowOf(node)];
  if (name === 'table' || /^t(?:head|body|foot)$/.test(name)) return [blocksOf(node).join('\n')];
  return name === 'hr' ? ['---'] : blocksOf(node);
}

function listOf(list: DomNode, isNumbered: boolean): string {
  const items = [...list.childNodes].filter(({ nodeType }) => nodeType === 1);
  const lines = items.map((item) => {
    const isItem = /^li$/i.test(item.nodeName);
    return isItem ? blocksOf(item).join('\n') : blockOf(item).join('\n');
  });
  return lines
    .filter((text) => text !== '')
    .map((text, i) => {
      const mark = isNumbered ? `${i + 1}. ` : '- ';
      return prefixed(text, mark, ' '.repeat(mark.length));
    })
    .join('\n');
}

const rowOf = (row: DomNode): string =>
  [...row.childNodes]
    .filter(({ nodeName }) => /^t[dh]$/i.test(nodeName))
    .map((cell) => tidy(inlineOf(cell)).replaceAll('\n', ' '))
    .join(' | ');

const prefixed = (text: string, first: string, others: string): string =>
  text
    .split('\n')
    .map((line, i) => (i === 0 ? first + line : (others + line).trimEnd()))
    .join('\n');

/** With a fence that is longer than any inside. */
function fenced(code: string): string {
  if (code.trim() === '') return '';
  const inside = code.match(/`{3,}/g) ?? [];
  const fence = '`'.repeat(Math.max(3, ...inside.map(({ length }) => length + 1)));
  return `${fence}\n${code}\n${fence}`;
}

/** White space as it stands; lines broken by `br` too. */
function codeOf(node: DomNode): string {
  if (node.nodeType === 3) return (node.textContent ?? '').replaceAll('\r\n', '\n');
  if (/^br$/i.test(node.nodeName)) return '\n';
  if (node.nodeType !== 1 || LEFT_OUT.test(node.nodeName)) return '';
  return [...node.childNodes].map(codeOf).join('');
}

/** A line break of the page is `\n`; white space of its source is one space. */
function inlineOf(node: DomNode): string {
  if (node.nodeType === 3) return (node.textContent ?? '').replaceAll(/[ \t\r\n\f]+/g, ' ');
  if (node.nodeType !== 1 || LEFT_OUT.test(node.nodeName)) return '';
  if (/^br$/i.test(node.nodeName)) return '\n';
  const inside = [...node.childNodes].map(inlineOf).join('');
  if (/^(?:code|kbd|samp)$/i.test(node.nodeName) && /^[^`\n]*\S[^`\n]*$/.test(inside))
    return `\`${inside.trim()}\``;
  return BLOCK.test(node.nodeName) ? `\n${inside}\n` : inside;
}

const tidy = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' ').trim())
    .filter((line) => line !== '')
    .join('\n');
