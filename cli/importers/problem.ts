/** Something in a source that could not be read as a record. The rest of the source goes in. */
export type Problem = {
  readonly path: string;
  /** From 1, where the source has lines. */
  readonly line?: number;
  readonly message: string;
};

/** What all importers take beside their source. */
export type ImporterOptions = {
  /** SPDX id for texts whose source does not name one. */
  readonly licence?: string;
  readonly onProblem?: (problem: Problem) => void;
};

/** Which member of a row is what, where its name does not say so. */
export type RowOptions = ImporterOptions & {
  /** Absent: `text`. */
  readonly textColumn?: string;
  /** Absent: the first of `contributors`, `contributor`, `author` that a row has. */
  readonly contributorColumn?: string;
};
