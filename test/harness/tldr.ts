/** The tldr pages with the writers of each line, as drafts; where the real corpora stand beside the project. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  lineAuthorship,
  lineWeights,
  visibleCharacters,
} from '../../cli/importers/line-weights.ts';

const folder = fileURLToPath(new URL('../../../shared/data/corpora/tldr', import.meta.url));

export const tldrIsHere = (): boolean => existsSync(folder);

export type TldrDraft = {
  readonly text: string;
  readonly licence: string;
  readonly contributors: readonly { readonly handle: string; readonly weight: number }[];
  readonly authorship: readonly { readonly lines: number; readonly by: readonly number[] }[];
  readonly path: string;
};

/** A line's author and co-authors share it alike. */
export function tldrDrafts(): readonly TldrDraft[] {
  const commits = rowsOf<{ k: number; author: string; coauthors: readonly string[] }>(
    'commits.jsonl',
  );
  const writersOf = new Map(
    commits.map(({ k, author, coauthors }) => [k, [...new Set([author, ...coauthors])]]),
  );
  const pages = rowsOf<{ text: string; path: string; line_commit: readonly number[] }>(
    'pages_2025-12-31.jsonl',
  );
  return pages.map(({ text, path, line_commit }) => {
    const lines = text
      .split('\n')
      .slice(0, line_commit.length)
      .map((line, i) => ({
        characters: visibleCharacters(line),
        writers: writersOf.get(line_commit[i]) ?? [],
      }));
    const weights = lineWeights(lines);
    return {
      ...{ text, path, licence: 'CC-BY-4.0' },
      contributors: weights.map(({ writer, weight }) => ({
        handle: writer.replace(':', '-'),
        weight,
      })),
      authorship: lineAuthorship(
        lines,
        weights.map(({ writer }) => writer),
      ),
    };
  });
}

const rowsOf = <Row>(name: string): readonly Row[] =>
  readFileSync(join(folder, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
