/**
 * The honest yardstick for a small model: how well do counts of token pairs predict the same text?
 *
 * p(b | a) = (count(a b) + k p(b)) / (count(a) + k), and p(b) = (count(b) + 1) / (tokens + vocabulary).
 * Source: MacKay, Peto, "A hierarchical Dirichlet language model", 1995.
 */
import type { TokenStream, Window } from './windows.ts';

/** The strengths tried for k: the number of pairs that the prior is worth. */
const strengths = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/**
 * The mean loss, in nats a token, of a bigram model of `training` on the windows that the model is measured on.
 *
 * k is chosen on those same windows, in the yardstick's favour.
 */
export function bigramLoss(
  training: TokenStream,
  windows: readonly Window[],
  { vocabularySize }: { readonly vocabularySize: number },
): number {
  const singles = new Int32Array(vocabularySize);
  const pairs = new Map<number, number>();
  for (let i = 0; i < training.length; i++) {
    const [a, b] = [training[i], training[(i + 1) % training.length]];
    singles[a]++;
    pairs.set(a * vocabularySize + b, (pairs.get(a * vocabularySize + b) ?? 0) + 1);
  }
  const losses = strengths.map((k) => {
    let total = 0;
    let tokens = 0;
    for (const window of windows) {
      for (let i = 1; i < window.length; i++) {
        const [a, b] = [window[i - 1], window[i]];
        const prior = (singles[b] + 1) / (training.length + vocabularySize);
        const seen = pairs.get(a * vocabularySize + b) ?? 0;
        total -= Math.log((seen + k * prior) / (singles[a] + k));
        tokens++;
      }
    }
    return total / tokens;
  });
  return Math.min(...losses);
}
