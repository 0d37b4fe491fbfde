/** What a call is charged, however it ends. A pure rule: the one place where it is decided. */
import { priceOf } from '@openledger/protocol';
import { type Counts, meter, type Pricing, type Usage } from './price.ts';

/** How a call ended. */
export type CallEnd =
  /** Normally. */
  | { readonly kind: 'ended'; readonly reported: Usage | undefined }
  /** The client has gone. */
  | { readonly kind: 'left' }
  /** The operator has failed, or was stopped. */
  | { readonly kind: 'failed' };

/** Streamed text is delivered as it is read; a whole answer at its normal end or not at all. */
export type Delivery = 'streamed' | 'whole';

export type Delivered = {
  readonly text: string;
  readonly delivery: Delivery;
  readonly own: Usage;
  /** Whether ours is by the model's own tokenizer. */
  readonly isOwnExact: boolean;
  /** What was reserved, and what the delivered text can have been. */
  readonly atMost: Usage;
};

export type Charge = { readonly kind: 'nothing' } | Charged;

type Charged = {
  readonly kind: 'usage';
  readonly usage: Usage;
  readonly units: bigint;
  /** Not vouched for by a count that both sides make: the payer may dispute it. */
  readonly estimated: boolean;
};

/**
 * Nothing where nobody got any text; white space alone is none. Else the operator's count at a normal end, cross-checked with ours, and ours for what
 * was forwarded at any other.
 */
export function chargeOf(
  end: CallEnd,
  { text, delivery, own, isOwnExact, atMost }: Delivered,
  pricing: Pricing,
): Charge {
  const hasReached = delivery === 'streamed' || end.kind === 'ended';
  if (text.trim() === '' || !hasReached) return { kind: 'nothing' };
  const reported = end.kind === 'ended' ? end.reported : undefined;
  const { usage, estimated } = meter({ reported, own, isOwnExact, atMost });
  return { kind: 'usage', usage, units: priceOf(pricing, usage), estimated };
}

/**
 * Of vectors that were delivered whole, though there is no text. They come in one piece: at any other end nobody has got one, and
 * there is no charge.
 */
export function chargeOfVectors(counts: Counts, pricing: Pricing): Omit<Charged, 'kind'> {
  const { usage, estimated } = meter(counts);
  return { usage, units: priceOf(pricing, usage), estimated };
}
