/** What the server and the process of the indexes say to each other. */
import type { Found, PassageSearch } from './search-segments.ts';
import type { Passage } from './segment.ts';

/** Things that can be asked, each of the index of one datanet. */
export type Requests = {
  /** The hashes that are not there. */
  readonly keep: { readonly hashes: readonly string[]; readonly answer: readonly string[] };
  /** How many passages can be found already. */
  readonly add: { readonly passages: readonly Passage[]; readonly answer: number };
  readonly finish: { readonly answer: undefined };
  readonly strike: { readonly hashes: readonly string[]; readonly answer: undefined };
  readonly search: { readonly search: PassageSearch; readonly answer: Found };
  readonly withoutVector: { readonly limit: number; readonly answer: readonly string[] };
  readonly addVectors: {
    readonly hashes: readonly string[];
    readonly vectors: readonly Float32Array[];
    readonly answer: undefined;
  };
  /** Bytes held and passages that can be found. */
  readonly measure: { readonly answer: { readonly bytes: number; readonly passages: number } };
  /** The index is gone afterwards. */
  readonly forget: { readonly answer: undefined };
};

export type RequestKind = keyof Requests;

export type Asked<Kind extends RequestKind> = Omit<Requests[Kind], 'answer'>;
export type Answered<Kind extends RequestKind> = Requests[Kind]['answer'];

export type ToIndexes = {
  readonly [Kind in RequestKind]: {
    readonly kind: Kind;
    readonly id: number;
    readonly index: string;
  } & Asked<Kind>;
}[RequestKind];

export type FromIndexes =
  | { readonly id: number; readonly answer: Answered<RequestKind> }
  | { readonly id: number; readonly failure: string };
