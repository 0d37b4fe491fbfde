/** What the first loop prints: who was paid, and why. */
import { dirname, join } from 'node:path';
import {
  type api,
  attributableIn,
  type Client,
  type EvidenceSpan,
  formatOpen,
  type OutputOf,
  ownersIn,
  passageEarnings,
} from '@openledger/sdk';
import type { Check, FeesSummary, Receipted } from './check.ts';
import type { Output } from './progress.ts';
import type { Settlement } from './settle.ts';
import { sourceLine } from './source-line.ts';
import type { TrainedModel } from './train.ts';

export type Report = {
  readonly receipts: readonly Receipted[];
  readonly fees: FeesSummary;
  readonly models: readonly TrainedModel[];
  readonly bareSample: string | undefined;
  readonly settlement: Settlement;
  readonly checks: readonly Check[];
  readonly receiptFile: (receiptId: string) => string;
};

export const BANNER = 'local test units; nobody was contacted';

export async function printReport(admin: Client, output: Output, report: Report): Promise<void> {
  const line = (text = '') => output.write(`${text}\n`);
  const { fees, receipts, settlement } = report;
  line();
  line(`── ${BANNER} ──`);
  line();
  await printQuotation(admin, line, report);
  line(
    `${fees.inferences} paid calls, ${formatOpen(BigInt(fees.units))} OPEN in fees, ${formatOpen(BigInt(fees.dataUnits))} OPEN of it to data`,
  );
  line(
    `grounded fraction ${percent(groundedPpm(receipts))}; of the data leg ${percent(fees.evidencePpm)} by evidence, the rest by the prior`,
  );
  const { creditMs } = fees;
  line(
    `${fees.partiesCredited} parties credited${creditMs ? `; from answer to credit p50 ${Math.round(creditMs.p50)} ms, p99 ${Math.round(creditMs.p99)} ms` : ''}`,
  );
  line();
  await printTop(admin, line);
  printModels(line, report);
  line(`claimed: ${settlement.identity} -> ${settlement.wallet}`);
  line(
    `         ${formatOpen(settlement.paidUnits)} OPEN, epoch ${settlement.epoch}, transaction ${settlement.transactionHash}`,
  );
  line();
  for (const { name, ok, detail } of report.checks) line(`${ok ? '✓' : '✗'} ${name} (${detail})`);
}

type Line = (text?: string) => void;

/** The longest passage that a retrieving answer took from somebody's text: what it earned, and how to check it. */
async function printQuotation(
  admin: Client,
  line: Line,
  { receipts, receiptFile }: Report,
): Promise<void> {
  const best = receipts
    .filter(({ call }) => call.isRetrieving)
    .flatMap(({ bundle, call }) =>
      (bundle.receipt.attribution?.spans ?? [])
        .filter((span) => !span.echo && span.records.length === 1)
        .map((span) => ({ bundle, call, span })),
    )
    .sort((a, b) => prose(b) - prose(a) || b.span.words - a.span.words)[0];
  if (!best) return;
  const { bundle, call, span } = best;
  const [{ record, start }] = span.records;
  const source = bundle.records.find((one) => one.record === record);
  const { datanet } =
    bundle.snapshots.find(({ snapshot }) => snapshot === source?.snapshot) ?? bundle.snapshots[0];
  const detail = await admin.datanets.getRecord({
    datanetId: datanet,
    recordHash: record,
  });
  const at = await sourceLine(admin, { datanetId: datanet, record: detail, offset: start });
  const name = detail.source.package ?? detail.contributors[0]?.identity ?? 'somebody';
  line(
    `Asked ${JSON.stringify(call.prompt)}, the model answered with these ${span.words} words of ${name}:`,
  );
  line();
  for (const text of call.answer.slice(span.start, span.end).split('\n')) line(`    │ ${text}`);
  line();
  line(
    `    ${[detail.source.package, detail.source.path].filter(Boolean).join(' ')}:${at}, ${detail.licence}`,
  );
  line(
    `    they earned ${formatOpen(earned(bundle, span))} OPEN for contributor and refiner, of a call that cost ${formatOpen(BigInt(bundle.receipt.price.units))}`,
  );
  const file = receiptFile(bundle.receipt.id);
  line(`    check it: npx openledger verify ${file} --trust ${join(dirname(file), 'trust.json')}`);
  line();
}

/** 1 for a passage that reads as a sentence: for people it says more than a longer piece of code. */
const prose = ({ call, span }: Quotation): number =>
  /^[\p{L}\p{N} ,.:;'"()/-]{40,}$/u.test(call.answer.slice(span.start, span.end)) ? 1 : 0;

type Quotation = {
  readonly call: Receipted['call'];
  readonly span: { readonly start: number; readonly end: number };
};

/** A passage's part of the data leg. */
function earned(bundle: Receipted['bundle'], span: EvidenceSpan): bigint {
  const { attribution, legs } = bundle.receipt;
  const attributable = attributableIn(bundle);
  if (!attribution || !attributable) return 0n;
  const data = BigInt(legs.find(({ role }) => role === 'data')?.units ?? 0);
  const earnings = passageEarnings(attributable, data, ownersIn(bundle));
  return earnings[attribution.spans.indexOf(span)].units;
}

async function printTop(admin: Client, line: Line): Promise<void> {
  const { items } = await admin.fees.top({ limit: 10 });
  const rows = await Promise.all(
    items.map(async ({ partyId, units }) => {
      const party = await admin.identity.getParty({ partyId });
      return { name: nameOf(party), units: formatOpen(BigInt(units)) };
    }),
  );
  const width = Math.max(...rows.map(({ name }) => name.length));
  line('earned most for data:');
  for (const { name, units } of rows) line(`    ${name.padEnd(width)}  ${units} OPEN`);
  line();
}

/** A party as a person reads it: a name that an importer saw stands beside a hash, as the hint that it is. */
function nameOf({ identity, displayName, hints }: OutputOf<typeof api.identity.getParty>): string {
  if (displayName) return displayName;
  if (!identity.startsWith('git:')) return identity;
  const seen = typeof hints?.name === 'string' ? `, seen as ${hints.name}` : '';
  return `${identity.slice(0, 16)}...${seen}`;
}

function printModels(line: Line, { models, bareSample }: Report): void {
  for (const { name, run } of models) {
    const { evaluation } = run;
    if (!evaluation) continue;
    line(
      `${name}: held-out loss ${evaluation.heldOutLoss.toFixed(2)} nats a token; a bigram of the same text ${evaluation.bigramLoss.toFixed(2)}`,
    );
  }
  if (bareSample !== undefined) {
    line('a sample without its infinity-gram, from a two-minute model, not a chatbot:');
    line(`    ${JSON.stringify(bareSample)}`);
  }
  line();
}

/** Covered information of all information, over all receipts. */
function groundedPpm(receipts: readonly Receipted[]): number {
  const sums = receipts.map(
    ({ bundle }) => bundle.receipt.attribution?.information ?? { total: 0, covered: 0 },
  );
  const total = sums.reduce((sum, one) => sum + one.total, 0);
  const covered = sums.reduce((sum, one) => sum + one.covered, 0);
  return total === 0 ? 0 : Math.floor((covered / total) * 1e6);
}

const percent = (ppm: number): string => `${(ppm / 10_000).toFixed(1)} %`;
