/** Runs refiners, one after the other, over passages: each takes what the one before it has left. */
import { setImmediate } from 'node:timers/promises';
import { sha256Hex } from '@openledger/protocol';
import type { LinedText } from '../refiners/lined-text.ts';
import { NOWHERE, type Place } from '../refiners/place.ts';
import type { Child, Passages, RefinedPassage } from './passages.ts';

/** A refiner by its name, or a model's. */
export type Step = {
  readonly refinement: string;
  readonly adds: boolean;
  /** What stands for the text, or beside it. */
  readonly refine: (
    text: string,
    place: Place,
  ) => readonly LinedText[] | Promise<readonly LinedText[]>;
};

/** Texts between two of which others get their turn. */
const AT_ONCE = 200;

/** @returns what was changed, in an order in which it can be applied; what a refiner leaves as it is does not appear */
export async function runPipeline(
  passages: Passages,
  places: ReadonlyMap<string, Place>,
  steps: readonly Step[],
): Promise<readonly RefinedPassage[]> {
  const work: RefinedPassage[] = [];
  let standing = [...passages.values()].map(({ hash, text }) => ({
    ...{ hash, text },
    place: places.get(hash) ?? NOWHERE,
  }));
  for (const { refinement, adds, refine } of steps) {
    const left = new Map<string, (typeof standing)[number]>();
    for (const [i, one] of standing.entries()) {
      if (i % AT_ONCE === AT_ONCE - 1) await setImmediate();
      const children = childrenOf(await refine(one.text, one.place));
      const isUnchanged = children.some(({ hash }) => hash === one.hash);
      if (adds || isUnchanged) left.set(one.hash, one);
      if (isUnchanged || (adds && children.length === 0)) continue;
      work.push({ parent: one.hash, refinement, adds, children });
      for (const { hash, text, lines } of children) {
        const above = left.has(hash) ? undefined : { text: one.text, line: lines[0] };
        left.set(hash, { hash, text, place: { ...one.place, above } });
      }
    }
    standing = [...left.values()];
  }
  return work;
}

/** A text that is there twice is one. */
const childrenOf = (texts: readonly LinedText[]): readonly Child[] => [
  ...new Map(
    texts.map(({ text, lines }) => [sha256Hex(text), { hash: sha256Hex(text), text, lines }]),
  ).values(),
];
