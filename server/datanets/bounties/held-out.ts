/** Held-out questions: committed to by their hash when a bounty opens, shown when it closes, so that nobody can change them. */
import { canonicalHash, cutWords, tokenAt } from '@openledger/protocol';
import type { Question } from './measure.ts';
import type { RefinedPassage } from './passages.ts';

/**
 * SHA-256 of the canonical document of the questions.
 *
 * @param heldOut.salt random, so that a short list cannot be guessed from its hash
 */
export const commitmentOf = (heldOut: {
  readonly salt: string;
  readonly questions: readonly Question[];
}): string =>
  canonicalHash({
    version: 'openledger-questions-1',
    salt: heldOut.salt,
    questions: heldOut.questions.map(({ question, documents }) => ({
      question,
      documents: [...documents],
    })),
  });

/** Of a question. A shorter one would be stuffed by accident. */
export const LEAST_WORDS = 3;

/** In lower case. */
export function wordsIn(text: string): readonly string[] {
  const words = cutWords(text);
  const terms: string[] = [];
  for (let i = 0; i < words.count; i++) {
    if (words.wordFlags[i]) terms.push(tokenAt(words, i).toLowerCase());
  }
  return terms;
}

/** Words in a row that a refinement has of a question and not of its source: then it is stuffed. Shorter questions: all of it. */
const STUFFED_WORDS = 8;

/**
 * Leaves out what holds a question's words and does not have them from its source.
 *
 * Nobody should know the questions before the bounty closes; who does all the same gains nothing by writing them into his work.
 *
 * @param sourcesOf all that a parent's refiner could have read: the parent, its document, its title
 */
export function withoutStuffing(
  work: readonly RefinedPassage[],
  questions: readonly Question[],
  sourcesOf: (parent: string) => readonly string[],
): { readonly honest: readonly RefinedPassage[]; readonly stuffed: number } {
  const wanted = new Set(
    questions.flatMap(({ question }) => runsOf(wordsIn(question), STUFFED_WORDS)),
  );
  const lengths = new Set([...wanted].map((run) => run.split(' ').length));
  const known = new Map<string, readonly string[]>(); // many passages have one document
  const wantedIn = (text: string) => {
    const words = wordsIn(text);
    return [...lengths].flatMap((length) => runsOf(words, length).filter((run) => wanted.has(run)));
  };
  const wantedInSource = (text: string) => {
    const found = known.get(text) ?? wantedIn(text);
    known.set(text, found);
    return found;
  };
  const honest = work.filter(({ parent, children }) => {
    const found = children.flatMap(({ text }) => wantedIn(text));
    if (found.length === 0) return true;
    const source = new Set(sourcesOf(parent).flatMap(wantedInSource));
    return found.every((run) => source.has(run));
  });
  return { honest, stuffed: work.length - honest.length };
}

/** So many words in a row as one text; fewer where there are fewer. */
function runsOf(words: readonly string[], length: number): readonly string[] {
  const size = Math.min(length, words.length);
  const runs: string[] = [];
  for (let i = 0; size > 0 && i + size <= words.length; i++) {
    runs.push(words.slice(i, i + size).join(' '));
  }
  return runs;
}
