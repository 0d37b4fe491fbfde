/**
 * 'tag-1': says at the end of a text which words it is about, by a published formula in whole numbers.
 *
 * Candidates are words of at least four letters that occur at least twice and are no function words of English. Each has
 * frequency * min(letters, 12) points; the best five are named in the line `Key terms: a, b, c`, equal ones by the alphabet.
 * A text with fewer than two of them, or that ends with such a line, is left as it is.
 */
import { cutWords, tokenAt } from '@openledger/protocol';
import type { LinedText } from './lined-text.ts';

const MOST_TERMS = 5;
const LEAST_TERMS = 2;
const LEAST_LETTERS = 4;
const LEAST_FREQUENCY = 2;
const MOST_POINTS_A_WORD = 12;
const MARK = 'Key terms: ';

export function tag(text: string): readonly LinedText[] {
  const lines = text.split('\n').map((_, i) => i + 1);
  const isTagged = text.slice(text.lastIndexOf('\n') + 1).startsWith(MARK);
  const terms = isTagged ? [] : termsOf(text);
  if (terms.length < LEAST_TERMS) return [{ text, lines }];
  return [{ text: `${text}\n\n${MARK}${terms.join(', ')}`, lines: [...lines, 1, 1] }];
}

function termsOf(text: string): readonly string[] {
  const frequencies = new Map<string, number>();
  const words = cutWords(text);
  for (let i = 0; i < words.count; i++) {
    const word = tokenAt(words, i).toLowerCase();
    if (!/^\p{L}+$/u.test(word) || word.length < LEAST_LETTERS || functionWords.has(word)) continue;
    frequencies.set(word, (frequencies.get(word) ?? 0) + 1);
  }
  return [...frequencies]
    .filter(([, frequency]) => frequency >= LEAST_FREQUENCY)
    .map(([word, frequency]) => ({
      word,
      points: frequency * Math.min(word.length, MOST_POINTS_A_WORD),
    }))
    .sort((a, b) => b.points - a.points || (a.word < b.word ? -1 : 1))
    .slice(0, MOST_TERMS)
    .map(({ word }) => word);
}

const functionWords = new Set(
  `about above after again against also although always among because been before being below between both cannot could does
  doing done down during each either else even every from further have having here however into itself just less like made make
  many more most much must neither never nothing often once only other others over same shall should since some such than that
  their them then there therefore these they this those though through thus under until upon used uses using very were what when
  where whereas whether which while whose will with within without would your yours`.split(/\s+/),
);
