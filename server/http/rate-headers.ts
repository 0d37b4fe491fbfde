/** A key's rates as the headers that OpenAI's and Anthropic's clients know. */
import type { Rate, Rates } from '../gateway/index.ts';

type Headers = Readonly<Record<string, string>>;

export const openAiRateHeaders = (rates: Rates | undefined): Headers =>
  headersOf(rates, (what, { limit, remaining, resetMs }) => ({
    [`x-ratelimit-limit-${what}`]: `${limit}`,
    [`x-ratelimit-remaining-${what}`]: `${remaining}`,
    [`x-ratelimit-reset-${what}`]: formatDuration(resetMs),
  }));

/** @param now for a moment in place of a duration */
export const anthropicRateHeaders = (rates: Rates | undefined, now: Date): Headers =>
  headersOf(rates, (what, { limit, remaining, resetMs }) => ({
    [`anthropic-ratelimit-${what}-limit`]: `${limit}`,
    [`anthropic-ratelimit-${what}-remaining`]: `${remaining}`,
    [`anthropic-ratelimit-${what}-reset`]: new Date(now.getTime() + resetMs).toISOString(),
  }));

const headersOf = (
  rates: Rates | undefined,
  told: (what: 'requests' | 'tokens', rate: Rate) => Headers,
): Headers => ({
  ...(rates?.requests && told('requests', rates.requests)),
  ...(rates?.tokens && told('tokens', rates.tokens)),
});

/** As Go writes durations: 0s, 20ms, 7.66s, 1m0s. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 1000) return `${ms}ms`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes > 0 ? `${minutes}m` : ''}${(ms - minutes * 60_000) / 1000}s`;
}
