/** What a check looks at, and what it may object. */
import type { RejectionReason } from '@openledger/protocol';
import type { Quality } from '../quality.ts';

export type Objection = { readonly reason: RejectionReason; readonly message: string };

/** What a check may look at. */
export type Candidate = {
  readonly text: string;
  readonly licence: string | undefined;
  /** SPDX ids that the datanet takes. */
  readonly licences: readonly string[];
  readonly quality: Quality;
};

export type Check = (candidate: Candidate) => Objection | undefined;
