/**
 * What the mock operator and its clients agree on. A prompt's tokens are its words; its first word is `<tag>=<tokens>` and
 * tells how many words the answer has. The answer's first word is the tag, so that nobody can be given another one's.
 */
export type Asked = {
  readonly tag: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
};

/** Words of two bytes and a blank, so that no gateway that bounds tokens by bytes cuts the true count. */
export const promptOf = ({ tag, promptTokens, completionTokens }: Asked): string =>
  `${tag}=${completionTokens}${' ab'.repeat(promptTokens - 1)}`;

/** @param texts the messages' texts in their order */
export function readPrompt(texts: readonly string[]): Asked {
  const words = texts.join(' ').split(/\s+/).filter(Boolean);
  const first = words.find((word) => word.includes('=')) ?? 'nobody=1';
  const [tag, tokens] = first.split('=');
  return { tag, promptTokens: words.length, completionTokens: Number(tokens) };
}

/** Each is an event of its own. */
export const wordOf = (tag: string, at: number): string => (at === 0 ? `${tag} ` : `w${at} `);

/** How many words of an answer are in the text. */
export const countWords = (text: string): number => text.split(' ').length - 1;
