/** What a call is charged, however it ends. A pure rule: the one place where it is decided. */
import { priceOf } from '@openledger/protocol';
import { type Counts, type Metered, meter, type Own, type Pricing, type Usage } from './price.ts';

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
  readonly own: Own;
  /** What was reserved, and what the delivered text can have been. */
  readonly atMost: Usage;
};

export type Charge = { readonly kind: 'nothing' } | Charged;

type Charged = Metered & { readonly kind: 'usage'; readonly units: bigint };

/**
 * Nothing where nobody got any text; white space alone is none. Else the operator's count at a normal end, cross-checked with ours, and ours for what
 * was forwarded at any other.
 */
export function chargeOf(
  end: CallEnd,
  { text, delivery, own, atMost }: Delivered,
  pricing: Pricing,
): Charge {
  const hasReached = delivery === 'streamed' || end.kind === 'ended';
  if (text.trim() === '' || !hasReached) return { kind: 'nothing' };
  const reported = end.kind === 'ended' ? end.reported : undefined;
  const metered = meter({ reported, own, atMost });
  return { kind: 'usage', units: priceOf(pricing, metered.usage), ...metered };
}

/**
 * Of vectors that were delivered whole, though there is no text. They come in one piece: at any other end nobody has got one, and
 * there is no charge.
 */
export function chargeOfVectors(counts: Counts, pricing: Pricing): Omit<Charged, 'kind'> {
  const metered = meter(counts);
  return { units: priceOf(pricing, metered.usage), ...metered };
}
