/** Where a text stands, as far as a refiner may look. */
export type Place = {
  /** Of the contributed file, where there is one. */
  readonly path: string | undefined;
  /** What its contributor calls the document: `title` in its metadata. */
  readonly title: string | undefined;
  /** The text it was cut out of, and the line of it where it begins, from 1. Undefined where it is whole, or cut out of several. */
  readonly above: { readonly text: string; readonly line: number } | undefined;
};

export const NOWHERE: Place = { path: undefined, title: undefined, above: undefined };
