/** The types of mutants.mjs, which the script that loads them reads without TypeScript. */
export type Mutant = {
  readonly name: string;
  readonly edits: readonly {
    readonly file: string;
    readonly find: string;
    readonly replace: string;
  }[];
};

export const mutants: readonly Mutant[];
