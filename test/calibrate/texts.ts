/** The texts of a calibration: contributors with documents of their own, and others' documents for the base. */
import { existsSync, readFileSync } from 'node:fs';
import { createRandom } from '../../server/compute/random.ts';

export type Texts = {
  readonly name: string;
  readonly base: readonly string[];
  /** A contributor's documents. */
  readonly players: readonly (readonly string[])[];
};

export const EIPS = '../shared/data/corpora/eips/eips.jsonl';

type Eip = { readonly text: string; readonly authors: readonly { readonly id: string }[] };

/** The first authors with the most text are the players; documents that none of them had a part in teach the base. */
export function readEips(players: number): Texts {
  if (!existsSync(EIPS)) throw new Error(`The calibration reads ${EIPS}, which is not here.`);
  const eips: readonly Eip[] = readFileSync(EIPS, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const byAuthor = new Map<string, string[]>();
  for (const { text, authors } of eips) {
    const documents = byAuthor.get(authors[0].id) ?? [];
    documents.push(text);
    byAuthor.set(authors[0].id, documents);
  }
  const size = (documents: readonly string[]) =>
    documents.reduce((sum, { length }) => sum + length, 0);
  const chosen = [...byAuthor]
    .sort(([a, x], [b, y]) => size(y) - size(x) || (a < b ? -1 : 1))
    .slice(0, players);
  const names = new Set(chosen.map(([id]) => id));
  return {
    name: 'EIPs',
    base: eips
      .filter(({ authors }) => !authors.some(({ id }) => names.has(id)))
      .map(({ text }) => text),
    players: chosen.map(([, documents]) => documents),
  };
}

/** Made-up documents, for where the EIPs are not: each player has favourite words and follows rules of his own. */
export function generateTexts(players: number): Texts {
  const random = createRandom(77);
  const word = () =>
    Array.from(
      { length: 2 + random.below(2) },
      () => 'bdgklmnprst'[random.below(11)] + 'aeiou'[random.below(5)],
    ).join('');
  const words = Array.from({ length: 120 }, word);
  const common = Array.from(words, () => [words[random.below(120)], words[random.below(120)]]);
  const write = (own: readonly (readonly string[])[], length: number): string => {
    let at = random.below(words.length);
    return Array.from({ length }, () => {
      const next = own[at][random.below(own[at].length)];
      at = words.indexOf(next);
      return next;
    }).join(' ');
  };
  return {
    name: 'made-up texts',
    base: Array.from({ length: 60 }, () => write(common, 200)),
    players: Array.from({ length: players }, () => {
      const own = common.map((next) =>
        random.uniform() < 0.5 ? next : [words[random.below(120)]],
      );
      return Array.from({ length: 4 }, () => write(own, 260));
    }),
  };
}
