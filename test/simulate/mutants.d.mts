export type Mutant = {
  readonly name: string;
  readonly edits: readonly {
    readonly file: string;
    readonly find: string;
    readonly replace: string;
  }[];
};
export declare const mutants: readonly Mutant[];
export declare const variants: readonly Mutant[];
