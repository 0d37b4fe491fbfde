/** What the loop has done since the beginning. */
export type Counts = {
  readonly executions: number;
  readonly attributed: number;
  readonly grounded: number;
  readonly distributions: number;
  readonly feesUnits: bigint;
  readonly creditedUnits: bigint;
  readonly partiesCredited: number;
  readonly payouts: number;
  readonly paidUnits: bigint;
  /** Announcements that wait or are being delivered, by name. */
  readonly jobsWaiting: Readonly<Record<string, number>>;
  readonly creditMs: { readonly p50: number; readonly p99: number } | undefined;
};
