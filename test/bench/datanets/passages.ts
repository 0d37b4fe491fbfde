/**
 * As many passages as are wanted, of real text: sentences of the EIPs and tldr pages beside the project, or of the READMEs of
 * installed packages where those are absent, put together anew. Words and how often they occur are real; a passage keeps to
 * one document for most of its sentences, so that its words go together.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom, type Random } from '../../../server/compute/random.ts';

export type Material = {
  readonly from: string;
  /** Of one document each. */
  readonly sentences: readonly (readonly string[])[];
  /** Titles and headings, as people would ask. */
  readonly queries: readonly string[];
};

const corpora = fileURLToPath(new URL('../../../../shared/data/corpora', import.meta.url));
const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

export function gatherMaterial(): Material {
  const isHere = existsSync(join(corpora, 'eips/eips.jsonl'));
  const texts = isHere ? [...textsOf('eips/eips.jsonl'), ...textsOf('tldr')] : readmes(modules);
  const documents = texts.map(({ title, text }) => ({ title, sentences: sentencesOf(text) }));
  const headings = texts.flatMap(({ text }) =>
    [...text.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading]) => heading),
  );
  const asked = [
    ...texts.map(({ title }) => title),
    ...headings,
    ...documents.flatMap(descriptions),
  ];
  return {
    from: isHere ? 'EIPs and tldr pages' : 'READMEs of installed packages',
    sentences: documents.map(({ sentences }) => sentences).filter((some) => some.length > 0),
    queries: [...new Set(asked)].filter(isAskable),
  };
}

/** Two to twelve words. */
const isAskable = (query: string): boolean => {
  const words = query.split(/\s+/).filter((word) => /\w/.test(word)).length;
  return words >= 2 && words <= MOST_WORDS;
};
const MOST_WORDS = 12;

type Text = { readonly title: string; readonly text: string };

function textsOf(place: string): readonly Text[] {
  const path = join(corpora, place);
  if (!existsSync(path)) return [];
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((file) => file.startsWith('pages'))
        .map((file) => join(path, file))
    : [path];
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly title?: string; readonly text?: string })
      .flatMap(({ title = '', text }) => (text ? [{ title, text }] : [])),
  );
}

const readmes = (folder: string): readonly Text[] =>
  readdirSync(folder)
    .map((name) => ({ name, file: join(folder, name, 'README.md') }))
    .filter(({ file }) => existsSync(file))
    .map(({ name, file }) => ({ title: name, text: readFileSync(file, 'utf8') }));

const sentencesOf = (text: string): readonly string[] =>
  text
    .split(/\n+|(?<=[.!?]) +/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence.length >= 20 && sentence.length <= 400);

/** What a tldr page says its command does. */
const descriptions = ({ sentences }: { readonly sentences: readonly string[] }) =>
  sentences.filter((sentence) => /^[>-] /.test(sentence)).map((sentence) => sentence.slice(2));

/** Of ten sentences, those that come from other documents. */
const STRAY = 2;
const LEAST_CHARACTERS = 500;
/** Passages of one made-up document. */
const TOGETHER = 8;

export function* drawPassages(
  { sentences }: Material,
  count: number,
): Generator<{ readonly text: string; readonly document: number }> {
  const random = createRandom(11);
  const any = <T>(items: readonly T[], by: Random): T => items[by.below(items.length)];
  let own = any(sentences, random);
  for (let i = 0; i < count; i++) {
    if (i % TOGETHER === 0) own = any(sentences, random);
    const parts: string[] = [];
    for (let size = 0; size < LEAST_CHARACTERS; size += parts[parts.length - 1].length) {
      parts.push(any(random.below(10) < STRAY ? any(sentences, random) : own, random));
    }
    yield { text: parts.join(' '), document: Math.floor(i / TOGETHER) };
  }
}
