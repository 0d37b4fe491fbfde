/** What can be said without the model: similar words, the same words, and how much text there is. */
import type { Scores } from '../../server/compute/influence/estimators.ts';
import type { Window } from '../../server/models/engine/windows.ts';

type Sides = { readonly records: readonly Window[]; readonly queries: readonly Window[] };

/** The cosine of token counts weighted by rarity. Source: Salton, Buckley, "Term-weighting approaches", 1988. */
export function similarity({ records, queries }: Sides): Scores {
  const holders = new Map<number, number>();
  for (const record of records)
    for (const token of new Set(record)) holders.set(token, (holders.get(token) ?? 0) + 1);
  const vectorOf = (window: Window): ReadonlyMap<number, number> => {
    const vector = new Map<number, number>();
    for (const token of window) {
      const rarity = Math.log((records.length + 1) / ((holders.get(token) ?? 0) + 1));
      vector.set(token, (vector.get(token) ?? 0) + rarity);
    }
    const length = Math.hypot(...vector.values()) || 1;
    return new Map([...vector].map(([token, weight]) => [token, weight / length]));
  };
  const vectors = records.map(vectorOf);
  return queries.map((query) => {
    const own = [...vectorOf(query)];
    return Float64Array.from(vectors, (vector) =>
      own.reduce((sum, [token, weight]) => sum + weight * (vector.get(token) ?? 0), 0),
    );
  });
}

/** Tokens of the query in a run of at least `least` tokens that stands in the record. */
export const covered = ({ records, queries }: Sides, least: number): Scores =>
  queries.map((query) =>
    Float64Array.from(records, (record) => coveredTokens(query, record, least)),
  );

function coveredTokens(query: Window, record: Window, least: number): number {
  let total = 0;
  for (let at = 0; at < query.length; ) {
    let longest = 0;
    for (let from = 0; from < record.length; from++) {
      let length = 0;
      while (at + length < query.length && query[at + length] === record[from + length]) length++;
      longest = Math.max(longest, length);
    }
    total += longest >= least ? longest : 0;
    at += longest >= least ? longest : 1;
  }
  return total;
}

/** The information of the record's own tokens, whatever is asked. */
export function prior({ records, queries }: Sides): Scores {
  const counts = new Map<number, number>();
  let all = 0;
  for (const record of records)
    for (const token of record) {
      counts.set(token, (counts.get(token) ?? 0) + 1);
      all++;
    }
  const row = Float64Array.from(records, (record) =>
    record.reduce((sum, token) => sum + Math.log2(all / (counts.get(token) ?? 1)), 0),
  );
  return queries.map(() => row);
}
